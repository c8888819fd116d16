// Package ring is a broadcast ring of framed ticks: one writer, a fixed set of
// readers, no queue between them.
//
//	             oldest                pin              head
//	slots   ──────┃■■■■■■■■■■■■■■■■■■■■┃■■■■■■■■■■■■■■■■┃──────  (token, seq, ts, prev)
//	lane 0  ──────┃frame│frame│frame   ┃  …             ┃──────  (bytes of encoding 0)
//	lane 1  ──────┃frame│frame│frame   ┃  …             ┃──────  (bytes of encoding 1)
//
// A position counts records. Frames of consecutive records lie side by side, so
// that a run of them is one slice for write(2), straight from ring memory.
//
// The writer gives up the oldest records to make room. It waits for nobody but a
// reader that is in the middle of a turn: a reader stores the position it reads
// from (its pin) and then checks that the position was not given up; the writer
// gives positions up first and then looks at the pins. One of the two always
// sees the other. A reader that comes too late is told so by Pin and is lapped:
// loss is a number, never torn bytes.
//
// Each record links to the previous one of its token, and the last value of each
// token outlives its slot.
//
// Encoding 0 is always made. Any other is made from when its writer is told to until
// it is told not to, and it has no memory before; who wants a frame that was
// not made makes it from that of encoding 0.
package ring

import (
	"errors"
	"sync/atomic"
	"time"
)

var (
	errSlots     = errors.New("ring: slots must be a power of two of at least 64")
	errBytes     = errors.New("ring: bytes of an encoding must be a power of two of at least 4096")
	errEncodings = errors.New("ring: at least one encoding and one reader are needed")
)

// Options are the measures of a Ring.
type Options struct {
	Slots   int   // records; power of two
	Bytes   []int // by encoding: memory of its frames; powers of two
	Readers int
	Tokens  int // greatest number of tokens

	first uint64 // first position; for tests next to the wrap
}

// A Ring is a broadcast ring. Its methods here may be called by any goroutine;
// those that look into slots want a pin.
type Ring struct {
	// Fixed after New.
	mask  uint64
	slots []Slot
	lanes []lane
	never uint64 // the last position of a token without records

	_ [cacheLineBytes]byte

	// Written by the writer, read by all.
	head   atomic.Uint64 // position of the next record
	oldest atomic.Uint64 // records before it are given up
	tokens []atomic.Pointer[[tokensChunk]token]

	_ [cacheLineBytes]byte

	// Written while the writer waits for a pin.
	crowded atomic.Bool
	waits   atomic.Uint64
	waited  atomic.Int64 // ns

	readers []Reader
}

// New returns an empty ring, with its writer.
func New(o Options) (*Ring, *Writer, error) {
	switch {
	case o.Slots < slotsMin || o.Slots&(o.Slots-1) != 0:
		return nil, nil, errSlots
	case len(o.Bytes) < 1 || o.Readers < 1:
		return nil, nil, errEncodings
	}
	r := &Ring{
		mask:    uint64(o.Slots - 1),
		slots:   make([]Slot, o.Slots),
		lanes:   make([]lane, len(o.Bytes)),
		never:   o.first - 1,
		tokens:  make([]atomic.Pointer[[tokensChunk]token], (o.Tokens+tokensChunk)/tokensChunk),
		readers: make([]Reader, o.Readers),
	}
	for i, size := range o.Bytes {
		if size < bytesMin || size&(size-1) != 0 {
			return nil, nil, errBytes
		}
		r.lanes[i].mask, r.lanes[i].tail = uint64(size-1), o.first
	}
	for i := range r.readers {
		r.readers[i].r = r
		r.readers[i].pin.Store(unpinned)
	}
	r.head.Store(o.first)
	r.oldest.Store(o.first)
	w := &Writer{r: r, next: o.first}
	w.Make(0, true)
	return r, w, nil
}

// Reader returns reader i, which belongs to one goroutine from then on.
func (r *Ring) Reader(i int) *Reader { return &r.readers[i] }

// Head returns the position of the next record to be published.
func (r *Ring) Head() uint64 { return r.head.Load() }

// Oldest returns the oldest position that is still to be had.
func (r *Ring) Oldest() uint64 { return r.oldest.Load() }

// Waits returns how often, and how long in all, the writer waited for a reader.
func (r *Ring) Waits() (n uint64, d time.Duration) {
	return r.waits.Load(), time.Duration(r.waited.Load())
}

// Crowded says that the writer waits for a reader's turn to end.
func (r *Ring) Crowded() bool { return r.crowded.Load() }

// At returns the slot of a pinned position.
func (r *Ring) At(pos uint64) *Slot { return &r.slots[pos&r.mask] }

// Frame returns the frame of a pinned position, which was made. It is ring memory:
// valid until Unpin.
func (r *Ring) Frame(encoding int, pos uint64) []byte {
	l := &r.lanes[encoding]
	s := l.spans[pos&r.mask]
	at := s.off & l.mask
	return l.buf[at : at+uint64(s.n) : at+uint64(s.n)]
}

// Made says that every record from pos on has a frame in this encoding, as far as
// the head that the caller knows.
func (r *Ring) Made(encoding int, pos uint64) bool {
	l := &r.lanes[encoding]
	return l.making.Load() && !before(pos, l.since.Load()) // in this order: see Make
}

// Frames returns as many of the n pinned frames from pos on as lie side by
// side, and their number. All of them were made.
func (r *Ring) Frames(encoding int, pos uint64, n int) ([]byte, int) {
	l := &r.lanes[encoding]
	first := l.spans[pos&r.mask]
	last := l.spans[(pos+uint64(n)-1)&r.mask]
	at, size := first.off&l.mask, last.off+uint64(last.n)-first.off
	if at+size <= l.mask+1 {
		return l.buf[at : at+size : at+size], n
	}
	return r.framesToEnd(l, pos, n)
}

// framesToEnd is Frames for a run over the end of the memory: what lies before.
func (r *Ring) framesToEnd(l *lane, pos uint64, n int) ([]byte, int) {
	first := l.spans[pos&r.mask]
	at, end := first.off&l.mask, first.off
	lap := first.off | l.mask
	for i := range n {
		s := l.spans[(pos+uint64(i))&r.mask]
		if before(lap, s.off) {
			return l.buf[at : at+end-first.off : at+end-first.off], i
		}
		end = s.off + uint64(s.n)
	}
	return l.buf[at : at+end-first.off : at+end-first.off], n
}

// Span returns the offset of a pinned position's frame. Differences of offsets
// measure bytes of frames between positions, give or take a frame.
func (r *Ring) Span(encoding int, pos uint64) uint64 {
	return r.lanes[encoding].spans[pos&r.mask].off
}

// token returns a token's entry, nil if nothing was ever published of it.
func (r *Ring) token(id uint32) *token {
	if c := r.tokens[id/tokensChunk].Load(); c != nil {
		return &c[id%tokensChunk]
	}
	return nil
}

// Last returns the position of a token's last record, which may have been given
// up since; ok is false if there never was one.
func (r *Ring) Last(id uint32) (pos uint64, ok bool) {
	t := r.token(id)
	if t == nil {
		return 0, false
	}
	pos = t.last.Load()
	return pos, pos != r.never
}

// Prev returns the position of the previous record of the token at pos, which
// is pinned. It may have been given up; ok is false if there was none.
func (r *Ring) Prev(pos uint64) (prev uint64, ok bool) {
	prev = r.At(pos).prev
	return prev, prev != r.never
}
