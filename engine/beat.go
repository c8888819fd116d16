package engine

import (
	"math/bits"
	"time"

	"azira/proto"
)

// A heartbeat proves completeness: it says the sum of the last seq of all that a
// stream holds, at its place in the stream. It belongs to a cohort, and goes to each
// member behind the ticks of a turn, in the same write; who is parked gets one when
// it has caught up.

// A beatWheel knows which cohorts are due a heartbeat in each tick to come.
type beatWheel struct {
	now   uint32 // ticks since the engine's start
	feed  uint32 // state of the feed that all were told
	slots [beatSlots][]uint32
}

// beginBeats gives a new cohort its place on the wheel: the first heartbeat comes
// within an interval, of different cohorts at different times.
func (l *loop) beginBeats(id uint32) {
	k := &l.cohorts.all[id]
	if l.typed++; l.typed == 1 {
		l.beats.now = uint32(l.ms / beatTick.Milliseconds()) // it stood still without any
	}
	if k.beat == 0 {
		return
	}
	spread, _ := bits.Mul64(uint64(id)*golden, uint64(k.beat))
	l.beatIn(id, 1+uint32(spread))
}

func (l *loop) beatIn(id, ticks uint32) {
	w := &l.beats
	at := w.now + ticks
	l.cohorts.all[id].beatAt = at
	w.slots[at%beatSlots] = append(w.slots[at%beatSlots], id)
}

// beat marks the cohorts that are due a heartbeat in this turn. All readers are
// drained by now.
func (l *loop) beat() {
	w := &l.beats
	if feed := l.e.feed.Load(); feed != w.feed {
		w.feed = feed
		for id := range l.cohorts.all {
			if k := &l.cohorts.all[id]; k.beat != 0 {
				l.markBeat(uint32(id))
			}
		}
	}
	now := uint32(l.ms / beatTick.Milliseconds())
	if now-w.now > beatSlots {
		w.now = now - beatSlots // the clock jumped: one round finds all
	}
	for w.now != now {
		w.now++
		slot := &w.slots[w.now%beatSlots]
		ids := *slot
		*slot = nil
		for _, id := range ids {
			k := &l.cohorts.all[id]
			if k.beat == 0 || int32(k.beatAt-w.now) > 0 {
				continue // it is another cohort's id by now
			}
			l.markBeat(id)
			l.beatIn(id, uint32(k.beat))
		}
		if *slot == nil {
			*slot = ids[:0]
		}
	}
}

func (l *loop) markBeat(id uint32) {
	l.cohorts.all[id].beats++
	l.mark(id, heatBeat)
}

// mark has a cohort's turn bring more than records.
func (l *loop) mark(id, flag uint32) {
	h := &l.cohorts.heat[id]
	if h.active == 0 {
		return
	}
	if !h.due() {
		l.fan.dirty = append(l.fan.dirty, id)
	}
	h.who |= flag
}

// appendBeat appends a cohort's heartbeat, true of what is drained.
func (l *loop) appendBeat(dst []byte, k *cohort) []byte {
	b := proto.Beat{TS: time.Now().UnixMicro(), Feed: Feed(l.e.feed.Load()).String(), AgeMs: -1}
	for _, id := range k.tokens {
		b.Sum += l.tokens[id].seq
	}
	if k.rates != nil {
		b.Pending = l.heldBack(k)
	}
	if newest := l.e.newest.Load(); newest != 0 {
		b.AgeMs = max(0, b.TS-newest) / 1000
	}
	l.scratch.one = proto.AppendBeat(l.scratch.one[:0], &b)
	return proto.AppendFrame(dst, proto.OpText, l.scratch.one)
}

// sendBeat gives one connection, which is not parked, the heartbeat of its cohort.
func (l *loop) sendBeat(c *conn) {
	l.scratch.out = l.appendBeat(l.scratch.out[:0], &l.cohorts.all[c.cohort])
	l.send(c, l.scratch.out)
}
