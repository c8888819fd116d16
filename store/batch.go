package store

// A Batch gathers changes that become visible and durable together or not at
// all. Keys and values are copied. The zero value is empty and ready; a Batch
// is used by one goroutine and may be used again after Reset.
type Batch struct {
	buf []byte
	ops []op
	big bool // a key beyond keyBytesMax was given
}

// An op is one change; its key (table first) and value lie in buf.
type op struct {
	key, value int // where each begins
	end        int
	remove     bool
}

// Set stores value under key of t.
func (b *Batch) Set(t Table, key, value []byte) {
	b.add(t, key, value, false)
}

// Delete removes key from t, if there.
func (b *Batch) Delete(t Table, key []byte) {
	b.add(t, key, nil, true)
}

// Len is the number of changes.
func (b *Batch) Len() int { return len(b.ops) }

// Reset empties b and keeps its memory.
func (b *Batch) Reset() {
	b.buf, b.ops, b.big = b.buf[:0], b.ops[:0], false
}

func (b *Batch) add(t Table, key, value []byte, remove bool) {
	o := op{key: len(b.buf), remove: remove}
	b.buf = append(append(b.buf, byte(t)), key...)
	o.value = len(b.buf)
	b.buf = append(b.buf, value...)
	o.end = len(b.buf)
	b.ops = append(b.ops, o)
	b.big = b.big || len(key) > keyBytesMax
}

func (b *Batch) check() error {
	if b.big || len(b.buf) > batchBytesMax {
		return ErrTooLarge
	}
	return nil
}
