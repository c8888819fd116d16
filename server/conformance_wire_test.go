package server

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"testing"
	"time"
	"unicode/utf8"
)

// The opcodes of RFC 6455 §5.2, and the bit that ends a message.
const (
	opMore   = 0x0
	opText   = 0x1
	opBinary = 0x2
	opClose  = 0x8
	opPing   = 0x9
	opPong   = 0xA
	fin      = 0x80
)

// wireFrame is a client's frame by the letter of RFC 6455 §5.2. first is the
// whole first byte, so that it may be wrong.
func wireFrame(first byte, payload string) []byte {
	mask := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	b := append(wireHeader(first, len(payload)), mask[:]...)
	for i := range len(payload) {
		b = append(b, payload[i]^mask[i%4])
	}
	return b
}

// wireHeader is a masked frame's header without the mask itself.
func wireHeader(first byte, n int) []byte {
	switch {
	case n < 126:
		return []byte{first, 0x80 | byte(n)}
	case n < 1<<16:
		return binary.BigEndian.AppendUint16([]byte{first, 0x80 | 126}, uint16(n))
	}
	return binary.BigEndian.AppendUint64([]byte{first, 0x80 | 127}, uint64(n))
}

// closeBody is the payload of a close frame.
func closeBody(code int, reason string) string {
	return string(binary.BigEndian.AppendUint16(nil, uint16(code))) + reason
}

// A wire is a WebSocket without any library.
type wire struct {
	net.Conn
	rd *bufio.Reader
}

// openWire opens a stream of a server by hand.
func openWire(t *testing.T, s *running, path string, lines ...string) *wire {
	t.Helper()
	c, err := net.Dial("tcp", s.addrs.Public)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	w := &wire{c, bufio.NewReader(c)}
	if _, err := io.WriteString(w, upgradeText(path, lines...)); err != nil {
		t.Fatal(err)
	}
	for first := true; ; first = false {
		l, err := w.rd.ReadString('\n')
		if err != nil || first && l != "HTTP/1.1 101 Switching Protocols\r\n" {
			t.Fatalf("not upgraded: %q %v", l, err)
		}
		if l == "\r\n" {
			return w
		}
	}
}

// send writes p in pieces of chop bytes, or whole when chop is 0.
func (w *wire) send(p []byte, chop int) {
	for chop > 0 && len(p) > chop {
		if _, err := w.Write(p[:chop]); err != nil {
			return // the server has closed: what it said is still to be read
		}
		p = p[chop:]
	}
	_, _ = w.Write(p)
}

// hear reads one frame of the server, which must keep every rule for servers,
// and tells it as "text …", "close 1000" or "end".
func (w *wire) hear() (string, error) {
	op, payload, err := w.frame()
	if err == io.EOF {
		return "end", nil
	}
	if err != nil {
		return "", err
	}
	switch op {
	case opText:
		return "text " + payload, notUTF8(payload)
	case opBinary:
		return "binary " + payload, nil
	case opPing:
		return "ping " + payload, nil
	case opPong:
		return "pong " + payload, nil
	case opClose:
		if len(payload) < 2 {
			return "", fmt.Errorf("close frame of %d bytes", len(payload))
		}
		code := binary.BigEndian.Uint16([]byte(payload))
		return fmt.Sprintf("close %d", code), notUTF8(payload[2:])
	}
	return "", fmt.Errorf("opcode %d", op)
}

func notUTF8(s string) error {
	if !utf8.ValidString(s) {
		return fmt.Errorf("%.40q is not UTF-8", s)
	}
	return nil
}

// frame reads a frame: final, unmasked, no reserved bits, its length in the
// shortest form, control frames of at most 125 bytes.
func (w *wire) frame() (op byte, payload string, err error) {
	var h [10]byte
	if _, err := io.ReadFull(w.rd, h[:2]); err != nil {
		return 0, "", err
	}
	n, extra, least := uint64(h[1]&0x7f), 0, uint64(0)
	switch n {
	case 126:
		extra, least = 2, 126
	case 127:
		extra, least = 8, 1<<16
	}
	op = h[0] & 0x0f
	if h[0]&0xf0 != fin || h[1]&0x80 != 0 || op >= opClose && n > 125 {
		return 0, "", fmt.Errorf("header % x", h[:2])
	}
	if _, err := io.ReadFull(w.rd, h[10-extra:]); err != nil {
		return 0, "", fmt.Errorf("read length: %w", err)
	}
	if extra > 0 {
		copy(h[2:10-extra], make([]byte, 8))
		n = binary.BigEndian.Uint64(h[2:])
	}
	if n < least || n > 1<<20 {
		return 0, "", fmt.Errorf("length %d in %d bytes", n, extra)
	}
	p := make([]byte, n)
	if _, err := io.ReadFull(w.rd, p); err != nil {
		return 0, "", fmt.Errorf("read payload: %w", err)
	}
	return op, string(p), nil
}
