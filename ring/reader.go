package ring

import "sync/atomic"

// unpinned is the pin of a reader outside its turn.
const unpinned = ^uint64(0)

// A Reader is one goroutine's way into a ring: a pin that holds the writer off
// what is being read.
type Reader struct {
	// Fixed after New.
	r *Ring

	_ [cacheLineBytes]byte

	// Shared with the writer.
	pin atomic.Uint64

	_ [cacheLineBytes]byte
}

// Pin holds the records from pos on until Unpin, or until a later Pin. It
// returns false if pos was given up already: the reader was lapped, and holds
// what it held. Pin may move the pin forward and back.
func (rd *Reader) Pin(pos uint64) bool {
	was := rd.pin.Load()
	rd.set(pos)
	if !before(pos, rd.r.oldest.Load()) { // the re-check: the writer looks at pins after oldest
		return true
	}
	rd.pin.Store(was) // Hold what was held, unless that was given up as well.
	return false
}

// Unpin ends the turn: nothing read from the ring may be used after it.
func (rd *Reader) Unpin() {
	rd.pin.Store(unpinned) // Hand the memory read from back to the writer.
}

// Ring returns the ring read from.
func (rd *Reader) Ring() *Ring { return rd.r }

// A Value is a token's value: its frame in encoding 0, valid while pinned.
type Value struct {
	Seq   uint64
	TS    int64
	Frame []byte
}

// Value returns the record of a token at pos, whether it is still in the ring
// or was saved from it. The reader must be pinned; its pin may move back. ok is
// false if the record was given up and the token has a newer one.
func (rd *Reader) Value(id uint32, pos uint64) (v Value, ok bool) {
	held := rd.pin.Load()
	if !before(pos, held) || rd.Pin(pos) {
		s := rd.r.At(pos)
		return Value{Seq: s.Seq, TS: s.TS, Frame: rd.r.Frame(0, pos)}, true
	}
	t := rd.r.token(id)
	s := &t.saved[t.which.Load()]
	if s.pos != pos {
		return Value{}, false
	}
	return Value{Seq: s.seq, TS: s.ts, Frame: s.frame}, true
}

// Newest returns the newest value of a token, which may be one restored from an
// earlier run (seq 0). The reader must not be pinned; it is when ok.
func (rd *Reader) Newest(id uint32) (v Value, ok bool) {
	for {
		t := rd.r.token(id)
		if t == nil {
			return Value{}, false
		}
		if !rd.Pin(rd.r.oldest.Load()) {
			continue // given up in between
		}
		pos := t.last.Load()
		if pos == rd.r.never {
			s := &t.saved[t.which.Load()]
			return Value{TS: s.ts, Frame: s.frame}, s.frame != nil
		}
		if v, ok := rd.Value(id, pos); ok {
			return v, true
		}
		rd.Unpin() // it ticked, and was lapped, in between
	}
}

// Restored returns the value that a token had in an earlier run, if it has not ticked
// in this one. The reader must be pinned.
func (rd *Reader) Restored(id uint32) (v Value, ok bool) {
	t := rd.r.token(id)
	if t == nil {
		return Value{}, false
	}
	s := &t.saved[t.which.Load()]
	return Value{TS: s.ts, Frame: s.frame}, s.pos == rd.r.never && s.frame != nil
}

func (rd *Reader) set(pos uint64) {
	if pos == unpinned {
		pos-- // once in 2^64: hold one record more
	}
	rd.pin.Store(pos)
}

func (rd *Reader) pinnedBefore(pos uint64) bool {
	p := rd.pin.Load()
	return p != unpinned && before(p, pos)
}
