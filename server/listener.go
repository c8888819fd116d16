package server

import (
	"bytes"
	"crypto/tls"
	"net"
	"strconv"
	"sync/atomic"
	"time"

	"azira/engine"
)

// A listener counts the connections it hands out against the budget of
// descriptors. One too many is answered 503 and closed, not served. It never
// fails for want of descriptors: net/http waits and tries again.
type listener struct {
	*net.TCPListener
	budget *budget
	tls    *tls.Config // nil = clear text
}

// Accept waits for the next connection there is a descriptor for.
func (l listener) Accept() (net.Conn, error) {
	for {
		c, err := l.AcceptTCP()
		if err != nil {
			l.budget.missed(err)
			return nil, err
		}
		if l.budget.enter() {
			return newConn(c, l.budget, l.tls), nil
		}
		l.budget.refused.Add(1)
		_ = c.SetWriteDeadline(time.Now().Add(time.Second))
		_, _ = c.Write(nativeAnswer(503, "Service Unavailable",
			"Too many connections", "Retry-After: "+retryAfter+"\r\n"))
		_ = c.CloseWrite()
		_ = c.Close()
	}
}

// A conn is one connection of the public port while net/http has it.
type conn struct {
	net.Conn // the socket, or the TLS session on it
	tcp      *net.TCPConn
	tls      *tlsSession // nil = clear text
	budget   *budget
	fold     foldScan
	closed   atomic.Bool
}

func newConn(tcp *net.TCPConn, b *budget, c *tls.Config) *conn {
	if c == nil {
		return &conn{Conn: tcp, tcp: tcp, budget: b}
	}
	s := newTLSSession(tcp, c)
	return &conn{Conn: s.c, tcp: tcp, tls: s, budget: b}
}

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.fold.watch(p[:n])
	return n, err
}

func (c *conn) Close() error {
	first := c.closed.CompareAndSwap(false, true)
	if first {
		c.budget.leave()
	}
	err := c.Conn.Close()
	if first && c.tls != nil {
		c.countTLS() // once no handshake is waited for any more
	}
	return err
}

func (c *conn) countTLS() {
	if c.tls.c.ConnectionState().HandshakeComplete {
		c.budget.secured.Add(1)
	} else {
		c.budget.unsecured.Add(1)
	}
}

// CloseWrite ends what is sent, as net/http does before it gives a connection up.
func (c *conn) CloseWrite() error {
	if c.tls != nil {
		return c.tls.c.CloseWrite()
	}
	return c.tcp.CloseWrite()
}

// leave takes the TLS session off its socket, which alone is closed from then on; nil
// if there is none.
func (c *conn) leave() engine.Sealer {
	if c.tls == nil {
		return nil
	}
	c.tls.w.Conn = nil
	c.Conn = c.tcp
	return c.tls
}

// nativeMark ends the header of the answers that net/http writes by itself,
// before any handler, to what is no proper request.
var nativeMark = []byte("\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n")

// Write gives net/http's own answers the form that all errors here have.
func (c *conn) Write(p []byte) (int, error) {
	if len(p) > nativeBytesMax {
		return c.Conn.Write(p)
	}
	status, _, native := bytes.Cut(p, nativeMark)
	if !native || bytes.Contains(status, []byte("\r\n")) || len(status) < len("HTTP/1.1 400") {
		return c.Conn.Write(p)
	}
	code, err := strconv.Atoi(string(status[9:12]))
	if err != nil || code < 400 {
		return c.Conn.Write(p)
	}
	name, _, _ := bytes.Cut(status[13:], []byte(":"))
	if _, err := c.Conn.Write(nativeAnswer(code, string(name), string(name), "")); err != nil {
		return 0, err
	}
	return len(p), nil
}

// nativeAnswer is an answer made without a handler. It carries no
// X-Process-Time: nothing was processed.
func nativeAnswer(code int, name, text, header string) []byte {
	body := mustJSON(map[string]string{"detail": text})
	return append([]byte("HTTP/1.1 "+strconv.Itoa(code)+" "+name+
		"\r\nContent-Type: application/json\r\n"+header+
		"Content-Length: "+strconv.Itoa(len(body))+"\r\nConnection: close\r\n\r\n"), body...)
}
