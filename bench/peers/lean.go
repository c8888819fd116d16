package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"

	"azira/proto"
)

const leanName = "lean"

// leanReadBytes is what a client's goroutine reads into: most requests fit.
const leanReadBytes = 512

// A leanHub is the least that a server with a goroutine per connection can be: each
// reads requests, nothing else, and the feed's goroutine writes all that a burst has for
// a client at once, by frames made once.
//
// A client that takes nothing holds all up, for writeTimeout at most; then it is closed.
type leanHub struct {
	// Shared by the feed and the clients, under mu.
	mu    sync.Mutex
	wants interest[*leanClient]

	// Owned by the feed.
	due   []*leanClient // with something to send
	free  [][]byte      // buffers that wait for their next client
	frame []byte
	tally tally
}

// A leanClient is one connection.
type leanClient struct {
	conn net.Conn
	out  []byte // frames of the burst; the feed's
}

func runLean(ctx context.Context, o options, ready func(string)) error {
	h := &leanHub{wants: newInterest[*leanClient]()}
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
		return errors.Join(c.Control(func(fd uintptr) { err = setLowWater(int(fd)) }), err)
	}}
	ln, err := lc.Listen(ctx, "tcp", o.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if ln, err = withTLS(ln, o); err != nil {
		return err
	}
	go h.accept(ln)
	ready(ln.Addr().String())
	err = subscribe(ctx, o, h)
	h.tally.tell(o.Stderr, leanName)
	return errors.Join(err, ln.Close())
}

func (h *leanHub) accept(ln net.Listener) {
	for {
		conn, err := ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			go h.serve(&leanClient{conn: conn})
		}
	}
}

// serve takes a client's handshake and requests until it goes.
func (h *leanHub) serve(c *leanClient) {
	defer func() {
		h.mu.Lock()
		h.wants.forget(c)
		h.mu.Unlock()
		c.conn.Close()
	}()
	buf := make([]byte, leanReadBytes)
	p, err := c.upgrade(buf)
	for d := new(proto.Decoder); err == nil; {
		if err = h.take(c, d, p); err == nil {
			var n int
			n, err = c.conn.Read(buf)
			p = buf[:n]
		}
	}
}

// upgrade answers the handshake and returns what came after it.
func (c *leanClient) upgrade(buf []byte) (rest []byte, err error) {
	var head []byte
	for {
		n, err := c.conn.Read(buf)
		if err != nil {
			return nil, err
		}
		head = append(head, buf[:n]...)
		answer, rest, err := answerHandshake(head)
		if err != nil {
			return nil, err
		}
		if answer != nil {
			_, err = c.conn.Write(answer)
			return rest, err
		}
	}
}

func (h *leanHub) take(c *leanClient, d *proto.Decoder, p []byte) error {
	for len(p) > 0 {
		m, n, ok, err := d.Next(p, requestBytesMax)
		if err != nil {
			return err
		}
		p = p[n:]
		if ok && m.Op == proto.OpClose {
			return errGone
		}
		if ok && m.Op == proto.OpText {
			if err := h.request(c, m.Payload); err != nil {
				return err
			}
		}
	}
	return nil
}

// request answers under the lock that ticks are given out under: none comes before it.
func (h *leanHub) request(c *leanClient, p []byte) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	req, err := proto.ParseText(p)
	var answer []byte
	if fault, ok := errors.AsType[proto.TextFault](err); ok {
		answer = fault.Answer
	} else {
		answer = h.wants.apply(c, req)
	}
	_, err = c.conn.Write(proto.AppendFrame(nil, proto.OpText, answer))
	return err
}

// Tick implements feed.Sink.
func (h *leanHub) Tick(topic, data []byte, _ int64) {
	h.tally.ticks++
	h.mu.Lock()
	defer h.mu.Unlock()
	clients := h.wants.of(topic)
	if len(clients) == 0 {
		return
	}
	h.frame = proto.AppendFrame(h.frame[:0], proto.OpText, data)
	for _, c := range clients {
		if len(c.out) == 0 {
			h.due = append(h.due, c)
			if n := len(h.free); n > 0 {
				c.out, h.free = h.free[n-1], h.free[:n-1]
			}
		}
		c.out = append(c.out, h.frame...)
		h.tally.delivered++
	}
}

// Flush implements feed.Sink.
func (h *leanHub) Flush() {
	for i, c := range h.due {
		err := c.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
		if err == nil {
			_, err = c.conn.Write(c.out)
		}
		if err != nil {
			c.conn.Close() // its goroutine hears of it
		}
		h.free = append(h.free, c.out[:0])
		c.out, h.due[i] = nil, nil
	}
	h.due = h.due[:0]
}
