package engine

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"azira/proto"
)

var (
	answerBinary = []byte("Error: expected a text frame; " + proto.TextForm)
)

// request serves a request of the text dialect.
func (l *loop) request(c *conn, m proto.Message) {
	l.stats.requests.Add(1)
	switch {
	case len(m.Payload) > l.e.o.RequestBytes &&
		!bytes.HasPrefix(m.Payload, proto.SubscribePrefix):
		l.tooBig(c)
		return
	case !l.admit(c):
		l.answer(c, proto.OpText, append([]byte("Error: "), l.tooFast()...))
		return
	case m.Op == proto.OpBinary:
		l.answer(c, proto.OpText, answerBinary)
		return
	}
	if r, ok := c.owner.(Recipient); ok {
		if id, found := bytes.CutPrefix(m.Payload, proto.AckPrefix); found {
			l.ackText(c, r, id)
			return
		}
	}
	req, err := proto.ParseText(m.Payload)
	var fault proto.TextFault
	switch {
	case errors.As(err, &fault):
		l.answer(c, proto.OpText, fault.Answer)
	case req.Action == proto.Subscribe:
		l.subscribe(c, req.Names)
	default:
		l.unsubscribe(c, req.Names)
	}
}

func (l *loop) tooFast() string {
	return fmt.Sprintf("too many requests, at most %d per second are served",
		l.e.o.RequestsPerSecond)
}

// admit says whether a request or ping is within its connection's rate. Who goes
// on beyond it is closed: each request that is served makes up for a few that were not.
func (l *loop) admit(c *conn) bool {
	o := &l.e.o
	if c.bucket.take(l.e.tenth(), o.RequestsPerSecond, o.RequestsBurst) {
		c.refused -= min(c.refused, forgiven)
		return true
	}
	l.stats.refused.Add(1)
	if c.refused++; int(c.refused) >= o.RefusedMax {
		l.shut(c, proto.CloseFlooding, "too many requests")
	}
	return false
}

// subscribe adds tokens to a connection's set: all of them or, if one is unknown
// or they are too many, none.
func (l *loop) subscribe(c *conn, names []byte) {
	var unknown proto.NotFound
	ids := append(l.scratch.ids[:0], l.holds(c)...)
	for rest, more := names, true; more; {
		var name []byte
		name, rest, more = proto.NextName(rest)
		if id, ok := l.e.tokens.find(name); ok {
			ids = append(ids, id)
		} else {
			unknown.Add(name)
		}
	}
	l.scratch.ids = ids
	if answer := unknown.Answer(); answer != nil {
		last := proto.AppendFrame(nil, proto.OpText, answer)
		l.shutAfter(c, last, proto.ClosePolicy, "tokens not found")
		return
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	if limit := int(c.tokens); len(ids) > limit {
		answer := fmt.Appendf(nil, "Error: at most %d tokens per stream", limit)
		l.answer(c, proto.OpText, answer)
		return
	}
	if len(ids) > len(l.holds(c)) {
		l.change(c, slices.Clone(ids))
	}
	l.confirm(c, proto.AppendSubscribed, names)
}

// unsubscribe takes tokens out of a connection's set; those not in it don't matter.
func (l *loop) unsubscribe(c *conn, names []byte) {
	held := l.holds(c)
	ids := append(l.scratch.ids[:0], held...)
	for rest, more := names, true; more; {
		var name []byte
		name, rest, more = proto.NextName(rest)
		id, ok := l.e.tokens.find(name)
		if !ok {
			continue
		}
		if i, ok := slices.BinarySearch(ids, id); ok {
			ids = slices.Delete(ids, i, i+1)
		}
	}
	l.scratch.ids = ids
	if len(ids) < len(held) {
		l.change(c, slices.Clone(ids))
	}
	l.confirm(c, proto.AppendUnsubscribed, names)
}

// confirm answers with the names as they came.
func (l *loop) confirm(c *conn, appendAnswer func(dst, names []byte) []byte, names []byte) {
	l.answer(c, proto.OpText, appendAnswer(nil, names))
}
