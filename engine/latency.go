package engine

import (
	"math"
	"math/bits"
	"sync/atomic"
	"time"
)

// How long ticks take, from ingress to the writes of the turn that carries them. Of
// each token that somebody takes part in, a turn counts one tick: the newest it
// drained. Streams that are parked, and ticks held back by max_rate, are not seen here.
//
//	ingress ├──────────────┬─ first write ────────── last write ─▶
//	        │ ring, wake-up│ drain, pack │ this turn's writes │
//
// Each loop counts for itself, so a tick that three loops serve counts three times. A
// token's two histograms, of 64 bytes each, are made with its first tick that is
// written, and are the loop's: others ask it. Those of all tokens are atomic.

// LatencyBuckets is how many buckets a histogram of latencies has. Bucket i holds what
// took less than LatencyBound(i), the last one all that took longer.
const LatencyBuckets = 15

const (
	latencyShift = 4       // the first bucket ends at 16 µs
	latencySlab  = 64      // histograms made at once
	latencyHalve = 1 << 31 // a count that reaches it is halved, and so are its neighbours
)

// LatencyBound is the upper bound of a bucket but the last.
func LatencyBound(i int) time.Duration { return time.Microsecond << (latencyShift + i) }

// The two latencies of a tick.
const (
	toFirst = iota // until the turn's first write began
	toLast         // until its last write had ended
)

// A latency is one histogram of one token on one loop.
type latency struct {
	counts [LatencyBuckets]uint32
	max    uint32 // µs
}

func bucketOf(us uint64) int { return min(bits.Len64(us>>latencyShift), LatencyBuckets-1) }

func (x *latency) note(i int, us uint64) {
	if x.counts[i]++; x.counts[i] == latencyHalve {
		for k := range x.counts {
			x.counts[k] /= 2
		}
	}
	x.max = max(x.max, uint32(min(us, math.MaxUint32)))
}

// A latencySum is one histogram of all tokens on one loop.
type latencySum struct {
	counts [LatencyBuckets]atomic.Uint64
	us     atomic.Uint64

	// Owned by the loop: what this turn adds.
	turn    [LatencyBuckets]uint32
	turnUs  uint64
	touched uint32 // buckets of turn that are not 0, as bits
}

func (s *latencySum) note(i int, us uint64) {
	s.turn[i]++
	s.turnUs += us
	s.touched |= 1 << i
}

func (s *latencySum) flush() {
	for ; s.touched != 0; s.touched &= s.touched - 1 {
		i := bits.TrailingZeros32(s.touched)
		s.counts[i].Add(uint64(s.turn[i]))
		s.turn[i] = 0
	}
	s.us.Add(s.turnUs)
	s.turnUs = 0
}

// latencies is what a loop counts of them.
type latencies struct {
	// Owned by the loop.
	writing bool      // this turn has begun to write
	began   time.Time // and when
	of      []uint32  // by token: its place in slabs + 1; 0 = none
	slabs   []*[latencySlab][2]latency
	n       uint32 // places taken

	// Shared.
	all [2]latencySum
}

// wrote notes that a turn's writes begin.
func (x *latencies) wrote() {
	if !x.writing {
		x.writing, x.began = true, time.Now()
	}
}

// measure counts how long the ticks of a turn took, whose writes have just ended. The
// readers are still pinned.
func (l *loop) measure() {
	x := &l.latency
	if !x.writing {
		return
	}
	x.writing = false
	began, ended := x.began.UnixMicro(), time.Now().UnixMicro()
	for i, rd := range l.readers {
		r := rd.Ring()
		for pos := l.start[i]; pos != l.cursor[i]; pos++ {
			s := r.At(pos)
			if t := &l.tokens[s.Token]; t.last == pos && l.takesPart(t) {
				x.note(s.Token, uint64(max(began-s.TS, 0)), uint64(max(ended-s.TS, 0)))
			}
		}
	}
	for i := range x.all {
		x.all[i].flush()
	}
}

// takesPart says that a token has a cohort with members that are not parked.
func (l *loop) takesPart(t *interest) bool {
	for _, id := range t.cohorts {
		if l.cohorts.heat[id].active > 0 {
			return true
		}
	}
	return false
}

func (x *latencies) note(token uint32, first, last uint64) {
	h := x.find(token)
	if h == nil {
		h = x.make(token)
	}
	i, k := bucketOf(first), bucketOf(last)
	h[toFirst].note(i, first)
	h[toLast].note(k, last)
	x.all[toFirst].note(i, first)
	x.all[toLast].note(k, last)
}

// find returns a token's histograms, nil if it has none yet.
func (x *latencies) find(token uint32) *[2]latency {
	if int(token) >= len(x.of) || x.of[token] == 0 {
		return nil
	}
	at := x.of[token] - 1
	return &x.slabs[at/latencySlab][at%latencySlab]
}

// make gives a token its histograms.
func (x *latencies) make(token uint32) *[2]latency {
	if grow := int(token) + 1 - len(x.of); grow > 0 {
		x.of = append(x.of, make([]uint32, grow)...)
	}
	if x.n%latencySlab == 0 {
		x.slabs = append(x.slabs, new([latencySlab][2]latency))
	}
	x.n++
	x.of[token] = x.n
	return x.find(token)
}
