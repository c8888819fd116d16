package engine

import (
	"sync"
	"sync/atomic"
	"time"

	"azira/proto"
)

// An arrival is a socket on its way to its loop.
type arrival struct {
	fd int
	s  Stream
}

// arrivals is where sockets wait for their loop's next turn.
type arrivals struct {
	mu     sync.Mutex
	list   []arrival
	closed bool // the loop has ended

	some atomic.Bool // list is not empty
}

// arrive leaves a socket for the loop; false if it has ended. Any goroutine.
func (l *loop) arrive(fd int, s Stream) bool {
	a := &l.arrivals
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return false
	}
	a.list = append(a.list, arrival{fd, s})
	a.some.Store(true)
	l.load.Add(1)
	l.poke()
	return true
}

// welcome takes over the sockets that have arrived.
func (l *loop) welcome() {
	if !l.arrivals.some.Load() {
		return
	}
	a := &l.arrivals
	a.mu.Lock()
	list := a.list
	a.list = nil
	a.some.Store(false)
	a.mu.Unlock()
	for _, x := range list {
		l.attach(x.fd, x.s)
	}
}

// shutDoor lets nobody arrive any more, and drops all who are here.
func (l *loop) shutDoor() {
	l.arrivals.mu.Lock()
	l.arrivals.closed = true
	l.arrivals.mu.Unlock()
	l.welcome()
	for _, c := range l.conns {
		if c != nil {
			l.shut(c, proto.CloseGoingAway, "the server ends")
			l.drop(c, proto.CloseGoingAway)
		}
	}
}

// attach takes a socket over: from here on the loop owns its descriptor.
func (l *loop) attach(fd int, s Stream) {
	l.serial++
	c := &conn{
		owner:   s.Owner,
		fd:      int32(fd),
		serial:  l.serial,
		kind:    s.Kind,
		expires: l.e.second(s.Expires),
		tokens:  uint32(l.e.o.TokensPerStream),
		heard:   l.now,
		pinged:  l.now - uint32(fd)%pingSpread, // so that pings don't come in crowds
	}
	if s.Tokens > 0 {
		c.tokens = uint32(min(s.Tokens, l.e.o.TokensPerStream))
	}
	c.bucket = bucket{filled: l.e.tenth(), tenths: uint16(l.e.o.RequestsBurst * 10)}
	for fd >= len(l.conns) {
		l.conns = append(l.conns, nil)
	}
	l.conns[fd] = c
	l.stats.kinds[c.kind].Add(1)
	if s.Sealer != nil {
		l.sealAs(c, s.Sealer)
	}
	l.guard(c, func() { l.begin(c, s) })
}

// begin makes a connection known to its owner and to the poller, and serves what
// came with the handshake.
func (l *loop) begin(c *conn, s Stream) {
	l.stats.opened.Add(1)
	l.tell(c, func(o Owner) { o.Opened(l.handle(c)) })
	if s.Refuse != nil {
		l.shut(c, s.Refuse.Code, s.Refuse.Reason)
	} else if l.e.draining.Load() {
		l.shut(c, proto.CloseRestart, "the server restarts")
	}
	if c.state == open && c.kind.typed() {
		l.welcomeTyped(c, s)
	}
	if c.state == gone {
		return // the peer was faster
	}
	if err := l.watch(c.fd); err != nil {
		l.log.Error("a socket can't be watched", "error", err)
		l.drop(c, proto.CloseInternal)
		return
	}
	l.soon(c)
	if len(s.Early) > 0 && c.state == open {
		l.feed(c, s.Early)
	}
	// Records that came with the handshake lie in the Sealer.
	if c.sealed && c.state == open && l.feedSealed(c, nil) {
		c.readable = true // more may have come since
		l.serve(c)
	}
}

// shut ends a stream with a close frame. Its owner is told at once; the socket
// lives until the peer has ended too, or closeWithin is over.
func (l *loop) shut(c *conn, code int, reason string) {
	l.shutAfter(c, nil, code, reason)
}

// shutAfter is shut with a last frame before the close frame. Its owner is told
// before the peer: whoever reads why it was refused finds its place free.
func (l *loop) shutAfter(c *conn, last []byte, code int, reason string) {
	if c.state != open {
		return
	}
	frames := proto.AppendClose(last, code, reason)
	var behind []byte // of a frame in progress: the others come after it
	if c.parked != nil {
		behind = c.parked.rest
	}
	l.end(c, code)
	c.due = l.now + uint32(closeWithin/time.Second) + 1
	l.wheel.add(c, c.due)
	c.parked = &parked{rest: append(behind, frames...)}
	l.sendRest(c)
}

// end takes a stream out of everything but its socket, and tells its owner.
func (l *loop) end(c *conn, code int) {
	l.leave(c)
	if c.parked != nil && !c.parked.quiet {
		l.stats.parked.Add(-1)
	}
	if c.parked != nil {
		l.partial -= c.parked.mail
	}
	if c.parked != nil && c.parked.answer != nil {
		l.partial -= c.parked.answer.bytes
	}
	if c.in != nil {
		l.partial -= c.in.held
	}
	c.parked, c.in, c.want, c.changed, c.mail = nil, nil, nil, false, mailNone
	c.state = closing
	c.code = uint16(code)
	l.stats.closed(code)
	l.tell(c, func(o Owner) { o.Ended(code) })
}

// peerClosed answers a client's close frame.
func (l *loop) peerClosed(c *conn, payload []byte) {
	code, _, err := proto.ParseClose(payload)
	if err != nil {
		code, reason := proto.CloseCodeOf(err)
		l.shut(c, code, reason)
		return
	}
	if code == proto.CloseNoStatus {
		code = proto.CloseNormal
	}
	l.shut(c, code, "")
}

// drop ends a stream without a word and gives its descriptor back.
func (l *loop) drop(c *conn, code int) {
	switch c.state {
	case gone: // its descriptor may be another's by now
		return
	case open:
		l.end(c, code)
	}
	c.state = gone
	c.parked = nil
	l.conns[c.fd] = nil
	if c.sealed {
		l.seals[c.fd] = sealed{}
	}
	l.release(c.fd)
	l.load.Add(-1)
	l.stats.kinds[c.kind].Add(-1)
	l.stats.dropped.Add(1)
}
