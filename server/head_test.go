package server

import (
	"strconv"
	"strings"
	"testing"
)

// scanned is what a headScan says of a text that comes in pieces.
func scanned(text string, piece int) (crooked, over bool) {
	var h headScan
	for p := []byte(text); len(p) > 0; {
		n := min(piece, len(p))
		h.watch(p[:n])
		p = p[n:]
	}
	return h.crooked.Load(), h.over.Load()
}

// scannedSimply is the naive twin: it has the whole text, and takes it apart.
func scannedSimply(text string) (crooked, over bool) {
	for {
		for strings.HasPrefix(text, "\r\n") {
			text = text[2:]
		}
		head, rest, whole := strings.Cut(text, "\r\n\r\n")
		lines := strings.Split(head, "\r\n")
		for i, l := range lines {
			if !whole && i == len(lines)-1 {
				l = strings.TrimSuffix(l, "\r") // its LF may still come
				lines[i] = l
			}
			if strings.ContainsAny(l, "\r\n") {
				return true, false
			}
		}
		length, sized, chunked := "", 0, false
		for _, l := range lines[1:] {
			if strings.HasPrefix(l, " ") || strings.HasPrefix(l, "\t") {
				return true, false
			}
			name, value, ok := strings.Cut(l, ":")
			switch strings.ToLower(name) {
			case "content-length":
				if ok {
					length = strings.NewReplacer(" ", "", "\t", "").Replace(value)
					sized++
				}
			case "transfer-encoding":
				chunked, over = chunked || ok, over || ok
			case "upgrade":
				over = over || ok
			}
		}
		n, err := strconv.ParseUint(length, 10, 64)
		switch {
		case sized > 1, length != "" && err != nil, n >= headLengthMax, whole && chunked && sized > 0:
			return true, false
		case !whole:
			return false, false
		case over:
			return false, true
		case n > uint64(len(rest)):
			return false, false
		}
		text = rest[n:]
	}
}

func FuzzHeadScan(f *testing.F) {
	for _, text := range []string{
		"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\n b\r\n\r\n",
		"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\na\nbGET / HTTP/1.1\r\nX: \n\r\n\r\n",
		"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\n\n\n",
		"POST / HTTP/1.1\r\nTransfer-Encoding: x\r\ncontent-length: 1\r\n\r\n",
		"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n\n\n",
		"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
		"\r\n\r\nGET / HTTP/1.1\r\nX: \r \r\n\r\n", "G\r", "G\r\n", "G\r\n\r", "\n", "\rX",
	} {
		f.Add(text, 3)
	}
	f.Fuzz(func(t *testing.T, text string, piece int) {
		want, over := scannedSimply(text)
		for _, n := range []int{1, max(1, piece&0xff), len(text) + 1} {
			got, ended := scanned(text, n)
			if got != want || !want && ended != over {
				t.Fatalf("%q by %d: crooked %v, over %v, want %v, %v", text, n, got, ended, want, over)
			}
		}
	})
}
