package ring

import "sync/atomic"

// A Slot is what a ring keeps of one tick beside its frames.
//
//	0        4        8        16       24       32
//	┌────────┬────────┬────────┬────────┬────────┐
//	│ Token  │   –    │  Seq   │   TS   │  prev  │
//	└────────┴────────┴────────┴────────┴────────┘
//
// The frames lie in the byte rings, one per encoding, where span tells. A slot
// may be read between Pin and Unpin only.
type Slot struct {
	Token uint32 // dense id
	Seq   uint64 // counts the token's ticks from 1, without holes
	TS    int64  // ingress, Unix µs
	prev  uint64 // position of the token's previous record
}

// A span is where a record's frame lies in the byte ring of one encoding: n
// bytes at off. Offsets count bytes ever written, so that offset&mask is the
// index; a frame never straddles the end of the memory.
type span struct {
	off uint64
	n   uint32
}

// A lane is the byte ring of one encoding. It belongs to the writer, but for
// bytes and spans of published records that a reader has pinned.
type lane struct {
	buf   []byte // nil before it is made for the first time
	spans []span
	mask  uint64
	tail  uint64 // offset behind the last frame
	open  span   // the frame being written
	first uint64 // position from which there are spans

	// Shared with readers: while it is being made, every record from since on has a
	// frame.
	making atomic.Bool
	since  atomic.Uint64
}

// A token is what a ring keeps of one token.
type token struct {
	// Owned by the writer.
	seq uint64

	// Shared with readers.
	last  atomic.Uint64 // position of its last record
	which atomic.Uint32 // the one of saved that counts
	saved [2]saved
}

// A saved value is a token's last record after its slot was given up. There
// are two: the one that counts may have readers, the other has none.
type saved struct {
	pos   uint64
	seq   uint64
	ts    int64
	frame []byte // of encoding 0; its memory is kept and used again
}

// before says that position (or offset) a was counted before b; it holds over
// the wrap of 64 bits.
func before(a, b uint64) bool { return int64(a-b) < 0 }
