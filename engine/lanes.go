package engine

import (
	"sync"
	"sync/atomic"

	"azira/proto"
)

// laneText is the encoding of the text dialect: the publisher's JSON in a text
// frame. It is always made, since last values are kept from it, and all others can
// be made from it.
const laneText = proto.EncodingText

// laneBytes is the memory of each encoding's frames, by that for text: so all remember for
// about the same time, unless the feed's ticks are very short.
func laneBytes(text int) []int {
	return []int{text, 2 * text, text, text, text}
}

// lanes says which encodings are made beside text: those that a cohort uses, and for
// a while those that one did.
type lanes struct {
	wanted atomic.Uint32 // as bits

	mu    sync.Mutex
	users [proto.Encodings]int // cohorts
	idle  [proto.Encodings]int // s without

	// Of the ring, looked at once a second.
	heads   uint64 // records of all shards at the last look
	rate    float64
	resumeS atomic.Int32 // for about how long the ring remembers; resumeMax before the first look
}

// use notes that a cohort begins or ends to use encodings, given as bits. Any loop.
func (x *lanes) use(encodings uint32, n int) {
	if encodings&^(1<<laneText) == 0 {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for e := laneText + 1; e < proto.Encodings; e++ {
		if encodings&(1<<e) == 0 {
			continue
		}
		x.users[e] += n
		x.idle[e] = 0
		if x.users[e] > 0 {
			x.wanted.Or(1 << e)
		}
	}
}

// tick is called once a second: it ends encodings that nobody has used for long, and
// measures for how long the ring remembers.
func (x *lanes) tick(e *Engine) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.measure(e)
	linger := min(max(int(x.resumeS.Load()), lingerMin), lingerMax)
	for k := laneText + 1; k < proto.Encodings; k++ {
		if x.users[k] > 0 {
			continue
		}
		if x.idle[k]++; x.idle[k] == linger {
			x.wanted.And(^uint32(1 << k))
		}
	}
}

// measure estimates the resume window: the records that fit, by the rate of late.
func (x *lanes) measure(e *Engine) {
	const weight = 0.2 // of the last second
	heads, room := e.published(), uint64(0)
	for i := range e.shards {
		room += e.room(i)
	}
	x.rate += (float64(heads-x.heads) - x.rate) * weight
	x.heads = heads
	seconds := float64(resumeMax)
	if x.rate > 0 {
		seconds = min(seconds, float64(room)/x.rate)
	}
	x.resumeS.Store(int32(seconds))
}

// room estimates how many records a ring holds: slots, or as many as fit into the memory
// of text by the mean size of those it has.
func (e *Engine) room(shard int) uint64 {
	e.guestMu.Lock()
	defer e.guestMu.Unlock()
	rd := e.guests[shard]
	r := rd.Ring()
	oldest, head := r.Oldest(), r.Head()
	slots := uint64(e.o.RingBytes / slotBytes)
	if head == oldest || !rd.Pin(oldest) {
		return slots
	}
	defer rd.Unpin()
	bytes := r.Span(int(laneText), head-1) - r.Span(int(laneText), oldest)
	if bytes == 0 {
		return slots
	}
	return min(slots, uint64(float64(e.o.RingBytes)*float64(head-oldest)/float64(bytes)))
}

// encodingOf is the form in which a kind of stream gets a token's ticks.
func encodingOf(k Kind, m proto.Mode) proto.Encoding {
	switch {
	case k == JSON:
		return proto.EncodingJSON + proto.Encoding(m)
	case k == Binary:
		return proto.EncodingBinary + proto.Encoding(m)
	}
	return laneText
}
