package engine

import (
	"slices"

	"azira/proto"
	"azira/ring"
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
	at := int(l.turns % uint64(len(dirty)))
	for i := range dirty {
		id := dirty[(at+i)%len(dirty)]
		h := l.cohorts.heat[id]
		l.cohorts.heat[id].first = 0
		switch {
		case h.first == 0 || h.active == 0:
		case l.crowded():
			l.giveWay(id)
		default:
			l.deliver(id, h)
		}
	}
}

// deliver writes a cohort's frames to each of its members, one write each.
func (l *loop) deliver(id uint32, h heat) {
	p, frames := l.gather(h)
	members := l.cohorts.all[id].members
	at := int(l.turns % uint64(len(members)))
	l.scratch.block = l.scratch.block[:0]
	for i := range members {
		c := members[(at+i)%len(members)]
		n, err := write(c, p)
		if n == len(p) {
			continue
		}
		l.scratch.block = append(l.scratch.block, blocked{c, n, err != nil})
	}
	full := len(members) - len(l.scratch.block)
	l.stats.sent(full, full*frames, full*len(p))
	for _, b := range l.scratch.block {
		if b.broken {
			l.drop(b.c, proto.CloseAbnormal)
			continue
		}
		l.block(b.c, h, b.sent)
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
	cursor := slices.Clone(l.start)
	var rest []byte
	whole, took := 0, sent
	at := h.first
	for ; at != 0; at = l.fan.runs[at].next {
		run := l.fan.runs[at]
		r := l.readers[run.shard].Ring()
		for k := range int(run.n) {
			if took == 0 {
				l.stats.sent(1, whole, sent)
				l.parkAt(c, cursor, rest, h)
				return
			}
			frame := r.Frame(laneText, run.pos+uint64(k))
			if took < len(frame) {
				rest = append(rest, frame[took:]...)
				took = 0
			} else {
				took -= len(frame)
			}
			whole++
			cursor[run.shard] = run.pos + uint64(k) + 1
		}
	}
	l.stats.sent(1, whole, sent)
	l.parkAt(c, cursor, rest, h)
}

// parkAt parks a connection in the middle of a turn's frames, from cursor on.
func (l *loop) parkAt(c *conn, cursor []uint64, rest []byte, h heat) {
	set := l.cohorts.all[c.cohort].tokens
	l.park(c, cursor)
	c.parked.rest = rest
	for at := h.first; at != 0; at = l.fan.runs[at].next {
		run := l.fan.runs[at]
		l.untell(c.parked.told, set, l.readers[run.shard].Ring(), run, cursor[run.shard])
	}
}

// untell takes what lies behind the cursor out of what a connection was told:
// park took it for told.
func (l *loop) untell(told []uint64, set []uint32, r *ring.Ring, run run, cursor uint64) {
	for k := range uint64(run.n) {
		if pos := run.pos + k; int64(pos-cursor) >= 0 {
			s := r.At(pos)
			i := indexOf(set, s.Token)
			told[i] = min(told[i], s.Seq-1)
		}
	}
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
func (l *loop) giveWay(id uint32) {
	h := l.cohorts.heat[id]
	for k := &l.cohorts.all[id]; len(k.members) > 0; {
		c := k.members[len(k.members)-1]
		l.parkAt(c, l.start, nil, h)
		l.serve(c)
	}
}
