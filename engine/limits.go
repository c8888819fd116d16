package engine

import (
	"time"

	"azira/proto"
)

// Bounds of a loop. A turn is bounded so that requests, pings and slow sockets
// have their part of a busy loop.
const (
	entriesMax   = 128 << 10 // runs of frames noted in one turn
	turnBytesMax = 1 << 20   // of ring memory drained in one turn
	batchParcels = 64        // writes between two looks for a writer that waits
	batchBytes   = 64 << 10  // gathered for them, about: what the caches hold
	replayBytes  = 256 << 10 // sent to one connection catching up, per turn
	chunkBytes   = 64 << 10  // gathered for one write of a connection catching up

	scratchBytesMax = 4 << 20 // of gathered frames, kept for the next write

	readBytes    = 4 << 10  // one read of a connection between messages
	readBytesMax = 64 << 10 // one read inside a message
	readsPerTurn = 16       // reads of one connection before the others' turn
	echoBytes    = 32 << 20

	burstMax    = 6_000  // a bucket counts tenths in 16 bits
	refusalsMax = 60_000 // and refusals
	forgiven    = 10     // refused requests that one which is served makes up for

	notSentLowBytes = 16 << 10 // TCP_NOTSENT_LOWAT: the kernel holds little for a stuck reader

	wheelSlots = 64  // seconds
	beatSlots  = 512 // ticks of the beat wheel

	sealBytes   = 16 << 10 // carried by one record: as much as TLS allows (RFC 8446, 5.1)
	ackBytesMax = 4 << 10  // one piece of an ack
	namesSpare  = 1000     // tokens that a request may name beyond twice as many as may be held
	hopsPerTurn = 32 << 10 // of chains walked back for resumes
	scanPerTurn = 64 << 10 // records looked at for one connection catching up
	chainsMax   = 1 << 10  // ticks found by chains at a time
	renewalsMax = 1 << 10  // bearers waiting to be checked
	resumeMax   = 3600     // s; more is not promised

	mailPatience = 1        // s: who takes nothing for longer is posted nothing
	mailBytesMax = 64 << 10 // of what is in progress before it

	handleFdBits     = 24
	handleSerialBits = 32

	queueSlots = 4 << 10  // ticks one endpoint may hand over ahead
	queueBytes = 1 << 20  // and their bytes
	slotBytes  = 128      // ring memory per slot: about a tick's size
	loopsMax   = 1 << 8   // a handle has 8 bits for the loop
	ringMin    = 64 << 10 // ring memory
)

// A survey of tokens asks each loop for so many at once, and waits for it so long.
const (
	surveyTokens  = 1 << 10
	surveyTimeout = 2 * time.Second
)

// paceSpan is over how long a loop looks how busy it is.
const paceSpan = 20 * time.Millisecond

// parkedLook is between two looks at what a parked connection's peer confirmed.
const parkedLook = 3 * time.Second

// closeWithin is from our close frame to the peer's end.
const closeWithin = 2 * time.Second

// Heartbeats keep to multiples of beatTick.
const (
	BeatMin  = 500 * time.Millisecond
	BeatMax  = 30 * time.Second
	beatTick = 100 * time.Millisecond
)

// An encoding that nobody uses any more goes on being made for the time that the ring
// remembers, within these bounds: for those who come back.
const (
	lingerMin = 10 // s
	lingerMax = resumeMax
)

const _ = uint(ringMin - 2*(proto.DataBytesMax+256)) // a frame fits beside what it laps
const _ = uint(beatSlots - BeatMax/beatTick - 1)     // a round of the wheel holds every beat
const _ = uint(64 - 8 - handleFdBits - handleSerialBits)
