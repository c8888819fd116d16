package feed

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"
)

// A deafConn gives prepared bytes and takes anything.
type deafConn struct {
	net.Conn
	in io.Reader
}

func (c deafConn) Read(p []byte) (int, error)  { return c.in.Read(p) }
func (c deafConn) Write(p []byte) (int, error) { return len(p), nil }
func (c deafConn) SetDeadline(time.Time) error { return nil }

// FuzzHandshake: whatever follows a good greeting is READY or an error, without a
// panic, and what is behind READY is left for the frame reader.
func FuzzHandshake(f *testing.F) {
	var greeting [greetingBytes]byte
	copy(greeting[:], "\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f\x03\x00NULL")
	f.Add([]byte("\x04\x19\x05READY\x0bSocket-Type\x00\x00\x00\x03PUB\x00\x01x"))
	f.Add([]byte("\x06\x00\x00\x00\x00\x00\x00\x00\x19\x05READY\x0bSocket-Type\x00\x00\x00\x03PUB"))
	f.Add([]byte("\x06\x7f\xff\xff\xff\xff\xff\xff\xff"))
	f.Add([]byte("\x04\x08\x05READY\xff\x00"))
	f.Fuzz(func(t *testing.T, p []byte) {
		in := bytes.NewReader(p)
		conn := deafConn{in: io.MultiReader(bytes.NewReader(greeting[:]), in)}
		err := handshake(conn, roleSub, time.Second)
		fr, n, perr := parseFrame(p, readyBytesMax)
		if err == nil && (perr != nil || !fr.command() || len(p)-in.Len() != n) {
			t.Fatalf("%x passed, %d bytes read; its first frame: %v", p, len(p)-in.Len(), perr)
		}
	})
}
