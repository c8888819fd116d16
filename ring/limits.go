package ring

// Bounds of a ring. Both counts are powers of two so that a position becomes an
// index by a mask.
const (
	slotsMin     = 64
	bytesMin     = 4 << 10
	reclaimParts = 64 // room is made by a 64th of the ring at a time
	tokensChunk  = 1024

	cacheLineBytes = 64
)

const _ = -uint(tokensChunk & (tokensChunk - 1)) // power of two
const _ = uint(slotsMin - reclaimParts)          // a part is at least one slot
