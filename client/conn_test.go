package client

import (
	"bufio"
	"bytes"
	"errors"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// rawServer upgrades one connection and leaves the bytes to the test.
func rawServer(t *testing.T, then func(net.Conn)) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		nc, err := ln.Accept()
		if err != nil {
			return
		}
		defer nc.Close()
		if _, err := ws.Upgrade(nc); err == nil {
			then(nc)
		}
	}()
	t.Cleanup(func() { ln.Close(); <-done })
	return "ws://" + ln.Addr().String() + "/"
}

// hold keeps the connection until the client lets go, and gives its last words.
func hold(nc net.Conn) (code int) {
	nc.SetReadDeadline(time.Now().Add(5 * time.Second))
	for br := bufio.NewReader(nc); ; {
		f, err := ws.ReadFrame(br)
		if err != nil {
			return code
		}
		f = ws.UnmaskFrameInPlace(f)
		if f.Header.OpCode == ws.OpClose {
			c, _ := ws.ParseCloseFrameData(f.Payload)
			code = int(c)
		}
	}
}

func dialRaw(t *testing.T, url string, idle time.Duration) *conn {
	c, err := dialConn(t.Context(), url, http.Header{}, Text, idle)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.close)
	return c
}

func TestConnHoldsServerToProtocol(t *testing.T) {
	tests := []struct {
		name  string
		bytes string
		code  int
		cause error
	}{
		{"masked", "\x81\x81\x00\x00\x00\x00a", 1002, errProtocol},
		{"reserved bit", "\xc1\x01a", 1002, errProtocol},
		{"reserved opcode", "\x83\x00", 1002, errProtocol},
		{"long ping", "\x89\x7e\x00\x7e", 1002, errProtocol},
		{"fragmented ping", "\x09\x00", 1002, errProtocol},
		{"lone continuation", "\x80\x01a", 1002, errProtocol},
		{"text in fragments", "\x01\x01a\x81\x01b", 1002, errProtocol},
		{"top bit of length", "\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00", 1002, errProtocol},
		{"close of one byte", "\x88\x01\x03", 1002, errProtocol},
		{"close not UTF-8", "\x88\x03\x03\xe8\xff", 1002, errProtocol},
		{"too big", "\x82\x7f\x00\x00\x00\x00\x7f\xff\xff\xff", 1009, errTooBig},
		{"too big in fragments", "\x02\x01a\x80\x7f\x00\x00\x00\x00\x00\x10\x00\x00", 1009, errTooBig},
		{"not UTF-8", "\x81\x01\xff", 1007, errNotUTF8},
		{"half a rune", "\x01\x01\xc3\x80\x01a", 1007, errNotUTF8},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			said := make(chan int, 1)
			c := dialRaw(t, rawServer(t, func(nc net.Conn) {
				nc.Write([]byte(tt.bytes))
				said <- hold(nc)
			}), time.Minute)
			_, err := c.next()
			var closed *CloseError
			if !errors.As(err, &closed) || closed.Code != tt.code || !errors.Is(err, tt.cause) {
				t.Fatalf("err = %v", err)
			}
			c.close()
			if code := <-said; code != tt.code {
				t.Fatalf("told the server %d, want %d", code, tt.code)
			}
		})
	}
}

func TestConnMessages(t *testing.T) {
	big := bytes.Repeat([]byte("0123456789abcdef"), messageBytesMax/16)
	pong := make(chan []byte, 1)
	c := dialRaw(t, rawServer(t, func(nc net.Conn) {
		// A rune cut in two, a ping between the halves.
		nc.Write([]byte("\x01\x02a\xc3\x89\x02hi\x80\x01\xa9"))
		f, err := ws.ReadFrame(nc)
		if err == nil && f.Header.Masked {
			pong <- ws.UnmaskFrameInPlace(f).Payload
		}
		ws.WriteFrame(nc, ws.NewTextFrame(big))
		nc.Write([]byte("\x88\x00"))
		hold(nc)
	}), time.Minute)
	if p, err := c.next(); err != nil || string(p) != "aé" {
		t.Fatalf("%q %v", p, err)
	}
	if p := <-pong; string(p) != "hi" {
		t.Fatalf("pong %q", p)
	}
	if p, err := c.next(); err != nil || !bytes.Equal(p, big) {
		t.Fatalf("%d bytes, %v", len(p), err)
	}
	var closed *CloseError
	if _, err := c.next(); !errors.As(err, &closed) || closed.Code != closeNoStatus {
		t.Fatalf("%v", err)
	}
}

func TestConnSilence(t *testing.T) {
	c := dialRaw(t, rawServer(t, func(nc net.Conn) { hold(nc) }), 30*time.Millisecond)
	_, err := c.next()
	var closed *CloseError
	if !errors.As(err, &closed) || closed.Code != closeLost || !errors.Is(err, errSilent) {
		t.Fatalf("err = %v", err)
	}
	if !retryable(err) {
		t.Fatal("silence must bring a reconnect")
	}
}

func TestConnDialectRefused(t *testing.T) {
	url := rawServer(t, func(nc net.Conn) { hold(nc) })
	_, err := dialConn(t.Context(), url, http.Header{}, Dialect("azira.v1.json"), time.Minute)
	if !errors.Is(err, ErrDialect) {
		t.Fatalf("err = %v", err)
	}
}

// bytesConn is a connection that has only bytes to read.
type bytesConn struct {
	net.Conn // nil: what is not below is not called
	r        *bytes.Reader
	written  int
}

func (b *bytesConn) Read(p []byte) (int, error)       { return b.r.Read(p) }
func (b *bytesConn) Write(p []byte) (int, error)      { b.written += len(p); return len(p), nil }
func (b *bytesConn) SetReadDeadline(time.Time) error  { return nil }
func (b *bytesConn) SetWriteDeadline(time.Time) error { return nil }

// Whatever a server sends, next ends, within its limits, with a CloseError; and
// what it accepts is what was framed.
func FuzzConn(f *testing.F) {
	f.Add([]byte("\x81\x01a\x89\x00\x01\x01a\x80\x01b\x88\x02\x03\xe8"))
	f.Add([]byte("\x82\x7f\x00\x00\x00\x00\x00\x00\x00\x01a"))
	f.Add([]byte("\x88\x01\x00"))
	f.Fuzz(func(t *testing.T, p []byte) {
		nc := &bytesConn{r: bytes.NewReader(p)}
		c := &conn{nc: nc, idle: time.Minute}
		c.br = bufio.NewReaderSize(nc, 64)
		total := 0
		for {
			msg, err := c.next()
			if err != nil {
				var closed *CloseError
				if !errors.As(err, &closed) || err.Error() == "" {
					t.Fatalf("err = %v", err)
				}
				break
			}
			total += len(msg)
		}
		if total > len(p) {
			t.Fatalf("%d bytes of messages out of %d", total, len(p))
		}
	})
}
