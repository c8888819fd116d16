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
	held    []uint32  // tokens that it says yes to: indices in the list, but for
	dropped []dropped // those that were given up
	failed  []failure
	at      int  // how many of held, gone and failed are acked
	acked   bool // all of them

	resumes []uint32 // indices of tokens told before the cursor: to be found in the ring
	walked  int      // how many of them were looked for
	walking bool     // pos is on the chain of one more
	pos     uint64   //

	snaps   []snap
	snapped int // how many were sent
}

// A dropped token is one that an unsubscribe gave up.
type dropped struct {
	id  uint32
	seq uint64 // last told
}

// A failure is a token that an ack says no to.
type failure struct {
	name string
	code int
	text string
}

// A snap is a token that is given its last value, with the gap before it if there is
// one.
type snap struct {
	index uint32 // in the list
	gap   gap
}

// A gap is why there is one.
type gap uint8

const (
	gapNone gap = iota
	gapRing
	gapEpoch
)

func (g gap) String() string { return [...]string{"", proto.GapRing, proto.GapEpoch}[g] }

// hold gives a typed stream a new list, which is kept, and an answer. From the loop's
// cursor on it is owed ticks, and of each token those after told.
func (l *loop) hold(c *conn, x list, told []uint64, a *answer) {
	next := l.intern(x)
	k := &l.cohorts.all[next]
	k.parked++
	l.leave(c)
	c.cohort = next
	c.parked = &parked{
		cursor: slices.Clone(l.cursor), told: told, since: l.now, values: noValues,
		answer: a, beats: k.beats - 1, // a heartbeat comes behind the answer
		resume: len(a.resumes) > 0, quiet: true,
	}
	l.tell(c, func(o Owner) { o.Holds(len(x.tokens)) })
	l.catchUp(c)
	if c.state == open && c.parked != nil && c.parked.quiet {
		l.parkLoud(c)
	}
}

// sendAnswer sends what is left of an answer; true if nothing is.
func (l *loop) sendAnswer(c *conn) bool {
	a := c.parked.answer
	for !a.acked {
		if !l.sendFrame(c, l.nextAck(c)) {
			return false
		}
	}
	if !l.walkBack(c) {
		l.serve(c)
		return false
	}
	for a.snapped < len(a.snaps) {
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

// nextAck makes the next piece of an ack.
func (l *loop) nextAck(c *conn) []byte {
	const endBytes = 80
	a, k := c.parked.answer, &l.cohorts.all[c.cohort]
	out := proto.AppendAckHead(l.scratch.one[:0], a.id, a.verb)
	full := func(was int) bool { return len(out) > ackBytesMax-endBytes && was > 0 }
	n, yes := 0, len(a.held)+len(a.dropped)
	for ; a.at < yes; n, a.at = n+1, a.at+1 {
		was := len(out)
		if out = l.appendHeld(out, c, a.at); full(n) {
			out = out[:was]
			break
		}
	}
	out = proto.AppendAckTurn(out)
	for ; a.at >= yes && a.at < yes+len(a.failed); n, a.at = n+1, a.at+1 {
		was := len(out)
		x := a.failed[a.at-yes]
		if out = proto.AppendAckFailed(out, x.name, x.code, x.text); full(n) {
			out = out[:was]
			break
		}
	}
	a.acked = a.at == yes+len(a.failed)
	out = proto.AppendAckEnd(out, len(k.tokens), l.e.o.TokensPerStream, !a.acked)
	if a.acked {
		a.held, a.dropped, a.failed = nil, nil, nil
	}
	l.scratch.one = out
	l.scratch.out = proto.AppendFrame(l.scratch.out[:0], proto.OpText, out)
	return l.scratch.out
}

// appendHeld appends the n-th token that an ack says yes to. Of one in the list the
// baseline is what was told: nothing is before the ack is whole.
func (l *loop) appendHeld(out []byte, c *conn, n int) []byte {
	a, k := c.parked.answer, &l.cohorts.all[c.cohort]
	if n >= len(a.held) {
		x := a.dropped[n-len(a.held)]
		return proto.AppendAckHeld(out, l.e.tokens.name(x.id), x.id, x.seq)
	}
	i := a.held[n]
	id, told := k.tokens[i], c.parked.told[i]
	if a.verb != proto.VerbList {
		return proto.AppendAckHeld(out, l.e.tokens.name(id), id, told)
	}
	o, name := k.option(int(i)), l.e.tokens.name(id)
	return proto.AppendAckListed(out, name, id, told, o.mode(), int(o.windowMs()))
}

// walkBack looks for the first tick that each resumed token has to be replayed, along
// the token's chain, and moves the cursor back to the oldest of them. One that the
// ring has no more gets a gap and a snap. It returns false if there is more than one
// turn takes.
func (l *loop) walkBack(c *conn) bool {
	p, a := c.parked, c.parked.answer
	k := &l.cohorts.all[c.cohort]
	for hops := hopsPerTurn; a.walked < len(a.resumes); {
		i := a.resumes[a.walked]
		id := k.tokens[i]
		shard := l.e.shardOf(id)
		pos, found, over := l.walkOne(a, id, p.told[i], &hops)
		switch {
		case !over:
			return false
		case found && int64(pos-p.cursor[shard]) < 0:
			p.cursor[shard] = pos
		case !found:
			a.snaps = append(a.snaps, snap{i, gapRing})
		}
		a.walked, a.walking = a.walked+1, false
	}
	return true
}

// walkOne follows one chain; over is false if hops were used up.
func (l *loop) walkOne(a *answer, id uint32, told uint64, hops *int) (
	pos uint64, found, over bool) {
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
	for ; *hops > 0; *hops-- {
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
	for end = a.snapped; end < len(a.snaps) && len(out) < chunkBytes; end++ {
		x := a.snaps[end]
		id := k.tokens[x.index]
		rd, t := l.readers[l.e.shardOf(id)], &l.tokens[id]
		v, known := rd.Restored(id)
		if t.seq > 0 {
			if v, known = rd.Value(id, t.last); !known {
				break
			}
		}
		from := len(out)
		if x.gap == gapNone {
			out = l.appendSkip(out, id, p.told[x.index], v.Seq) // the ack had to wait
		} else {
			out = l.appendGap(out, id, p.told[x.index], v.Seq, x.gap)
		}
		if known {
			out = l.appendMade(out, k.encoding(int(x.index)), id, v, true)
		}
		if len(out) > from {
			l.piece(len(out)-from, piece{
				index: int(x.index), seq: v.Seq, before: v.Seq - 1, value: true, snap: end + 1,
			})
		}
	}
	l.scratch.out = out
	return out, end, end > a.snapped
}

// appendGap appends what can't be had any more between told and a snapshot of seq.
func (l *loop) appendGap(dst []byte, id uint32, told, seq uint64, why gap) []byte {
	if why == gapRing && told+1 >= seq {
		return dst
	}
	last := uint64(0)
	if seq > 0 {
		last = seq - 1
	}
	name := l.e.tokens.name(id)
	l.scratch.one = proto.AppendGap(l.scratch.one[:0], name, told+1, last, why.String())
	return proto.AppendFrame(dst, proto.OpText, l.scratch.one)
}
