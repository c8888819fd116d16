package presence

import "time"

const (
	flushEvery = 50 * time.Millisecond
	linger     = 750 * time.Millisecond // from the last stream's end to offline
	keepEvery  = time.Second            // last-seen times are written, failures tried again
	aliveEvery = 10 * time.Second       // so exact is last seen after a crash

	dirtyShards  = 64
	dirtyKept    = 1024 // names; a shard's memory beyond it is not kept
	settleChunk  = 256  // clients changed, or members added, under the lock in one go
	groupPage    = 1000 // clients asked of Groups at once
	batchRecords = 8192 // in one commit

	logSlack = 64   // entries of a log before it is cleaned for the first time
	leftsMax = 1024 // members that left are told of, beyond as many as there are

	pieceBytesMax = 4 << 10 // of a roster's frame, its header included

	// RoomMin is the least room in which Watch.Next always gets on: an event of the
	// longest name fits.
	RoomMin = 1 << 10

	// PageScanMax is how many clients of a vendor one Page looks at.
	PageScanMax = 10_000
)

const (
	_ = -uint(dirtyShards & (dirtyShards - 1))
	_ = uint(pieceBytesMax - RoomMin)
)
