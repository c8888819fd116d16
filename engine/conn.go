package engine

import (
	"azira/proto"
)

// A Kind says what is spoken on a stream.
type Kind uint8

// The kinds of streams.
const (
	Text   Kind = iota // the text dialect
	Echo               // every message comes back; for conformance runs
	JSON               // azira.v1.json
	Binary             // azira.v1.bin

	kinds = iota
)

// typed says that a kind is one of the typed dialects.
func (k Kind) typed() bool { return k >= JSON }

// state is where a connection is in its life.
type state uint8

const (
	open    state = iota
	closing       // our close frame is on its way; waits for the peer's end
	gone          // its descriptor is closed
)

// A conn is one stream on its loop. It has no queue: what it is owed lies in the
// ring, from the loop's cursor on or, while it is parked, from its own.
type conn struct {
	// Fixed after attach.
	owner   Owner
	fd      int32
	serial  uint32
	expires uint32 // second of the loop's clock when its bearer ends; 0 = never
	tokens  uint32 // it may hold at most
	kind    Kind

	// Owned by the loop.
	state    state
	readable bool   // bytes may wait in the kernel
	ended    bool   // and the peer's end behind them
	queued   bool   // in loop.again
	doomed   bool   // its owner panicked: to be dropped
	changed  bool   // in loop.changed
	sealed   bool   // it has a Sealer
	renewing bool   // its new bearer is being checked
	mail     uint8  // what it has of posted frames
	code     uint16 // its close code, once known
	cohort   uint32 // whose set it has; 0 = none
	seat     uint32 // its index among the cohort's members; unless parked
	due      uint32 // second of its next check
	heard    uint32 // second of the last byte received
	pinged   uint32 // second of the last ping
	bucket   bucket
	refused  uint16   // requests refused in a row
	beat     uint16   // ticks of the beat wheel between heartbeats; 0 = none
	want     []uint32 // tokens from the next settling on, if changed
	in       *inbound // what came and is not whole, or can't be served yet
	parked   *parked  // while it takes nothing
}

// inbound is what a connection keeps of a request that is not whole. Between
// requests there is none.
type inbound struct {
	dec   proto.Decoder
	since uint32 // second of its first byte
	held  int    // bytes of it that count in loop.partial
	left  []byte // bytes behind a request whose answer waits
	torn  bool   // a record of its Sealer is not whole
}

// begun says that something of it came and the rest did not.
func (in *inbound) begun() bool { return in.torn || !in.dec.Idle() }

// A bucket holds the requests a connection may make now, in tenths.
type bucket struct {
	filled uint32 // tenth of a second of the engine's clock, of the last fill
	tenths uint16
}

// take takes one request out; false if there is none left. A tenth of a second brings a
// tenth of what a second does.
func (b *bucket) take(now uint32, perSecond, burst int) bool {
	if b.filled != now {
		b.tenths = uint16(min(burst*10, int(b.tenths)+int(now-b.filled)*perSecond))
		b.filled = now
	}
	if b.tenths < 10 {
		return false
	}
	b.tenths -= 10
	return true
}

// handle names a connection for other goroutines, for ever: descriptors are used
// again, serials hardly.
func (l *loop) handle(c *conn) uint64 {
	socket := uint64(l.id)<<handleFdBits | uint64(c.fd)
	return socket<<handleSerialBits | uint64(c.serial)
}

// loopOf is the loop of a handle.
func (e *Engine) loopOf(handle uint64) *loop {
	return e.loops[handle>>(handleFdBits+handleSerialBits)]
}

// at returns the connection with a handle of this loop, if it still lives.
func (l *loop) at(handle uint64) *conn {
	c := l.byFd(int(handle >> handleSerialBits & (1<<handleFdBits - 1)))
	if c == nil || c.serial != uint32(handle) {
		return nil
	}
	return c
}

func (l *loop) byFd(fd int) *conn {
	if fd >= len(l.conns) {
		return nil
	}
	return l.conns[fd]
}
