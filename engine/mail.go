package engine

import (
	"slices"

	"azira/proto"
)

// A Recipient is an Owner that has messages for its stream, by way of Engine.Post. Its
// methods are called on the stream's loop, and must not block.
type Recipient interface {
	Owner
	// Took says what became of the frames posted last: they were taken or, if all is
	// false, they were not and are forgotten, but would be taken now.
	Took(all bool)
	// Ack acknowledges messages up to an id; false if there are none so far.
	Ack(id uint64) bool
	// Roster begins or ends telling the stream who else is here; false if that can't be.
	Roster(on bool) bool
}

// What a connection has of frames that were posted to it.
const (
	mailNone  = iota
	mailGoing // they are on their way
	mailWaits // some were refused: its Recipient waits to hear when it can take some
)

// Post gives a stream whole frames that are not of its tokens; the engine keeps them. Its
// Recipient hears from Took what became of them, and posts nothing before. A stream that
// takes nothing keeps none. Any goroutine.
func (e *Engine) Post(handle uint64, frames []byte) {
	l := e.loopOf(handle)
	_ = l.do(func() { // a loop that has ended has no streams
		if c := l.at(handle); c != nil && c.state == open {
			l.deliver(c, frames)
		}
	})
}

// deliver sends posted frames, behind what is in progress.
func (l *loop) deliver(c *conn, frames []byte) {
	switch {
	case c.parked == nil:
		c.mail = mailGoing
		l.send(c, frames)
		if c.state != open {
			return
		}
		if c.parked == nil {
			l.delivered(c)
			return
		}
		l.keepMail(c)
	case l.now-c.parked.since > mailPatience, len(c.parked.rest) > mailBytesMax,
		l.partial > l.e.o.PartialBytes/2:
		c.mail = mailWaits // it may have them when it takes bytes again
	default:
		c.mail = mailGoing
		c.parked.rest = append(slices.Clip(c.parked.rest), frames...)
		l.keepMail(c)
		l.serve(c)
	}
}

// keepMail counts frames that have to wait in the loop's budget.
func (l *loop) keepMail(c *conn) {
	c.parked.mail = len(c.parked.rest)
	l.partial += c.parked.mail
	if l.partial > l.e.o.PartialBytes {
		l.shut(l.greatest(), proto.CloseTryLater, "too many unread messages")
	}
}

// delivered tells that the posted frames are sent.
func (l *loop) delivered(c *conn) {
	if c.mail != mailGoing {
		return
	}
	c.mail = mailNone
	if c.parked != nil {
		l.partial -= c.parked.mail
		c.parked.mail = 0
	}
	l.tell(c, func(o Owner) { o.(Recipient).Took(true) })
}

// wantsMail tells that a stream takes bytes again, if that is waited for.
func (l *loop) wantsMail(c *conn) {
	if c.mail == mailWaits {
		c.mail = mailNone
		l.tell(c, func(o Owner) { o.(Recipient).Took(false) })
	}
}

var noMessages = &proto.Fault{
	Code: proto.CodeDenied, Text: "this stream has no messages",
}

// acknowledge takes in that messages were received.
func (l *loop) acknowledge(c *conn, req *proto.Request) {
	r, ok := c.owner.(Recipient)
	switch {
	case !ok:
		l.fail(c, req.ID, noMessages)
	case !r.Ack(req.Message):
		l.fail(c, req.ID, &proto.Fault{
			Code: proto.CodeBadRequest, Text: "there is no such message yet",
		})
	default:
		l.done(c, req)
	}
}

// roster begins or ends telling a stream who else is here.
func (l *loop) roster(c *conn, req *proto.Request) {
	if r, ok := c.owner.(Recipient); !ok || !r.Roster(req.On) {
		l.fail(c, req.ID, noMessages)
		return
	}
	l.done(c, req)
}

// done answers a request that changed nothing of the list.
func (l *loop) done(c *conn, req *proto.Request) {
	k := &l.cohorts.all[c.cohort]
	out := proto.AppendAckTurn(proto.AppendAckHead(l.scratch.one[:0], req.ID, req.Verb))
	l.scratch.one = proto.AppendAckEnd(out, len(k.tokens), int(c.tokens), false)
	l.answer(c, proto.OpText, l.scratch.one)
}

// ackText serves the text dialect's ack|ID, of a stream that has messages.
func (l *loop) ackText(c *conn, r Recipient, id []byte) {
	n, ok := proto.ParseID(id)
	if !ok || !r.Ack(n) {
		l.answer(c, proto.OpText, []byte("Error: expected ack| and the id of a message"))
		return
	}
	l.answer(c, proto.OpText, append([]byte("Acknowledged messages up to: "), id...))
}
