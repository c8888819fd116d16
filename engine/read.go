package engine

import (
	"bytes"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"azira/proto"
)

// read takes what a socket has, as far as its requests can be served: while an
// answer waits, no further request is read.
func (l *loop) read(c *conn) {
	if c.state == closing {
		l.discard(c)
		return
	}
	if c.in != nil && len(c.in.left) > 0 && c.parked == nil {
		left := c.in.left
		c.in.left = nil
		l.feed(c, left)
	}
	if c.parked != nil && c.state == open {
		l.peek(c)
	}
	for range readsPerTurn {
		if c.parked != nil || c.state != open {
			return
		}
		buf := l.scratch.in[:l.readSize(c)]
		n, err := unix.Read(int(c.fd), buf)
		switch {
		case err == unix.EAGAIN:
			c.readable = false
			return
		case err == unix.EINTR:
			continue
		case err != nil || n == 0:
			l.drop(c, proto.CloseAbnormal)
			return
		}
		c.heard = l.now
		if p := buf[:n]; !c.sealed {
			l.feed(c, p)
		} else if !l.feedSealed(c, p) {
			return
		}
		if n < len(buf) && !c.ended && c.parked == nil {
			c.readable = false // a short read empties the socket; more is a new edge
			return
		}
	}
	l.serve(c)
}

// peek looks, without reading, whether a parked connection says goodbye: its
// requests wait, but its place must not.
func (l *loop) peek(c *conn) {
	p := l.scratch.in[:0]
	if c.in != nil {
		if !c.in.dec.Idle() {
			return // in the middle of something
		}
		p = append(p, c.in.left...)
	}
	if had := len(p); !c.sealed && had+readBytes <= cap(p) { // what is sealed can't be seen yet
		n, _, err := unix.Recvfrom(int(c.fd), p[had:had+readBytes], unix.MSG_PEEK)
		if err == nil {
			p = p[:had+n]
		}
	}
	if proto.HasClose(p) {
		l.shut(c, proto.CloseNormal, "")
	}
}

// readSize is small beyond the frame in progress, so that little is held of a
// client that sends requests and takes no answers.
func (l *loop) readSize(c *conn) int {
	if c.in == nil {
		return readBytes
	}
	return readBytes + int(min(c.in.dec.Left(), readBytesMax-readBytes))
}

// discard reads on after our close frame, until the peer ends or time is up.
func (l *loop) discard(c *conn) {
	for range readsPerTurn {
		n, err := unix.Read(int(c.fd), l.scratch.in)
		switch {
		case err == unix.EAGAIN:
			c.readable = false
			return
		case err == unix.EINTR:
		case err != nil || n == 0:
			l.drop(c, int(c.code))
			return
		}
	}
	l.serve(c)
}

// feed takes bytes of a client and serves the messages they end.
func (l *loop) feed(c *conn, p []byte) {
	in := c.in
	if in == nil {
		in, l.idle = l.idle, nil // most bytes are whole messages and leave nothing
	}
	if in == nil {
		in = &inbound{}
	}
	for c.state == open {
		if c.parked != nil {
			in.left = slices.Clone(p) // after the answer
			break
		}
		m, n, ok, err := in.dec.Next(p, l.limit(c))
		p = p[n:]
		if err != nil {
			code, reason := proto.CloseCodeOf(err)
			l.shut(c, code, reason)
			break
		}
		if !ok {
			break
		}
		if !m.Op.Control() {
			in.since = l.now // what follows is another request
		}
		l.message(c, m)
	}
	if c.state == open {
		l.keep(c, in)
	}
}

// feedSealed is feed for a connection with a Sealer; false if it has ended.
func (l *loop) feedSealed(c *conn, p []byte) bool {
	plain, err := l.open(c, p)
	if err == nil && c.parked == nil && len(l.seals[c.fd].rest) > 0 {
		l.park(c, l.cursor, nil, nil) // until the socket takes our reply
	}
	if len(plain) > 0 || c.in != nil || l.torn(c) > 0 {
		l.feed(c, plain)
	}
	if err != nil && c.state != gone {
		l.drop(c, proto.CloseAbnormal)
	}
	return c.state == open
}

// keep keeps what is incomplete, within the loop's budget, or forgets inbound.
func (l *loop) keep(c *conn, in *inbound) {
	torn := l.torn(c)
	in.torn = torn > 0
	if c.kind != Echo {
		now := len(in.dec.Partial()) + len(in.left) + torn
		l.partial += now - in.held
		in.held = now
	}
	switch {
	case in.dec.Idle() && len(in.left) == 0 && torn == 0:
		c.in, l.idle = nil, in
		return
	case c.in == nil:
		in.since = l.now
		c.in = in
		l.soon(c)
	}
	if in.dec.Idle() && torn == 0 || c.kind == Echo {
		return
	}
	switch p := in.dec.Partial(); {
	case len(p) > l.e.o.RequestBytes && c.kind == Text &&
		!bytes.HasPrefix(p, proto.SubscribePrefix):
		l.tooBig(c)
	case l.partial > l.e.o.PartialBytes:
		l.shut(l.greatest(), proto.CloseTryLater, "too many incomplete requests")
	}
}

// greatest returns the connection that holds most of incomplete requests and answers.
func (l *loop) greatest() (most *conn) {
	for _, c := range l.conns {
		if c == nil || c.kind == Echo || c.state != open {
			continue
		}
		if most == nil || c.kept() > most.kept() {
			most = c
		}
	}
	return most
}

// kept is how much of a connection counts in loop.partial.
func (c *conn) kept() (bytes int) {
	if c.in != nil {
		bytes = c.in.held
	}
	if c.parked != nil {
		bytes += c.parked.mail
	}
	if c.parked != nil && c.parked.answer != nil {
		bytes += c.parked.answer.bytes
	}
	return bytes
}

// limit is the greatest message a connection may send, in bytes.
func (l *loop) limit(c *conn) int {
	if c.kind == Echo {
		return echoBytes
	}
	return l.e.o.SubscribeBytes
}

// tooBig ends a stream that sent a request which is too big for what it is.
func (l *loop) tooBig(c *conn) {
	l.shut(c, proto.CloseTooBig, fmt.Sprintf("request over %d bytes", l.e.o.RequestBytes))
}

// message serves a whole message.
func (l *loop) message(c *conn, m proto.Message) {
	switch {
	case m.Op == proto.OpPing:
		if c.kind == Echo || l.admit(c) {
			l.answer(c, proto.OpPong, m.Payload)
		}
	case m.Op == proto.OpPong:
	case m.Op == proto.OpClose:
		l.peerClosed(c, m.Payload)
	case c.kind == Echo:
		l.answer(c, m.Op, m.Payload)
	case c.kind.typed():
		l.typedRequest(c, m)
	default:
		l.request(c, m)
	}
}

// answer sends a frame that is not in the ring: the connection is not parked.
// What the socket does not take is kept, and no request is read until it left.
func (l *loop) answer(c *conn, op proto.Op, payload []byte) {
	if c.state != open {
		return
	}
	l.scratch.out = proto.AppendFrame(l.scratch.out[:0], op, payload)
	l.send(c, l.scratch.out)
	if cap(l.scratch.out) > scratchBytesMax {
		l.scratch.out = nil // a great echo
	}
}

// send writes bytes to a connection that is not parked, or parks it with their
// rest.
func (l *loop) send(c *conn, p []byte) {
	n, held, err := l.writeTo(c, p)
	if err != nil {
		l.drop(c, proto.CloseAbnormal)
		return
	}
	l.stats.bytes.Add(uint64(n))
	if n < len(p) || held {
		l.park(c, l.cursor, nil, slices.Clone(p[n:]))
	}
}
