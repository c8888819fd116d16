package store

import "time"

const (
	cacheBytes    = 1 << 20 // block cache
	memTableBytes = 1 << 20 // one memtable; two exist while one is flushed
	openFilesMax  = 64      // file descriptors of sorted tables held open
	batchBytesMax = 4 << 20 // keys and values of one Batch
	keyBytesMax   = 4 << 10 // one key, without its table
	schemaVersion = 1       // what this program writes and the newest it reads

	// What Open reads to see that sorted tables are whole; damage beyond it
	// shows when it is read.
	verifyBytesMax = 64 << 20

	settleEvery = time.Second // commits without sync wait at most so long for one

	// After a failure of the disk. A database that fails again before it was
	// calm for a while is opened less often.
	reviveEvery    = time.Second
	reviveCalm     = 10 * time.Second
	revivePauseMax = 30 * time.Second
	abandonWait    = 2 * time.Second // for reads under way
	probeBytes     = 512 << 10       // written to see whether the disk takes them

	// What a checkpoint leaves free on its disk, and how large the list of its files
	// may be.
	checkpointSpare    = 64 << 20
	checkpointListMax  = 16 << 20
	checkpointFormat   = 1
	checkpointCopyPage = 256 << 10

	// Background trouble repeats itself; one line in this time is enough.
	troubleEvery = 30 * time.Second
)

// A batch must fit what Pebble takes in one piece.
const _ = uint(batchBytesMax - memTableBytes)
