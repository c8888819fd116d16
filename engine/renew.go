package engine

import (
	"slices"
	"time"

	"azira/proto"
)

// An Authenticator checks the bearer with which a stream goes on, and tells when that
// ends. A *proto.Fault says why not; any other error is one of ours. It is called
// outside the loops, one bearer at a time.
type Authenticator interface {
	Renew(o Owner, bearer string) (expires time.Time, err error)
}

// A renewal is a bearer on its way to the Authenticator.
type renewal struct {
	l      *loop
	handle uint64
	owner  Owner
	id     []byte
	bearer string
}

// renew hands a stream's new bearer over to be checked; the answer comes when it is.
func (l *loop) renew(c *conn, req *proto.Request) {
	switch {
	case l.e.o.Auth == nil:
		l.fail(c, req.ID, notRenewed)
		return
	case c.renewing:
		l.fail(c, req.ID, busyRenewing)
		return
	}
	r := renewal{l, l.handle(c), c.owner, slices.Clone(req.ID), req.Bearer}
	select {
	case l.e.renewal <- r:
		c.renewing = true
	default:
		l.fail(c, req.ID, busyRenewing)
	}
}

var notRenewed = &proto.Fault{
	Code: proto.CodeDenied, Text: "bearers can't be renewed here",
}

var busyRenewing = &proto.Fault{
	Code: proto.CodeTooMany, Text: "another bearer is being checked", RetryMs: 1000,
}

// renew checks bearers until the engine stops.
func (e *Engine) renew() {
	for {
		select {
		case <-e.stopped:
			return
		case r := <-e.renewal:
			expires, err := e.o.Auth.Renew(r.owner, r.bearer)
			_ = r.l.do(func() { // a loop that has ended has no streams
				if c := r.l.at(r.handle); c != nil && c.state == open {
					r.l.renewed(c, r.id, expires, err)
				}
			})
		}
	}
}

func (l *loop) renewed(c *conn, id []byte, expires time.Time, err error) {
	c.renewing = false
	if err != nil {
		l.scratch.one = appendFault(l.scratch.one[:0], id, err)
	} else {
		c.expires = l.e.second(expires)
		l.soon(c)
		k := &l.cohorts.all[c.cohort]
		l.scratch.one = proto.AppendRenewed(l.scratch.one[:0], id,
			len(k.tokens), int(c.tokens), expiresIn(expires))
	}
	if c.parked == nil {
		l.answer(c, proto.OpText, l.scratch.one)
		return
	}
	// Behind the frame in progress: a stream has one such answer at a time.
	c.parked.rest = proto.AppendFrame(slices.Clip(c.parked.rest), proto.OpText, l.scratch.one)
	l.serve(c)
}
