package soak

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const (
	unbounded  = -1 // a cutter's rate
	chunkBytes = 32 << 10
	slowBuffer = 4 << 10                // the kernel's, of a slow way down
	slowStep   = 100 * time.Millisecond // between two looks of a slow way down
)

// A cutter stands between clients and the server and does to their connections what
// networks do: resets them, slows the way down or stops it, lets nobody in.
type cutter struct {
	// Fixed after newCutter.
	ln   net.Listener
	to   string
	slow bool // the kernel holds little for the way down

	rate atomic.Int64 // bytes per second and connection on the way down, or unbounded
	shut atomic.Bool  // who comes is reset
	wg   sync.WaitGroup

	mu    sync.Mutex
	pairs map[*pair]struct{}
}

// A pair is a client's connection and the one to the server that belongs to it.
type pair struct{ client, server *net.TCPConn }

func newCutter(t *testing.T, to string, slow bool) *cutter {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{ln: ln, to: to, slow: slow, pairs: make(map[*pair]struct{})}
	c.rate.Store(unbounded)
	c.wg.Go(c.accept)
	return c
}

func (c *cutter) url() string { return "http://" + c.ln.Addr().String() }

func (c *cutter) accept() {
	for {
		nc, err := c.ln.Accept()
		if err != nil {
			return
		}
		client := nc.(*net.TCPConn)
		if c.shut.Load() {
			reset(client)
			continue
		}
		c.wg.Go(func() { c.join(client) })
	}
}

// join is one pair's life.
func (c *cutter) join(client *net.TCPConn) {
	dial := dial
	if c.slow {
		dial = dialSlow
	}
	server, err := dial(c.to)
	if err != nil {
		reset(client)
		return
	}
	p := &pair{client, server}
	c.mu.Lock()
	c.pairs[p] = struct{}{}
	c.mu.Unlock()
	c.wg.Go(func() {
		io.Copy(p.server, p.client)
		p.close()
	})
	c.down(p)
	p.close()
	c.mu.Lock()
	delete(c.pairs, p)
	c.mu.Unlock()
}

// down copies what the server says, as fast as the rate allows.
func (c *cutter) down(p *pair) {
	buf := make([]byte, chunkBytes)
	for {
		rate := c.rate.Load()
		if rate == 0 {
			time.Sleep(slowStep)
			if p.server.SetReadDeadline(time.Time{}) != nil {
				return // closed
			}
			continue
		}
		b := buf
		if rate != unbounded {
			b = buf[:max(1, min(chunkBytes, rate*int64(slowStep)/int64(time.Second)))]
		}
		n, err := p.server.Read(b)
		if n > 0 {
			if _, err := p.client.Write(b[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
		if rate != unbounded {
			time.Sleep(slowStep)
		}
	}
}

// cut resets every connection, on both sides.
func (c *cutter) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for p := range c.pairs {
		reset(p.client)
		reset(p.server)
	}
}

// close ends the cutter and what goes through it.
func (c *cutter) close() {
	c.ln.Close()
	c.cut()
	c.wg.Wait()
}

func (p *pair) close() {
	p.client.Close()
	p.server.Close()
}

func dial(addr string) (*net.TCPConn, error) { return dialWith(net.Dialer{}, addr) }

// dialSlow opens a connection for which the kernel holds little. It is told before the
// connection is made, so that the other side never sees a great window.
func dialSlow(addr string) (*net.TCPConn, error) {
	return dialWith(net.Dialer{Control: func(_, _ string, c syscall.RawConn) (err error) {
		failed := c.Control(func(fd uintptr) {
			err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, slowBuffer)
		})
		return errors.Join(failed, err)
	}}, addr)
}

func dialWith(d net.Dialer, addr string) (*net.TCPConn, error) {
	d.Timeout = answerTimeout
	nc, err := d.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return nc.(*net.TCPConn), nil
}

// reset ends a connection by RST.
func reset(c *net.TCPConn) {
	c.SetLinger(0)
	c.Close()
}
