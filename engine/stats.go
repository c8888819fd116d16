package engine

import (
	"sync/atomic"
	"time"

	"azira/proto"
)

// fanoutBounds are the upper bounds of the histogram of turns, in seconds.
var fanoutBounds = [...]float64{1e-5, 5e-5, 1e-4, 5e-4, 1e-3, 5e-3, 1e-2, 5e-2, 1e-1, 5e-1}

// loopStats are the counters of one loop: it writes, others read.
type loopStats struct {
	opened, dropped atomic.Uint64
	requests        atomic.Uint64
	refused         atomic.Uint64
	drained         atomic.Uint64
	overrun         atomic.Uint64
	writes          atomic.Uint64
	frames          [proto.Encodings]atomic.Uint64
	bytes           atomic.Uint64
	parks           atomic.Uint64
	parked          atomic.Int64
	conflations     atomic.Uint64
	conflated       atomic.Uint64
	heldBack        atomic.Uint64
	laps            atomic.Uint64
	gaveWay         atomic.Uint64
	panics          atomic.Uint64
	turns           [len(fanoutBounds) + 1]atomic.Uint64
	turnNs          atomic.Uint64
	closes          [closeClasses]atomic.Uint64
	kinds           [kinds]atomic.Int64 // streams open now
	_               [64]byte
}

// closeCodes are the codes with which streams end, each counted apart; others
// are counted under the last.
var closeCodes = [...]int{
	1000, 1001, 1002, 1003, 1006, 1007, 1008, 1009, 1011, 1012, 1013,
	3005, 3008, 3501, 3503, 3507, 0,
}

const closeClasses = len(closeCodes)

// sent notes writes of frames of one encoding: of several, that of a list's first
// token.
func (s *loopStats) sent(e proto.Encoding, writes, frames, bytes int) {
	s.writes.Add(uint64(writes))
	s.frames[e].Add(uint64(frames))
	s.bytes.Add(uint64(bytes))
}

func (s *loopStats) closed(code int) {
	for i, c := range closeCodes {
		if c == code || i == closeClasses-1 {
			s.closes[i].Add(1)
			return
		}
	}
}

func (s *loopStats) turned(d time.Duration) {
	i := 0
	for i < len(fanoutBounds) && d.Seconds() > fanoutBounds[i] {
		i++
	}
	s.turns[i].Add(1)
	s.turnNs.Add(uint64(d))
}

// Stats are counters since the start, and gauges, over all loops.
type Stats struct {
	Loops, Shards int

	Streams    int                     // open now
	Opened     uint64                  // streams ever opened
	Parked     int                     // streams that take no bytes now
	Parks      uint64                  // times a stream was parked
	Tokens     int                     // known
	Unplaced   uint64                  // ticks of tokens beyond the limit
	FeedHoles  uint64                  // ticks that the feed's own numbers say are missing
	TicksIn    uint64                  // published into the rings
	Encoded    uint64                  // frames made for them, of all encodings
	FramesOut  uint64                  // tick frames the kernel took
	FramesBy   [proto.Encodings]uint64 // of them, by encoding
	BytesOut   uint64                  // all bytes the kernel took
	Writes     uint64                  // writes of tick frames and heartbeats
	Drained    uint64                  // records drained by loops
	Overrun    uint64                  // records that went past a loop
	Conflated  uint64                  // ticks replaced by newer ones for slow streams
	HeldBack   uint64                  // ticks replaced by newer ones within a window of max_rate
	Conflates  uint64                  // times a stream was given last values
	GaveWay    uint64                  // times a stream was put off because a writer waited
	Laps       uint64                  // times a ring went past a loop
	Requests   uint64
	Refused    uint64 // requests beyond the rate
	Panics     uint64
	RingWaits  uint64         // times a writer waited for a loop
	RingWaited time.Duration  // and how long in all
	RingLag    uint64         // records the slowest loop has still to drain
	Closes     map[int]uint64 // by close code; 0 holds others
	Turns      Histogram
}

// A Histogram counts turns by their length: Counts[i] of at most Bounds[i]
// seconds, the last of more.
type Histogram struct {
	Bounds []float64
	Counts []uint64
	Sum    time.Duration
}

// Stats returns the counters. Any goroutine.
func (e *Engine) Stats() Stats {
	s := Stats{
		Loops: len(e.loops), Shards: len(e.shards), Streams: e.Streams(), Tokens: e.TokenCount(),
		Unplaced: e.unplaced.Load(), FeedHoles: e.holes.Load(),
		Closes: make(map[int]uint64, closeClasses),
		Turns:  Histogram{Bounds: fanoutBounds[:], Counts: make([]uint64, len(fanoutBounds)+1)},
	}
	for _, sh := range e.shards {
		s.TicksIn += sh.ring.Head()
		s.Encoded += sh.encoded.Load()
		n, d := sh.ring.Waits()
		s.RingWaits += n
		s.RingWaited += d
	}
	for _, l := range e.loops {
		l.stats.addTo(&s)
	}
	s.RingLag = e.Lag()
	return s
}

// Lag is how many records the slowest loop has still to drain. Any goroutine.
func (e *Engine) Lag() (most uint64) {
	in := e.published()
	for _, l := range e.loops {
		most = max(most, l.lagOf(in))
	}
	return most
}

// published is how many records the rings were given.
func (e *Engine) published() (n uint64) {
	for _, sh := range e.shards {
		n += sh.ring.Head()
	}
	return n
}

// lagOf is how many records a loop has still to drain of so many.
func (l *loop) lagOf(in uint64) uint64 {
	return uint64(max(0, int64(in-l.stats.drained.Load()-l.stats.overrun.Load())))
}

func (t *loopStats) addTo(s *Stats) {
	s.Opened += t.opened.Load()
	s.Parked += int(t.parked.Load())
	s.Parks += t.parks.Load()
	for e := range t.frames {
		n := t.frames[e].Load()
		s.FramesBy[e] += n
		s.FramesOut += n
	}
	s.BytesOut += t.bytes.Load()
	s.Writes += t.writes.Load()
	s.Drained += t.drained.Load()
	s.Overrun += t.overrun.Load()
	s.Conflated += t.conflated.Load()
	s.HeldBack += t.heldBack.Load()
	s.Conflates += t.conflations.Load()
	s.Laps += t.laps.Load()
	s.GaveWay += t.gaveWay.Load()
	s.Requests += t.requests.Load()
	s.Refused += t.refused.Load()
	s.Panics += t.panics.Load()
	for i, c := range closeCodes {
		s.Closes[c] += t.closes[i].Load()
	}
	for i := range t.turns {
		s.Turns.Counts[i] += t.turns[i].Load()
	}
	s.Turns.Sum += time.Duration(t.turnNs.Load())
}
