package engine

import (
	"slices"

	"azira/proto"
)

// parked is what is kept of a connection that takes no bytes, or not yet all it
// is owed: where it is in the rings, what it was last told of each token, and the
// rest of the one frame in progress. Nothing more, however long it lasts.
//
//	fan-out ──EAGAIN──▶ parked ──writable──▶ rest ▶ replay from the ring ─┐
//	   ▲                                      │ lag > max, or lapped      │
//	   │                                      └▶ last values, then replay ┤
//	   └──────────────────────── has all up to the loop's cursor ─────────┘
//
// A connection that is owed an answer of several frames is parked with it, as a rule
// for the moment of writing them: between the rest and the replay.
type parked struct {
	cursor []uint64 // by shard: what is before was told, or is not wanted
	told   []uint64 // by index in the cohort's tokens: seq last told
	rest   []byte   // of the frame in progress
	since  uint32   // second of the last byte taken, or confirmed by the peer
	acked  uint64   // bytes confirmed by then
	values int      // index of the next token whose last value is due; noValues if none
	answer *answer  // what is owed before anything else
	beats  uint32   // of its cohort when it was parked
	mail   int      // bytes of rest that count in loop.partial
	resume bool     // it gets all that the ring holds, however much
	quiet  bool     // nobody was told: it may be over at once
}

const noValues = -1

// noIndex is the index of a piece that is of no token.
const noIndex = -1

// A piece is a frame gathered for one connection: where it comes from.
type piece struct {
	n      int    // bytes
	index  int    // of its token in the list
	seq    uint64 // of its tick
	before uint64 // seq told before it
	pos    uint64 // of its record, where it is replayed
	shard  int
	value  bool // it is a last value, with what it skips: not at pos
	snap   int  // so many snapshots of an answer are sent with it
}

// park takes a connection out of the fan-out. From cursor on it is owed what the
// ring holds; told, which is kept, says what it was told before, nil that it was
// told all that was drained.
func (l *loop) park(c *conn, cursor, told []uint64, rest []byte) {
	if c.changed && c.state == open {
		l.settleOne(c)
	}
	if told == nil {
		told = l.told(&l.cohorts.all[c.cohort])
	}
	if c.cohort != 0 {
		l.unseat(c, c.cohort)
		l.cohorts.all[c.cohort].parked++
	}
	c.parked = &parked{
		cursor: slices.Clone(cursor), told: told, rest: rest, since: l.now, values: noValues,
		beats: l.cohorts.all[c.cohort].beats,
	}
	l.parkLoud(c)
}

// parkLoud counts a connection as parked, and tells its owner.
func (l *loop) parkLoud(c *conn) {
	c.parked.quiet = false
	l.stats.parks.Add(1)
	l.stats.parked.Add(1)
	l.soon(c)
	l.tellParked(c)
}

// unpark puts a connection that has everything back into the fan-out.
func (l *loop) unpark(c *conn) {
	p := c.parked
	c.parked = nil
	l.wantsMail(c)
	if c.cohort != 0 {
		l.rejoinCohort(c)
	}
	if !p.quiet {
		l.stats.parked.Add(-1)
		l.tell(c, func(o Owner) { o.Parked(0) })
	}
	if p.beats != l.cohorts.all[c.cohort].beats {
		l.sendBeat(c) // one went by meanwhile
	}
	if l.drained.pause > 0 && c.kind.typed() && !p.quiet && c.parked == nil && c.state == open {
		l.sendDrain(c)
	}
	if c.readable || c.in != nil && len(c.in.left) > 0 {
		c.readable = true
		l.serve(c)
	}
}

// rejoinCohort makes a connection that was parked a member again: of its cohort or,
// while that holds something back, of one with the same list that does not.
func (l *loop) rejoinCohort(c *conn) {
	id := c.cohort
	k := &l.cohorts.all[id]
	k.parked--
	if l.holdsBack(id) {
		c.cohort = l.intern(k.list)
		if k = &l.cohorts.all[id]; len(k.members) == 0 && k.parked == 0 {
			l.forget(id)
		}
	}
	l.join(c)
}

// catchUp gives a parked connection what it is owed, as far as its socket takes
// it and a turn allows.
func (l *loop) catchUp(c *conn) {
	if !l.sendRest(c) || c.state != open {
		return
	}
	l.settle()
	defer l.unpin()
	if c.parked.answer != nil && !l.sendAnswer(c) {
		return
	}
	for budget := replayBytes; budget > 0; {
		out, ok := l.owed(c)
		switch {
		case ok && len(out) == 0:
			l.unpark(c)
			return
		case !ok:
			l.serve(c) // in the next turn: the loop must go on first, or there is more to look at
			return
		case !l.sendPieces(c, out):
			return
		}
		budget -= len(out)
	}
	l.serve(c)
}

// owed gathers the next frames that a parked connection is owed, at most about
// chunkBytes, none if it has everything. ok is false if the loop itself must
// move on first.
func (l *loop) owed(c *conn) (out []byte, ok bool) {
	p := c.parked
	for {
		pinned := l.pinFor(p)
		switch {
		case !pinned && slices.Equal(p.cursor, l.cursor):
			return nil, false
		case p.values != noValues:
			if out := l.gatherValues(c); len(out) > 0 {
				return out, true
			}
			p.values = noValues // all told; what came meanwhile is replayed
		case !pinned || !p.resume && l.lag(c) > l.e.o.MaxLagBytes:
			p.values = 0
			copy(p.cursor, l.cursor)
			l.stats.conflations.Add(1)
		default:
			if out := l.gatherReplay(c); len(out) > 0 {
				return out, true
			}
			if missed, _, _ := l.missed(c); missed > 0 && !slices.Equal(p.cursor, l.cursor) {
				return nil, false // there is more to look at, in the next turn
			}
			copy(p.cursor, l.cursor)
			out := l.gatherValues(c)
			return out, len(out) > 0 || l.level(c)
		}
	}
}

// level says that a connection was told all that its loop has drained, and no more: it
// may know ticks from another loop, and a value may be gone that is about to be drained
// anew.
func (l *loop) level(c *conn) bool {
	for i, id := range l.cohorts.all[c.cohort].tokens {
		if l.tokens[id].seq != c.parked.told[i] {
			return false
		}
	}
	return true
}

// sendRest sends the rest of the frame in progress; true if nothing of it is left.
func (l *loop) sendRest(c *conn) bool {
	p := c.parked
	records := false
	if c.sealed {
		var all bool
		if records, all = l.sendSealed(c); !all {
			return false
		}
	}
	if len(p.rest) == 0 && !records {
		return true
	}
	n, held, err := l.writeTo(c, p.rest)
	if err != nil {
		l.drop(c, proto.CloseAbnormal)
		return false
	}
	l.progress(c, n)
	l.stats.bytes.Add(uint64(n))
	if p.rest = p.rest[n:]; len(p.rest) > 0 || held {
		return false
	}
	p.rest = nil
	l.delivered(c)
	if c.state == closing {
		l.hangUp(c)
	}
	return true
}

// sendSealed sends the rest of the record in progress: whether there was some, and
// whether all of it is sent.
func (l *loop) sendSealed(c *conn) (some, all bool) {
	took, all, err := l.flushSealed(c.fd)
	if err != nil {
		l.drop(c, proto.CloseAbnormal)
		return false, false
	}
	l.progress(c, took)
	return took > 0, all
}

// progress notes that a parked connection took bytes.
func (l *loop) progress(c *conn, n int) {
	if n == 0 || c.state != open {
		return
	}
	l.wantsMail(c)
	if c.parked.since != l.now {
		c.parked.since = l.now
		l.tellParked(c)
	}
}

// confirmed notes that the peer's kernel confirmed bytes: the socket takes them
// in lumps, so that a slow reader may be alive for long without room for more.
func (l *loop) confirmed(c *conn) {
	if n := l.acked(c.fd); n != c.parked.acked {
		c.parked.acked = n
		l.progress(c, 1)
	}
}

// sendPieces writes the gathered pieces and notes what was told; false if the
// socket took less than all.
func (l *loop) sendPieces(c *conn, out []byte) bool {
	n, held, err := l.writeTo(c, out)
	if err != nil {
		l.drop(c, proto.CloseAbnormal)
		return false
	}
	l.progress(c, n)
	p := c.parked
	took, frames, skipped := n, 0, uint64(0)
	for _, x := range l.scratch.piece {
		if took == 0 {
			break
		}
		if took < x.n {
			at := n - took
			p.rest = slices.Clone(out[n : at+x.n])
			took = x.n
		}
		took -= x.n
		frames++
		if x.value {
			skipped += x.seq - x.before - 1
		}
		p.tell(x)
	}
	l.stats.conflated.Add(skipped)
	l.stats.sent(l.encodingOf(c), 1, frames, n)
	return n == len(out) && !held
}

// encodingOf is the encoding of a connection's list, or of its first token.
func (l *loop) encodingOf(c *conn) proto.Encoding {
	h := &l.cohorts.heat[c.cohort]
	return proto.Encoding(h.encoding())
}

// tell notes that a piece is told, or in progress.
func (p *parked) tell(x piece) {
	p.told[x.index] = x.seq
	switch {
	case x.snap > 0:
		p.answer.snapped = x.snap
	case !x.value:
		p.cursor[x.shard] = x.pos + 1
	case p.values != noValues:
		p.values = x.index + 1
	}
}
