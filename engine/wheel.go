package engine

import (
	"fmt"
	"time"

	"azira/proto"
)

// pingSpread is the greatest time, in seconds, by which a first ping comes early.
const pingSpread = 16

// A wheel knows which connections are to be looked at in each of the seconds to
// come. A look is harmless, so nothing is ever taken out before its time.
type wheel [wheelSlots][]int32

// add notes a connection for a second; one too far ahead is looked at before.
func (w *wheel) add(c *conn, due uint32) { w[due%wheelSlots] = append(w[due%wheelSlots], c.fd) }

// tick looks at the connections due up to now.
func (l *loop) tick(now uint32) {
	if now-l.now > wheelSlots {
		l.now = now - wheelSlots // the clock jumped: one round finds everybody
	}
	for l.now != now {
		l.now++
		slot := &l.wheel[l.now%wheelSlots]
		fds := *slot
		*slot = nil
		for _, fd := range fds {
			if c := l.byFd(int(fd)); c != nil && c.due <= l.now {
				l.guard(c, func() { l.look(c) })
			}
		}
		if *slot == nil {
			*slot = fds[:0]
		}
	}
}

// soon has a connection looked at in the next second, where its next look is set.
func (l *loop) soon(c *conn) {
	if c.state == open && c.due != l.now+1 {
		c.due = l.now + 1
		l.wheel.add(c, c.due)
	}
}

// look checks all that time brings upon a connection, and sets the next look.
func (l *loop) look(c *conn) {
	if c.state == closing {
		l.drop(c, int(c.code)) // it had its time
		return
	}
	if c.parked != nil {
		l.confirmed(c)
	}
	if l.overdue(c) {
		return
	}
	next := l.now + wheelSlots - 1
	within := func(since uint32, d time.Duration) {
		if due := since + seconds(d); int32(due-next) < 0 {
			next = due
		}
	}
	o := &l.e.o
	if c.parked != nil {
		within(l.now, parkedLook)
		if o.StallTimeout > 0 {
			within(c.parked.since, o.StallTimeout)
		}
	} else {
		within(c.pinged, o.PingEvery)
	}
	if c.in != nil {
		within(c.in.since, o.RequestWithin)
	}
	if c.expires != 0 && o.CloseOnExpiry {
		within(c.expires, 0)
	}
	c.due = max(next, l.now+1)
	l.wheel.add(c, c.due)
}

// overdue ends a stream whose time is up, or pings it; true if it has ended.
func (l *loop) overdue(c *conn) bool {
	o := &l.e.o
	after := func(since uint32, d time.Duration) bool { return int32(l.now-since-seconds(d)) >= 0 }
	if c.parked != nil && c.in != nil && c.in.torn {
		c.in.since = l.now // nothing is read: it is not the peer who tarries
	}
	switch {
	case c.expires != 0 && o.CloseOnExpiry && after(c.expires, 0):
		l.shut(c, proto.CloseExpired, "bearer expired")
	case c.in != nil && c.in.begun() && after(c.in.since, o.RequestWithin):
		l.shut(c, proto.ClosePolicy, fmt.Sprintf("request not complete within %v", o.RequestWithin))
	case c.parked != nil && o.StallTimeout > 0 && after(c.parked.since, o.StallTimeout):
		l.shut(c, proto.CloseStalled, fmt.Sprintf("took nothing for %v", o.StallTimeout))
	case c.parked == nil && after(c.pinged, o.PingEvery):
		l.ping(c)
	}
	return c.state != open
}

// ping pings, unless the peer is gone: for long nothing came from it, no pong
// either, and its kernel confirmed nothing although something waits for that. A
// client need never send anything itself.
func (l *loop) ping(c *conn) {
	dead := l.e.o.DeadAfter
	if l.now-c.heard >= seconds(dead) && l.silent(c.fd) >= dead {
		l.drop(c, proto.CloseAbnormal)
		return
	}
	c.pinged = l.now
	l.send(c, pingFrame)
}

var pingFrame = proto.AppendFrame(nil, proto.OpPing, nil)

// seconds rounds up: nothing comes early.
func seconds(d time.Duration) uint32 { return uint32((d + time.Second - 1) / time.Second) }
