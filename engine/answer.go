package engine

import (
	"slices"

	"azira/proto"
)

// An answer is what a typed stream is owed for a request: an ack in pieces, each one
// frame, then snapshots. It is pulled piece by piece as the socket takes them, so that
// no more than the rest of one is kept, and no further request is read meanwhile.
//
//	request ▶ ack, ack … ▶ walk back for what is resumed ▶ gap, snap … ▶ replay
type answer struct {
	verb    proto.Verb
	id      []byte    // of the request
	items   []item    // tokens that it says yes to
	dropped []dropped // and those that were given up
	failed  failures
	at      int // how many of items, dropped and failed are acked
	acked   bool

	walked  int    // how many of items were looked for in the ring
	walking bool   // pos is on the chain of one more
	pos     uint64 //
	snapped int    // how many of items have had their snapshot

	bytes int // that count in loop.partial
}

// An item is a token that an answer says yes to: its index in the list, and what else
// the answer owes it.
type item uint32

const (
	itemSnap   item = 1 << 31 // a snapshot
	itemEpoch  item = 1 << 30 // a gap before that: it was held in another run
	itemRing   item = 1 << 29 // a gap before that: the ring has not all that was missed
	itemResume item = 1 << 28 // what came since it was told: to be found in the ring
	itemIndex  item = 1<<28 - 1
)

func (x item) index() int { return int(x & itemIndex) }

// A dropped token is one that an unsubscribe gave up.
type dropped struct {
	id  uint32
	seq uint64 // last told
}

// hold gives a typed stream a new list, which is kept, and an answer, of which rest is
// in progress. From the loop's cursor on it is owed ticks, and of each token those after
// told.
func (l *loop) hold(c *conn, x list, told []uint64, a *answer, rest []byte) {
	a.failed.seen = nil
	next := l.intern(x)
	k := &l.cohorts.all[next]
	k.parked++
	l.leave(c)
	c.cohort = next
	c.parked = &parked{
		cursor: slices.Clone(l.cursor), told: told, rest: rest, since: l.now, values: noValues,
		answer: a, beats: k.beats - 1, // a heartbeat comes behind the answer
		resume: slices.ContainsFunc(a.items, func(x item) bool { return x&itemResume != 0 }),
		quiet:  true,
	}
	l.tell(c, func(o Owner) { o.Holds(len(x.tokens)) })
	l.catchUp(c)
	if c.state == open && c.parked != nil && c.parked.quiet {
		l.parkLoud(c)
		l.account(c)
	}
}

// account counts an answer that has to wait in the loop's budget.
func (l *loop) account(c *conn) {
	a := c.parked.answer
	if a == nil {
		return
	}
	a.bytes = 4*len(a.items) + 16*len(a.dropped) + a.failed.bytes()
	l.partial += a.bytes
	if l.partial > l.e.o.PartialBytes {
		l.shut(l.greatest(), proto.CloseTryLater, "too many unread answers")
	}
}

// sendAnswer sends what is left of an answer; true if nothing is.
func (l *loop) sendAnswer(c *conn) bool {
	a := c.parked.answer
	for !a.acked {
		if !l.sendFrame(c, l.nextAck(c, a, c.parked.told)) {
			return false
		}
	}
	if !l.walkBack(c) {
		l.serve(c)
		return false
	}
	for a.snapped < len(a.items) {
		out, end, ok := l.gatherSnaps(c)
		if !ok {
			l.serve(c) // a newer value is about to be drained
			return false
		}
		if len(out) > 0 && !l.sendPieces(c, out) {
			return false
		}
		a.snapped = end
	}
	l.partial -= a.bytes
	c.parked.answer = nil
	return true
}

// sendFrame sends a frame to a parked connection of which nothing else is in
// progress; false if it took less than all.
func (l *loop) sendFrame(c *conn, frame []byte) bool {
	c.parked.rest = frame
	if l.sendRest(c) {
		return true
	}
	if c.state == open {
		c.parked.rest = slices.Clone(c.parked.rest)
	}
	return false
}

// nextAck makes the next piece of an ack, given what was told of the list.
func (l *loop) nextAck(c *conn, a *answer, told []uint64) []byte {
	const endBytes = 80
	k := &l.cohorts.all[c.cohort]
	out := proto.AppendAckHead(l.scratch.one[:0], a.id, a.verb)
	full := func(was int) bool { return len(out) > ackBytesMax-endBytes && was > 0 }
	n, yes := 0, len(a.items)+len(a.dropped)
	for ; a.at < yes; n, a.at = n+1, a.at+1 {
		was := len(out)
		if out = l.appendYes(out, k, a, told); full(n) {
			out = out[:was]
			break
		}
	}
	out = proto.AppendAckTurn(out)
	for ; a.at >= yes && a.at < yes+a.failed.len(); n, a.at = n+1, a.at+1 {
		was := len(out)
		name, why := a.failed.at(a.at - yes)
		if out = proto.AppendAckFailed(out, name, why.code(), why.text()); full(n) {
			out = out[:was]
			break
		}
	}
	a.acked = a.at == yes+a.failed.len()
	out = proto.AppendAckEnd(out, len(k.tokens), int(c.tokens), !a.acked)
	if a.acked {
		a.dropped, a.failed = nil, failures{}
	}
	l.scratch.one = out
	l.scratch.out = proto.AppendFrame(l.scratch.out[:0], proto.OpText, out)
	return l.scratch.out
}

// appendYes appends the token that an ack says yes to next. Of one in the list the
// baseline is what was told: nothing is before the ack is whole.
func (l *loop) appendYes(out []byte, k *cohort, a *answer, told []uint64) []byte {
	if a.at >= len(a.items) {
		x := a.dropped[a.at-len(a.items)]
		return proto.AppendAckHeld(out, l.e.tokens.name(x.id), x.id, x.seq)
	}
	i := a.items[a.at].index()
	id := k.tokens[i]
	name := l.e.tokens.name(id)
	if a.verb != proto.VerbList {
		return proto.AppendAckHeld(out, name, id, told[i])
	}
	o := k.option(i)
	return proto.AppendAckListed(out, name, id, told[i], o.mode(), int(o.windowMs()))
}

// walkBack looks for the first tick that each resumed token has to be replayed, along
// the token's chain, and moves the cursor back to the oldest of them. One that the
// ring has no more gets a gap and a snap. It returns false if there is more than one
// turn takes.
func (l *loop) walkBack(c *conn) bool {
	p, a := c.parked, c.parked.answer
	k := &l.cohorts.all[c.cohort]
	for ; a.walked < len(a.items); a.walked++ {
		x := &a.items[a.walked]
		if *x&itemResume == 0 {
			continue
		}
		id := k.tokens[x.index()]
		shard := l.e.shardOf(id)
		pos, found, over := l.walkOne(a, id, p.told[x.index()])
		switch {
		case !over:
			return false
		case found && int64(pos-p.cursor[shard]) < 0:
			p.cursor[shard] = pos
		case !found:
			*x |= itemRing | itemSnap
		}
		a.walking = false
	}
	return true
}

// walkOne follows one chain; over is false if the turn's hops were used up.
func (l *loop) walkOne(a *answer, id uint32, told uint64) (pos uint64, found, over bool) {
	shard := l.e.shardOf(id)
	rd, t := l.readers[shard], &l.tokens[id]
	if t.seq <= told {
		return l.cursor[shard], true, true // nothing was missed
	}
	if !a.walking {
		a.walking, a.pos = true, t.last
	}
	for !rd.Pin(rd.Ring().Oldest()) {
	}
	oldest := rd.Ring().Oldest()
	for ; l.hops > 0; l.hops-- {
		if int64(a.pos-oldest) < 0 {
			return 0, false, true
		}
		if rd.Ring().At(a.pos).Seq <= told+1 {
			return a.pos, true, true
		}
		prev, ok := rd.Ring().Prev(a.pos)
		if !ok {
			return 0, false, true
		}
		a.pos = prev
	}
	return 0, false, false
}

// gatherSnaps gathers the next snapshots of an answer, up to the one before end. ok is
// false if the loop must move on before there are more.
func (l *loop) gatherSnaps(c *conn) (out []byte, end int, ok bool) {
	p, a := c.parked, c.parked.answer
	k := &l.cohorts.all[c.cohort]
	l.pinFor(p)
	l.scratch.piece = l.scratch.piece[:0]
	out = l.scratch.out[:0]
	for end = a.snapped; end < len(a.items) && len(out) < chunkBytes; end++ {
		x := a.items[end]
		if x&itemSnap == 0 {
			continue
		}
		id, told := k.tokens[x.index()], p.told[x.index()]
		rd, t := l.readers[l.e.shardOf(id)], &l.tokens[id]
		v, known := rd.Restored(id)
		if t.seq > 0 {
			if v, known = rd.Value(id, t.last); !known {
				break
			}
		}
		from := len(out)
		switch {
		case x&itemEpoch != 0:
			out = l.appendGap(out, id, told, v.Seq, proto.GapEpoch)
		case x&itemRing == 0:
			out = l.appendSkip(out, id, told, v.Seq) // the ack had to wait
		case told+1 < v.Seq:
			out = l.appendGap(out, id, told, v.Seq, proto.GapRing)
		}
		if known {
			out = l.appendMade(out, k.encoding(x.index()), id, v, true)
		}
		if len(out) > from {
			l.piece(len(out)-from, piece{
				index: x.index(), seq: v.Seq, before: v.Seq - 1, value: true, snap: end + 1,
			})
		}
	}
	l.scratch.out = out
	return out, end, end > a.snapped
}

// appendGap appends what can't be had any more between told and a snapshot of seq.
func (l *loop) appendGap(dst []byte, id uint32, told, seq uint64, why string) []byte {
	last := uint64(0)
	if seq > 0 {
		last = seq - 1
	}
	name := l.e.tokens.name(id)
	l.scratch.one = proto.AppendGap(l.scratch.one[:0], name, told+1, last, why)
	return proto.AppendFrame(dst, proto.OpText, l.scratch.one)
}
