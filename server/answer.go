package server

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// An answer is what a handler decided to say. Only send puts it on the wire,
// so that every answer has the same shape: JSON, timed, compressed where asked
// for, and nothing in it that the handler did not mean.
type answer struct {
	status  int
	body    []byte
	packed  []byte // body compressed, where it is kept so
	plain   bool   // body is text, not JSON
	kind    string // Content-Type, where it is neither
	header  [][2]string
	cookies []*http.Cookie
	secret  bool // carries credentials: never cached
	last    bool // the connection ends after it
	taken   bool // the connection was taken over; there is nothing to send
}

// object answers 200 with v as JSON.
func object(v any) answer { return answer{status: http.StatusOK, body: mustJSON(v)} }

// detail answers with the one form that errors have.
func detail(status int, text string) answer {
	return answer{status: status, body: mustJSON(map[string]string{"detail": text})}
}

// message answers 200 with a sentence.
func message(text string) answer { return object(map[string]string{"message": text}) }

func (a answer) with(name, value string) answer {
	a.header = append(a.header, [2]string{name, value})
	return a
}

// wrong is one fault of a request's body, in the original's form.
type wrong struct {
	Loc  []any  `json:"loc"`
	Msg  string `json:"msg"`
	Type string `json:"type"`
}

// unprocessable answers 422 with every fault found.
func unprocessable(faults ...wrong) answer {
	return answer{
		status: http.StatusUnprocessableEntity,
		body:   mustJSON(map[string][]wrong{"detail": faults}),
	}
}

// mustJSON marshals one of our own values, which never fails.
func mustJSON(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("server: unencodable answer: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// send writes a. Its error is the client's going away, which needs no remark.
func (a answer) send(w http.ResponseWriter, r *http.Request, since time.Time) {
	h := w.Header()
	for _, kv := range a.header {
		h.Set(kv[0], kv[1])
	}
	if a.last && h.Get("Connection") != "close" {
		h["Connection"] = append([]string{"close"}, h["Connection"]...)
	}
	for _, c := range a.cookies {
		http.SetCookie(w, c)
	}
	if a.secret {
		h.Set("Cache-Control", "no-store")
	}
	switch {
	case a.kind != "":
		h.Set("Content-Type", a.kind)
	case a.plain:
		h.Set("Content-Type", "text/plain; charset=utf-8")
	default:
		h.Set("Content-Type", "application/json")
	}
	body := a.body
	if len(body) >= gzipBytesMin {
		h.Add("Vary", "Accept-Encoding")
		if acceptsGzip(r.Header) {
			if body = a.packed; body == nil {
				body = compress(a.body)
			}
			h.Set("Content-Encoding", "gzip")
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("X-Process-Time", processTime(since))
	w.WriteHeader(a.status)
	_, _ = w.Write(body)
}

// processTime is what X-Process-Time says: seconds.
func processTime(since time.Time) string {
	return strconv.FormatFloat(time.Since(since).Seconds(), 'f', 6, 64)
}

func compress(body []byte) []byte {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed) // fails on a bad level only
	_, _ = z.Write(body)                            // a Buffer takes everything
	_ = z.Close()
	return b.Bytes()
}

// acceptsGzip reads Accept-Encoding (RFC 9110 §12.5.3): gzip or *, and not with q=0.
func acceptsGzip(h http.Header) bool {
	star := false
	for _, item := range splitList(h["Accept-Encoding"]) {
		name, params, _ := strings.Cut(item, ";")
		name = strings.ToLower(strings.TrimSpace(name))
		if name != "gzip" && name != "*" {
			continue
		}
		wanted := true
		if q, ok := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q="); ok {
			v, err := strconv.ParseFloat(q, 64)
			wanted = err == nil && v > 0
		}
		if name == "gzip" {
			return wanted
		}
		star = wanted
	}
	return star
}

// splitList is the items of a comma-separated header, whichever way it was repeated.
func splitList(lines []string) []string {
	var out []string
	for _, line := range lines {
		for _, item := range strings.Split(line, ",") {
			if item = strings.TrimSpace(item); item != "" {
				out = append(out, item)
			}
		}
	}
	return out
}
