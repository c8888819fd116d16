package server

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"azira/engine"
)

// A listener counts the connections it hands out against the budget of
// descriptors. One too many is answered 503 and closed, not served; with TLS it is closed
// without an answer, as a handshake is too dear for one. It never
// fails for want of descriptors: net/http waits and tries again.
type listener struct {
	*net.TCPListener
	budget *budget
	tls    *tls.Config // nil = clear text
	peers  *peers
}

// peers is what is known of those who connect, beside their number.
type peers struct {
	*proxies
	crowd *crowd
}

// Accept waits for the next connection there is a descriptor for.
func (l listener) Accept() (net.Conn, error) {
	for {
		c, err := l.AcceptTCP()
		if err != nil {
			l.budget.missed(err)
			return nil, err
		}
		why := noDescriptor
		if l.budget.enter() {
			own := newConn(c, l.budget, l.tls)
			if own.join(l.peers) {
				return own, nil
			}
			l.budget.leave()
			why = addressIsFull
		}
		l.budget.refused[why].Add(1)
		if l.tls != nil {
			_ = c.Close()
			continue
		}
		_ = c.SetWriteDeadline(time.Now().Add(time.Second))
		_, _ = c.Write(nativeAnswer(503, "Service Unavailable",
			"Too many connections", "Retry-After: "+soon()+"\r\n"))
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
	peers    *peers     // nil = no matter
	peer     netip.Addr // counted there
	since    time.Time
	head     headScan
	served   bool // a request of it was; owned by its handler
	closed   atomic.Bool

	greet  sync.Once
	remote net.Addr // the client's, which a proxy may have told
	failed error    // it did not
}

func newConn(tcp *net.TCPConn, b *budget, c *tls.Config) *conn {
	if c == nil {
		return &conn{Conn: tcp, tcp: tcp, budget: b, since: time.Now()}
	}
	s := newTLSSession(tcp, c)
	return &conn{Conn: s.c, tcp: tcp, tls: s, budget: b, since: time.Now()}
}

// join counts a connection among those of its address, if there is room.
func (c *conn) join(p *peers) bool {
	if p == nil {
		return true
	}
	peer := c.tcp.RemoteAddr().(*net.TCPAddr).AddrPort().Addr()
	if !p.crowd.enter(peer) {
		return false
	}
	c.peers, c.peer = p, peer
	return true
}

// RemoteAddr is the client's address. net/http asks for it before it reads anything: a
// PROXY header, where one has to come, is read then.
func (c *conn) RemoteAddr() net.Addr {
	c.greet.Do(func() {
		c.remote = c.tcp.RemoteAddr()
		if c.peers == nil {
			return
		}
		from, err := c.peers.greet(c.tcp)
		if err != nil {
			c.failed = fmt.Errorf("greet proxy: %w", err)
			return
		}
		c.remote = net.TCPAddrFromAddrPort(from)
	})
	return c.remote
}

func (c *conn) Read(p []byte) (int, error) {
	if c.failed != nil {
		return 0, c.failed
	}
	n, err := c.Conn.Read(p)
	c.head.watch(p[:n])
	return n, err
}

func (c *conn) Close() error {
	first := c.closed.CompareAndSwap(false, true)
	if first {
		c.budget.leave()
		if c.peers != nil {
			c.peers.crowd.leave(c.peer)
		}
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
