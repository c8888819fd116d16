package engine

import (
	"slices"

	"azira/proto"
)

// A blocked write is a member that took only the first sent bytes of its
// cohort's frames, or broke, or whose turn was cut short.
type blocked struct {
	fd     int32
	cohort uint32
	sent   int
	broken bool
	late   bool   // a writer waited for the turn to end
	rest   []byte // of the frame in progress, if the cohort was packed in parts
}

// block parks those who did not take all: behind the frame in progress, of which
// each keeps the rest.
func (l *loop) block() {
	w := &l.fan.walk
	for len(w.blocked) > 0 {
		b := w.blocked[len(w.blocked)-1]
		w.blocked = w.blocked[:len(w.blocked)-1]
		l.rescue(func() { l.blockOne(b) }, func() { l.dropAll([]int32{b.fd}) })
	}
}

func (l *loop) blockOne(b blocked) {
	c := l.conns[b.fd]
	if b.broken {
		l.drop(c, proto.CloseAbnormal)
		return
	}
	h := l.cohorts.heat[b.cohort]
	var cursor, told []uint64
	var frames int
	if h.who&heatParts != 0 {
		cursor, told, frames = l.stoppedInParts(b.cohort, h, b.sent)
	} else {
		cursor, b.rest, frames = l.stopped(h, b.sent)
		told = l.toldAt(b.cohort, h, cursor)
	}
	if b.sent > 0 {
		l.stats.sent(proto.Encoding(h.encoding()), 1, frames, b.sent)
	}
	l.park(c, cursor, told, b.rest)
	if b.late {
		l.stats.gaveWay.Add(1)
		l.serve(c)
	}
}

// putOff ends a walk: cohorts that it did not come to, from the i-th on, are
// parked where the turn began.
func (l *loop) putOff(i int) {
	for ; i < len(l.fan.dirty); i++ {
		id := l.dirty(i)
		if h := l.cohorts.heat[id]; h.due() && h.active != 0 {
			l.rescue(func() { l.giveWay(id, h) }, func() { l.dropAll(l.cohorts.all[id].members) })
		}
	}
	for _, id := range l.fan.dirty {
		l.cohorts.heat[id].done()
	}
}

// abandon ends a walk that panicked. What was packed is sent, and who does not take
// it parked. The cohort in hand is dropped, since nobody knows who of it has what;
// those that the walk did not come to are put off.
func (l *loop) abandon() {
	w := &l.fan.walk
	l.dispatch()
	l.block()
	if w.packing {
		l.dropAll(l.cohorts.all[l.dirty(w.at)].members)
		w.at++
	}
	l.putOff(w.at)
}

// rescue runs f and, if that panics, instead. The turn goes on.
func (l *loop) rescue(f, instead func()) {
	defer func() {
		if r := recover(); r != nil {
			l.panicked(r)
			instead()
		}
	}()
	f()
}

// dropAll drops those of the connections that are still there.
func (l *loop) dropAll(fds []int32) {
	for _, fd := range slices.Clone(fds) {
		if c := l.byFd(int(fd)); c != nil {
			l.drop(c, proto.CloseInternal)
		}
	}
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
			frame := r.Frame(h.encoding(), run.pos+k)
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
func (l *loop) toldAt(id uint32, h heat, cursor []uint64) []uint64 {
	k := &l.cohorts.all[id]
	told := l.told(k)
	for at := h.first; at != 0; at = l.fan.runs[at].next {
		run := l.fan.runs[at]
		r := l.readers[run.shard].Ring()
		for pos := run.pos; pos != run.pos+uint64(run.n); pos++ {
			if int64(pos-cursor[run.shard]) >= 0 {
				s := r.At(pos)
				i := k.index(s.Token)
				told[i] = min(told[i], s.Seq-1)
			}
		}
	}
	return told
}

// giveWay parks a cohort's members where the turn began, so that the turn can
// end: a writer has come round to what they are due, a whole lap of the ring.
func (l *loop) giveWay(id uint32, h heat) {
	told := l.toldAt(id, h, l.start)
	for {
		members := l.cohorts.all[id].members
		if len(members) == 0 {
			return
		}
		c := l.conns[members[len(members)-1]]
		l.park(c, l.start, slices.Clone(told), nil)
		l.stats.gaveWay.Add(1)
		l.serve(c)
	}
}
