package engine

import (
	"math/bits"

	"azira/proto"
)

// A parcel is what one member of a cohort gets in this turn.
type parcel struct {
	p      []byte // its frames: ring memory, or gathered
	frames uint32
	fd     int32
	cohort uint32

	encoding proto.Encoding
}

// A walk is a turn's way through the dirty cohorts. It looks parcels up in
// batches and then writes them: a system call sweeps the caches, and memory that
// is asked for by many look-ups at once is waited for once.
//
//	dirty cohorts ──pack──▶ parcels, up to a batch ──send──▶ sockets
//	                                                  └ not all taken ▶ blocked
type walk struct {
	parcels []parcel
	sent    int       // of the parcels
	blocked []blocked // handled when the walk is over: until then members stay where they are
	at      int       // cohorts packed
	packing bool      // amid one more
	crowded bool      // a writer waits: nothing more is written
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
	w := &l.fan.walk
	*w = walk{parcels: w.parcels[:0], blocked: w.blocked[:0], crowded: l.crowded()}
	l.scratch.out = l.scratch.out[:0]
	for ; w.at < len(dirty) && !w.crowded; w.at++ {
		w.packing = true
		l.pack(l.dirty(w.at))
		w.packing = false
	}
	l.dispatch()
	l.block()
	l.putOff(w.at)
}

// dirty is the i-th dirty cohort on this turn's walk.
func (l *loop) dirty(i int) uint32 {
	n := len(l.fan.dirty)
	return l.fan.dirty[(begin(l.turns, n)+i)%n]
}

const golden = 0x9E3779B97F4A7C15 // 2^64 / 1.618…

// begin is where among n a turn's walk begins: multiples of the golden ratio,
// which fill the round evenly from the first few turns on.
func begin(turn uint64, n int) int {
	at, _ := bits.Mul64(turn*golden, uint64(n))
	return int(at)
}

// pack makes parcels of a cohort's frames for each of its members.
func (l *loop) pack(id uint32) {
	h := l.cohorts.heat[id]
	if !h.due() || h.active == 0 {
		return
	}
	var p []byte
	var frames int
	if e := h.encoding(); h.who&(heatUneven|heatBeat|heatRates) == 0 && (e == 0 || l.fan.made[e]) {
		p, frames = l.gather(h, e)
	} else if p, frames = l.packParts(id); len(p) == 0 {
		return // all is held back
	}
	x := parcel{p, uint32(frames), h.fd(), id, proto.Encoding(h.encoding())}
	w := &l.fan.walk
	if h.active == 1 {
		w.parcels = append(w.parcels, x)
	} else {
		l.packEach(x)
	}
	if len(w.parcels) >= batchParcels || len(l.scratch.out) > batchBytes {
		l.dispatch()
		l.scratch.out = l.scratch.out[:0] // no parcel is left that needs it
	}
}

// packEach is pack for a cohort of several. It sends as it goes; what is gathered
// stays, for those behind.
func (l *loop) packEach(x parcel) {
	w := &l.fan.walk
	members := l.cohorts.all[x.cohort].members
	if len(members) == 0 {
		panic("engine: nobody is in a cohort that is due something")
	}
	at := begin(l.turns, len(members))
	for _, part := range [2][]int32{members[at:], members[:at]} {
		for _, x.fd = range part {
			w.parcels = append(w.parcels, x)
			if len(w.parcels) == batchParcels {
				l.dispatch()
			}
		}
	}
}

// dispatch writes the parcels, one write each.
func (l *loop) dispatch() {
	w := &l.fan.walk
	w.crowded = w.crowded || l.crowded()
	if len(w.parcels) > 0 && !w.crowded {
		l.latency.wrote()
	}
	var writes, frames, bytes [8]int // by encoding
	for w.sent < len(w.parcels) {
		x := &w.parcels[w.sent]
		w.sent++ // before the write: nothing is ever sent twice
		if w.crowded {
			w.blocked = append(w.blocked, blocked{fd: x.fd, cohort: x.cohort, late: true})
			continue
		}
		n, held, err := 0, false, error(nil)
		if h := l.cohorts.heat[x.cohort]; h.who&heatSealed == 0 {
			n, err = l.write(x.fd, x.p)
		} else {
			n, held, err = l.writeSealed(x.fd, x.p)
		}
		if n != len(x.p) || held {
			b := blocked{fd: x.fd, cohort: x.cohort, sent: n, broken: err != nil}
			if h := l.cohorts.heat[x.cohort]; h.who&heatParts != 0 {
				b.rest = l.restOf(h, x.p, n)
			}
			w.blocked = append(w.blocked, b)
			continue
		}
		e := x.encoding & 7
		writes[e]++
		frames[e] += int(x.frames)
		bytes[e] += n
	}
	for e := range proto.Encoding(proto.Encodings) {
		if writes[e] > 0 {
			l.stats.sent(e, writes[e], frames[e], bytes[e])
		}
	}
	w.parcels, w.sent = w.parcels[:0], 0
}

// gather returns a cohort's frames of this turn as one slice, and their number:
// ring memory where they lie side by side, else copied together, behind what is
// gathered already. One write of gathered frames costs less than a writev of small
// ones (docs/performance.md).
func (l *loop) gather(h heat, encoding int) (p []byte, frames int) {
	run := l.fan.runs[h.first]
	if run.next == 0 {
		side, n := l.readers[run.shard].Ring().Frames(encoding, run.pos, int(run.n))
		if n == int(run.n) {
			return side, n
		}
	}
	out := l.scratch.out
	from := len(out)
	for at := h.first; at != 0; at = l.fan.runs[at].next {
		run := &l.fan.runs[at]
		frames += int(run.n)
		r := l.readers[run.shard].Ring()
		for pos, left := run.pos, int(run.n); left > 0; {
			side, n := r.Frames(encoding, pos, left)
			out = append(out, side...)
			pos += uint64(n)
			left -= n
		}
	}
	l.scratch.out = out
	return out[from:len(out):len(out)], frames
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
