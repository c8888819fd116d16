package engine

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"azira/proto"
)

// welcomeTyped makes a typed stream a member of those that hold nothing, and tells it
// what it may rely on.
func (l *loop) welcomeTyped(c *conn, s Stream) {
	beat := s.Beat
	if beat == 0 {
		beat = l.e.o.BeatEvery
	}
	c.beat = uint16(min(max(beat, BeatMin), BeatMax) / beatTick)
	c.cohort = l.intern(list{kind: c.kind, sealed: c.sealed, beat: c.beat})
	l.join(c)
	w := proto.Welcome{
		Conn: s.ID, Username: s.Username, Epoch: l.e.Epoch(),
		BeatMs: int(c.beat) * int(beatTick.Milliseconds()), ResumeS: int(l.e.lanes.resumeS.Load()),
		Tokens: int(c.tokens), Connections: s.Connections,
		PerSecond: l.e.o.RequestsPerSecond, Burst: l.e.o.RequestsBurst, Refused: l.e.o.RefusedMax,
		FrameBytes: l.e.o.RequestBytes, ListBytes: l.e.o.SubscribeBytes,
		WithinMs: int(l.e.o.RequestWithin.Milliseconds()), ExpiresIn: expiresIn(s.Expires),
	}
	l.scratch.one = proto.AppendWelcome(l.scratch.one[:0], &w)
	l.answer(c, proto.OpText, l.scratch.one)
	if c.state == open && c.parked == nil {
		l.sendBeat(c)
	}
}

// expiresIn is how many seconds t is away; negative if it is not known.
func expiresIn(t time.Time) int {
	if t.IsZero() {
		return -1
	}
	return max(0, int(time.Until(t)/time.Second))
}

// typedRequest serves a request of a typed dialect.
func (l *loop) typedRequest(c *conn, m proto.Message) {
	l.stats.requests.Add(1)
	if !l.admit(c) {
		if c.state == open {
			l.refuseTyped(c, m)
		}
		return
	}
	if m.Op == proto.OpBinary {
		l.fail(c, nil, &proto.Fault{Code: proto.CodeBadRequest, Text: "expected a text frame"})
		return
	}
	req, err := l.requests.Parse(m.Payload)
	long := len(m.Payload) > l.e.o.RequestBytes && (err != nil || req.Verb != proto.VerbSubscribe)
	if most := 2*int(c.tokens) + namesSpare; err == nil && len(req.Wishes) > most {
		err = &proto.Fault{Code: proto.CodeLimit,
			Text: fmt.Sprintf("at most %d tokens in one request", most)}
	}
	switch {
	case long:
		l.tooBig(c)
	case err != nil:
		l.fail(c, req.ID, err)
	case req.Verb == proto.VerbSubscribe:
		l.subscribeTyped(c, &req)
	case req.Verb == proto.VerbUnsubscribe:
		l.unsubscribeTyped(c, &req)
	case req.Verb == proto.VerbList:
		l.listTyped(c, &req)
	case req.Verb == proto.VerbPing:
		l.scratch.one = proto.AppendPong(l.scratch.one[:0], req.ID, time.Now().UnixMicro())
		l.answer(c, proto.OpText, l.scratch.one)
	case req.Verb == proto.VerbAuth:
		l.renew(c, &req)
	case req.Verb == proto.VerbAck:
		l.acknowledge(c, &req)
	case req.Verb == proto.VerbRoster:
		l.roster(c, &req)
	}
}

// refuseTyped says that a request came too fast.
func (l *loop) refuseTyped(c *conn, m proto.Message) {
	var id []byte
	if m.Op == proto.OpText && len(m.Payload) <= l.e.o.RequestBytes {
		req, _ := l.requests.Parse(m.Payload) // whatever is wrong with it, it came too fast
		id = req.ID
	}
	retryMs := max(100, 1000/l.e.o.RequestsPerSecond) // a bucket fills every 100 ms
	l.scratch.one = proto.AppendError(l.scratch.one[:0], id, proto.CodeTooMany,
		l.tooFast(), retryMs)
	l.answer(c, proto.OpText, l.scratch.one)
}

// fail answers a request of which nothing was done: with its fault, or as an error of
// ours.
func (l *loop) fail(c *conn, id []byte, err error) {
	l.scratch.one = appendFault(l.scratch.one[:0], id, err)
	l.answer(c, proto.OpText, l.scratch.one)
}

func appendFault(dst, id []byte, err error) []byte {
	fault := &proto.Fault{Code: proto.CodeInternal, Text: "internal error"}
	errors.As(err, &fault)
	return proto.AppendError(dst, id, fault.Code, fault.Text, fault.RetryMs)
}

// A grant is a token that a subscribe gets.
type grant struct {
	id     uint32
	from   uint64
	resume bool
}

// subscribeTyped adds tokens to a list, or changes the options of those it has.
func (l *loop) subscribeTyped(c *conn, req *proto.Request) {
	l.growTokens()
	old := &l.cohorts.all[c.cohort]
	grants, failed := l.grant(&old.list, int(c.tokens), req)
	x, told := l.extend(old, grants)
	option := newOption(req.Mode, req.WindowMs)
	a := &answer{verb: req.Verb, id: slices.Clone(req.ID), failed: failed}
	a.items = make([]item, 0, len(grants))
	for _, g := range grants {
		i := x.index(g.id)
		x.options[i] = option
		it := item(i)
		switch {
		case g.resume && req.Epoch == l.e.Epoch():
			told[i] = g.from
			it |= itemResume
		case g.resume:
			told[i] = 0
			it |= itemEpoch | itemSnap
		case req.Snapshot:
			it |= itemSnap
		}
		if !g.resume && option.windowMs() == 0 && told[i] < l.tokens[g.id].seq {
			it |= itemResume // it is held back no more
		}
		a.items = append(a.items, it)
	}
	x.plain()
	l.hold(c, x, told, a, nil)
}

// grant finds out which tokens of a subscribe a list may get, each once, and why not
// the others.
func (l *loop) grant(
	old *list, limit int, req *proto.Request,
) (grants []grant, failed failures) {
	count := len(old.tokens)
	for _, w := range req.Wishes {
		id, ok := l.e.tokens.find(w.Name)
		if ok && int(id) >= len(l.tokens) {
			l.growTokens() // it came to be just now
		}
		_, has := slices.BinarySearch(old.tokens, id)
		switch {
		case !ok:
			failed.add(w.Name, failUnknown)
		case l.scratch.mark[id] != 0: // named before
		case !has && count == limit:
			failed.add(w.Name, failLimit)
		case w.Resume && req.Epoch == l.e.Epoch() && w.From > l.tokens[id].seq &&
			w.From > l.published(id):
			failed.add(w.Name, failBeyond)
		default:
			l.scratch.mark[id] = 1
			grants = append(grants, grant{id, w.From, w.Resume})
			if !has {
				count++
			}
		}
	}
	for _, g := range grants {
		l.scratch.mark[g.id] = 0
	}
	return grants, failed
}

// published is the seq of a token's newest tick, which the loop may have still to drain.
func (l *loop) published(id uint32) uint64 {
	rd := l.readers[l.e.shardOf(id)]
	v, ok := rd.Newest(id)
	if ok {
		rd.Unpin()
	}
	return v.Seq
}

// extend returns a cohort's list with more tokens, options not nil, and what was told
// of each: of those that are new, all that is drained.
func (l *loop) extend(old *cohort, grants []grant) (x list, told []uint64) {
	x = old.list
	x.tokens = slices.Clone(x.tokens)
	for _, g := range grants {
		x.tokens = append(x.tokens, g.id)
	}
	slices.Sort(x.tokens)
	x.tokens = slices.Clip(slices.Compact(x.tokens))
	x.options = make([]option, len(x.tokens))
	told = make([]uint64, len(x.tokens))
	was, j := l.told(old), 0
	for i, id := range x.tokens {
		if j < len(old.tokens) && old.tokens[j] == id {
			told[i], x.options[i] = was[j], old.option(j)
			j++
			continue
		}
		told[i] = l.tokens[id].seq
	}
	return x, told
}

// unsubscribeTyped takes tokens out of a list.
func (l *loop) unsubscribeTyped(c *conn, req *proto.Request) {
	old := &l.cohorts.all[c.cohort]
	was := l.told(old)
	a := &answer{verb: req.Verb, id: slices.Clone(req.ID)}
	given := make([]bool, len(old.tokens))
	drop := func(i int) {
		if !given[i] {
			given[i] = true
			a.dropped = append(a.dropped, dropped{old.tokens[i], was[i]})
		}
	}
	for _, w := range req.Wishes {
		id, ok := l.e.tokens.find(w.Name)
		i, has := slices.BinarySearch(old.tokens, id)
		switch {
		case !ok:
			a.failed.add(w.Name, failUnknown)
		case !has:
			a.failed.add(w.Name, failNotHeld)
		default:
			drop(i)
		}
	}
	x, told := old.list, []uint64(nil)
	x.tokens, x.options = nil, nil
	for i, id := range old.tokens {
		if req.All {
			drop(i)
		}
		if !given[i] {
			x.tokens = append(x.tokens, id)
			x.options = append(x.options, old.option(i))
			told = append(told, was[i])
		}
	}
	x.plain()
	l.hold(c, x, told, a, nil)
}

// listTyped tells what a stream holds. As long as the socket takes it, the stream stays
// where it is.
func (l *loop) listTyped(c *conn, req *proto.Request) {
	k := &l.cohorts.all[c.cohort]
	told := l.told(k)
	a := &answer{verb: req.Verb, id: slices.Clone(req.ID), items: make([]item, len(k.tokens))}
	for i := range a.items {
		a.items[i] = item(i)
	}
	for !a.acked {
		p := l.nextAck(c, a, told)
		n, held, err := l.writeTo(c, p)
		if err != nil {
			l.drop(c, proto.CloseAbnormal)
			return
		}
		l.stats.bytes.Add(uint64(n))
		if n < len(p) || held {
			l.hold(c, k.list, told, a, slices.Clone(p[n:]))
			return
		}
	}
}
