package server

import (
	"bytes"
	"net"
	"strconv"
	"sync/atomic"
	"time"
)

// A listener counts the connections it hands out against the budget of
// descriptors. One too many is answered 503 and closed, not served. It never
// fails for want of descriptors: net/http waits and tries again.
type listener struct {
	*net.TCPListener
	budget *budget
}

// Accept waits for the next connection there is a descriptor for.
func (l listener) Accept() (net.Conn, error) {
	for {
		c, err := l.AcceptTCP()
		if err != nil {
			return nil, err
		}
		if l.budget.enter() {
			return &conn{TCPConn: c, budget: l.budget}, nil
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
	*net.TCPConn
	budget *budget
	fold   foldScan
	closed atomic.Bool
}

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.TCPConn.Read(p)
	c.fold.watch(p[:n])
	return n, err
}

func (c *conn) Close() error {
	if c.closed.CompareAndSwap(false, true) {
		c.budget.leave()
	}
	return c.TCPConn.Close()
}

// nativeMark ends the header of the answers that net/http writes by itself,
// before any handler, to what is no proper request.
var nativeMark = []byte("\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n")

// Write gives net/http's own answers the form that all errors here have.
func (c *conn) Write(p []byte) (int, error) {
	if len(p) > nativeBytesMax {
		return c.TCPConn.Write(p)
	}
	status, _, native := bytes.Cut(p, nativeMark)
	if !native || bytes.Contains(status, []byte("\r\n")) || len(status) < len("HTTP/1.1 400") {
		return c.TCPConn.Write(p)
	}
	code, err := strconv.Atoi(string(status[9:12]))
	if err != nil || code < 400 {
		return c.TCPConn.Write(p)
	}
	name, _, _ := bytes.Cut(status[13:], []byte(":"))
	if _, err := c.TCPConn.Write(nativeAnswer(code, string(name), string(name), "")); err != nil {
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
