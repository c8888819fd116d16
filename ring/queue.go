package ring

import "sync/atomic"

// A Queue carries ticks from one goroutine to another in order: one puts, one
// takes. It is how an endpoint hands ticks to a writer that somebody else holds.
type Queue struct {
	// Fixed after NewQueue.
	buf  []entry
	data []byte
	mask uint64

	_ [cacheLineBytes]byte

	// Written by the one who puts.
	tail  atomic.Uint64
	dtail uint64 // bytes of data ever used

	_ [cacheLineBytes]byte

	// Written by the one who takes.
	head  atomic.Uint64
	dhead atomic.Uint64 // bytes of data ever given back
}

// An entry is one tick; its data lies at off, contiguous.
type entry struct {
	id  uint32
	n   uint32
	ts  int64
	off uint64
}

// NewQueue returns a queue for slots ticks and bytes of data, powers of two.
func NewQueue(slots, bytes int) *Queue {
	return &Queue{buf: make([]entry, slots), data: make([]byte, bytes), mask: uint64(slots - 1)}
}

// Put copies a tick into the queue, or returns false if there is no room now.
func (q *Queue) Put(id uint32, ts int64, data []byte) bool {
	tail := q.tail.Load()
	off, size := q.dtail, uint64(len(q.data))
	if off&(size-1)+uint64(len(data)) > size {
		off = (off | (size - 1)) + 1
	}
	end := off + uint64(len(data))
	if tail-q.head.Load() > q.mask || end-q.dhead.Load() > size {
		return false
	}
	copy(q.data[off&(size-1):], data)
	q.buf[tail&q.mask] = entry{id: id, n: uint32(len(data)), ts: ts, off: off}
	q.dtail = end
	q.tail.Store(tail + 1) // Hand the entry and its data to the taker.
	return true
}

// Empty says that there is nothing to take. Any goroutine may ask.
func (q *Queue) Empty() bool { return q.head.Load() == q.tail.Load() }

// Take gives the oldest tick to f; data is valid during the call.
func (q *Queue) Take(f func(id uint32, ts int64, data []byte)) bool {
	head := q.head.Load()
	if head == q.tail.Load() {
		return false
	}
	e := q.buf[head&q.mask]
	at := e.off & uint64(len(q.data)-1)
	f(e.id, e.ts, q.data[at:at+uint64(e.n)])
	q.dhead.Store(e.off + uint64(e.n))
	q.head.Store(head + 1) // Hand the room back.
	return true
}
