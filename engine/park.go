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
type parked struct {
	cursor []uint64 // by shard: the next record to look at
	told   []uint64 // by index in the cohort's tokens: seq last told
	rest   []byte   // of the frame in progress
	since  uint32   // second of the last byte taken
	values int      // index of the next token whose last value is due; noValues if none
}

const noValues = -1

// A piece is a frame gathered for one connection: where it comes from.
type piece struct {
	n     int    // bytes
	index int    // of its token in the set
	seq   uint64 //
	pos   uint64 // of its record, where it is replayed
	shard int
}

// park takes a connection out of the fan-out; from cursor on it is owed what the
// ring holds. What the loop has drained counts as told.
func (l *loop) park(c *conn, cursor []uint64) {
	if c.changed && c.state == open {
		l.settleOne(c)
	}
	k := &l.cohorts.all[c.cohort]
	p := &parked{
		cursor: slices.Clone(cursor),
		told:   make([]uint64, len(k.tokens)),
		since:  l.now,
		values: noValues,
	}
	for i, id := range k.tokens {
		p.told[i] = l.tokens[id].seq
	}
	if c.cohort != 0 {
		l.unseat(c, c.cohort)
		k.parked++
	}
	c.parked = p
	l.stats.parks.Add(1)
	l.stats.parked.Add(1)
	l.soon(c)
	c.owner.Parked(l.e.unix(l.now))
}

// unpark puts a connection that has everything back into the fan-out.
func (l *loop) unpark(c *conn) {
	c.parked = nil
	l.stats.parked.Add(-1)
	if c.cohort != 0 {
		l.cohorts.all[c.cohort].parked--
		l.join(c)
	}
	c.owner.Parked(0)
	if c.readable || c.in != nil && len(c.in.left) > 0 {
		c.readable = true
		l.serve(c)
	}
}

// catchUp gives a parked connection what it is owed, as far as its socket takes
// it and a turn allows.
func (l *loop) catchUp(c *conn) {
	p := c.parked
	if !l.sendRest(c) || c.state != open {
		return
	}
	l.settle()
	defer l.unpin()
	budget := replayBytes
	for budget > 0 {
		pinned := l.pinFor(p)
		if !pinned && slices.Equal(p.cursor, l.cursor) {
			break // the loop itself was overtaken: its next turn sees to that first
		}
		if p.values == noValues && (!pinned || l.lag(c) > l.e.o.MaxLagBytes) {
			p.values = 0
			copy(p.cursor, l.cursor)
			l.stats.conflations.Add(1)
			continue
		}
		var out []byte
		if p.values != noValues {
			out = l.gatherValues(c)
		} else {
			out = l.gatherReplay(c)
		}
		if len(out) == 0 {
			if p.values == noValues {
				l.unpark(c)
				return
			}
			p.values = noValues // all told; what came meanwhile is replayed
			continue
		}
		if !l.sendPieces(c, out) {
			return
		}
		budget -= len(out)
	}
	l.serve(c)
}

// sendRest sends the rest of the frame in progress; true if nothing of it is left.
func (l *loop) sendRest(c *conn) bool {
	p := c.parked
	if len(p.rest) == 0 {
		return true
	}
	n, err := write(c, p.rest)
	if err != nil {
		l.drop(c, proto.CloseAbnormal)
		return false
	}
	if n > 0 {
		p.since = l.now
		p.rest = p.rest[n:]
		l.stats.bytes.Add(uint64(n))
	}
	if len(p.rest) > 0 {
		return false
	}
	p.rest = nil
	if c.state == closing {
		l.hangUp(c)
	}
	return true
}

// pinFor pins what a parked connection has to read, from its cursors on; false
// if a ring went past one of them. All rings are pinned somewhere in any case.
func (l *loop) pinFor(p *parked) (ok bool) {
	ok = true
	for i, rd := range l.readers {
		if rd.Pin(p.cursor[i]) {
			continue
		}
		ok = false
		for !rd.Pin(l.cursor[i]) && !rd.Pin(rd.Ring().Oldest()) {
		}
	}
	return ok
}

// lag returns the bytes of frames that a parked connection is behind, or
// something above the limit once they are.
func (l *loop) lag(c *conn) (bytes int) {
	p := c.parked
	limit := l.e.o.MaxLagBytes
	for i, rd := range l.readers {
		if p.cursor[i] == l.cursor[i] {
			continue
		}
		r := rd.Ring()
		all := r.Span(laneText, l.cursor[i]-1) - r.Span(laneText, p.cursor[i])
		if all <= uint64(limit) {
			bytes += int(all) // of all tokens: few enough in any case
			continue
		}
		l.markSet(c)
		for pos := p.cursor[i]; pos != l.cursor[i] && bytes <= limit; pos++ {
			if l.scratch.mark[r.At(pos).Token] != 0 {
				bytes += len(r.Frame(laneText, pos))
			}
		}
		l.unmarkSet(c)
	}
	return bytes
}

// gatherReplay gathers frames from a parked connection's cursors on.
func (l *loop) gatherReplay(c *conn) []byte {
	p := c.parked
	out := l.scratch.out[:0]
	l.scratch.piece = l.scratch.piece[:0]
	l.markSet(c)
	for i, rd := range l.readers {
		r := rd.Ring()
		pos := p.cursor[i]
		for ; pos != l.cursor[i] && len(out) < chunkBytes; pos++ {
			s := r.At(pos)
			at := int(l.scratch.mark[s.Token]) - 1
			if at < 0 || s.Seq <= p.told[at] {
				continue
			}
			frame := r.Frame(laneText, pos)
			out = append(out, frame...)
			l.scratch.piece = append(l.scratch.piece,
				piece{n: len(frame), index: at, seq: s.Seq, pos: pos, shard: i})
		}
		if len(l.scratch.piece) == 0 {
			p.cursor[i] = pos // nothing of it was for this one
		}
	}
	l.unmarkSet(c)
	l.scratch.out = out
	return out
}

// gatherValues gathers the last values of tokens that ticked since they were
// told, from p.values on.
func (l *loop) gatherValues(c *conn) []byte {
	p := c.parked
	out := l.scratch.out[:0]
	l.scratch.piece = l.scratch.piece[:0]
	set := l.cohorts.all[c.cohort].tokens
	i := p.values
	for ; i < len(set) && len(out) < chunkBytes; i++ {
		t := &l.tokens[set[i]]
		if t.seq <= p.told[i] {
			continue
		}
		v, ok := l.readers[l.e.shardOf(set[i])].Value(set[i], t.last)
		if !ok {
			continue // a newer one comes with the next drain
		}
		out = append(out, v.Frame...)
		l.scratch.piece = append(l.scratch.piece, piece{n: len(v.Frame), index: i, seq: t.seq})
	}
	if len(out) == 0 {
		p.values = i
	}
	l.scratch.out = out
	return out
}

// sendPieces writes the gathered pieces and notes what was told; false if the
// socket took less than all.
func (l *loop) sendPieces(c *conn, out []byte) bool {
	n, err := write(c, out)
	if err != nil {
		l.drop(c, proto.CloseAbnormal)
		return false
	}
	p := c.parked
	if n > 0 {
		p.since = l.now
	}
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
		if p.values != noValues {
			skipped += x.seq - p.told[x.index] - 1
		}
		p.tell(x)
	}
	l.stats.conflated.Add(skipped)
	l.stats.sent(1, frames, n)
	return n == len(out)
}

// tell notes that a piece is told, or in progress.
func (p *parked) tell(x piece) {
	p.told[x.index] = x.seq
	if p.values != noValues {
		p.values = x.index + 1
		return
	}
	p.cursor[x.shard] = x.pos + 1
}

// markSet marks a connection's tokens in scratch.mark, by their index + 1.
func (l *loop) markSet(c *conn) {
	for i, id := range l.cohorts.all[c.cohort].tokens {
		l.scratch.mark[id] = uint32(i) + 1
	}
}

func (l *loop) unmarkSet(c *conn) {
	for _, id := range l.cohorts.all[c.cohort].tokens {
		l.scratch.mark[id] = 0
	}
}

// indexOf returns where a token of a sorted set is; it is in it.
func indexOf(set []uint32, id uint32) int {
	i, _ := slices.BinarySearch(set, id)
	return i
}
