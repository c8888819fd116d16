package engine

import (
	"slices"

	"azira/proto"
)

// A blocked write is a member that took only the first sent bytes of its
// cohort's frames, or broke.
type blocked struct {
	c      *conn
	sent   int
	broken bool
}

// fanOut gives each dirty cohort its frames. The walk begins elsewhere each
// turn, so that nobody is always last.
func (l *loop) fanOut() {
	dirty := l.fan.dirty
	if len(dirty) == 0 {
		return
	}
	defer func() {
		if r := recover(); r != nil {
			l.panicked(r)
			l.abandon()
		}
	}()
	at := int(l.turns % uint64(len(dirty)))
	for i := range dirty {
		id := dirty[(at+i)%len(dirty)]
		h := l.cohorts.heat[id]
		switch {
		case h.first == 0 || h.active == 0:
		case l.crowded():
			l.giveWay(id, h)
		default:
			l.deliver(id, h)
		}
		l.cohorts.heat[id].first = 0
	}
}

// deliver writes a cohort's frames to each of its members, one write each.
func (l *loop) deliver(id uint32, h heat) {
	p, frames := l.gather(h)
	members := l.cohorts.all[id].members
	at := int(l.turns % uint64(len(members)))
	l.scratch.block = l.scratch.block[:0]
	full, crowded := 0, false
	for i := range members {
		c := members[(at+i)%len(members)]
		if i%crowdedEvery == crowdedEvery-1 && l.crowded() {
			crowded = true
		}
		if crowded {
			l.scratch.block = append(l.scratch.block, blocked{c: c})
			continue
		}
		n, err := write(c, p)
		if n == len(p) {
			full++
			continue
		}
		l.scratch.block = append(l.scratch.block, blocked{c, n, err != nil})
	}
	l.stats.sent(full, full*frames, full*len(p))
	for _, b := range l.scratch.block {
		if b.broken {
			l.drop(b.c, proto.CloseAbnormal)
			continue
		}
		l.block(b.c, h, b.sent)
		if crowded {
			l.serve(b.c)
		}
	}
}

// gather returns a cohort's frames of this turn as one slice, and their number:
// ring memory where they lie side by side, else copied together. One write of
// gathered frames costs less than a writev of small ones (docs/performance.md).
func (l *loop) gather(h heat) (p []byte, frames int) {
	out := l.scratch.out[:0]
	for at := h.first; at != 0; at = l.fan.runs[at].next {
		run := l.fan.runs[at]
		frames += int(run.n)
		r := l.readers[run.shard].Ring()
		for pos, left := run.pos, int(run.n); left > 0; {
			side, n := r.Frames(laneText, pos, left)
			if n == left && run.next == 0 && len(out) == 0 {
				return side, frames
			}
			out = append(out, side...)
			pos += uint64(n)
			left -= n
		}
	}
	l.scratch.out = out
	return out, frames
}

// block parks a member that took only sent bytes of its cohort's frames: behind
// the frame in progress, of which it keeps the rest.
func (l *loop) block(c *conn, h heat, sent int) {
	cursor, rest, whole := l.stopped(h, sent)
	l.stats.sent(1, whole, sent)
	l.park(c, cursor, l.toldAt(l.cohorts.all[c.cohort].tokens, h, cursor), rest)
}

// stopped returns where a member is that took only sent bytes of its cohort's
// frames: its cursors, the rest of the frame in progress, and how many it has,
// that one counted in.
func (l *loop) stopped(h heat, sent int) (cursor []uint64, rest []byte, frames int) {
	cursor = slices.Clone(l.start)
	for at := h.first; at != 0; at = l.fan.runs[at].next {
		run := l.fan.runs[at]
		r := l.readers[run.shard].Ring()
		for k := range uint64(run.n) {
			if sent == 0 {
				return cursor, rest, frames
			}
			frame := r.Frame(laneText, run.pos+k)
			if sent < len(frame) {
				rest = append(rest, frame[sent:]...)
			}
			sent -= min(sent, len(frame))
			frames++
			cursor[run.shard] = run.pos + k + 1
		}
	}
	return cursor, rest, frames
}

// toldAt returns what a member of a cohort was told that is at cursor, amid the
// turn's frames: what was drained, less what lies behind.
func (l *loop) toldAt(set []uint32, h heat, cursor []uint64) []uint64 {
	told := l.drained(set)
	for at := h.first; at != 0; at = l.fan.runs[at].next {
		run := l.fan.runs[at]
		r := l.readers[run.shard].Ring()
		for pos := run.pos; pos != run.pos+uint64(run.n); pos++ {
			if int64(pos-cursor[run.shard]) >= 0 {
				s := r.At(pos)
				i := indexOf(set, s.Token)
				told[i] = min(told[i], s.Seq-1)
			}
		}
	}
	return told
}

// crowded says that a writer waits for this turn's pins.
func (l *loop) crowded() bool {
	for _, rd := range l.readers {
		if rd.Ring().Crowded() {
			return true
		}
	}
	return false
}

// giveWay parks a cohort's members where the turn began, so that the turn can
// end: a writer has come round to what they are due, a whole lap of the ring.
func (l *loop) giveWay(id uint32, h heat) {
	l.stats.gaveWay.Add(1)
	told := l.toldAt(l.cohorts.all[id].tokens, h, l.start)
	for {
		members := l.cohorts.all[id].members
		if len(members) == 0 {
			return
		}
		c := members[len(members)-1]
		l.park(c, l.start, slices.Clone(told), nil)
		l.serve(c)
	}
}

// abandon ends a fan-out that panicked: the cohort in hand is dropped, since
// nobody knows who of it has what, the others are parked where the turn began.
func (l *loop) abandon() {
	inHand := true
	at := int(l.turns % uint64(max(1, len(l.fan.dirty))))
	for i := range l.fan.dirty {
		id := l.fan.dirty[(at+i)%len(l.fan.dirty)]
		h := l.cohorts.heat[id]
		l.cohorts.heat[id].first = 0
		if h.first == 0 || h.active == 0 {
			continue
		}
		if !inHand {
			l.giveWay(id, h)
			continue
		}
		inHand = false
		for _, c := range slices.Clone(l.cohorts.all[id].members) {
			l.drop(c, proto.CloseInternal)
		}
	}
}
