package ring

import (
	"bytes"
	"runtime"
	"testing"
)

// TestQueue has one goroutine put and another take: nothing is lost, torn, or out
// of order, over many laps, with data of all sizes.
func TestQueue(t *testing.T) {
	const ticks = 100_000
	q := NewQueue(64, 4096)
	size := func(n int) int { return n * 7 % 1500 }
	go func() {
		for n := range ticks {
			data := bytes.Repeat([]byte{byte(n)}, size(n))
			for !q.Put(uint32(n), int64(n), data) {
				runtime.Gosched()
			}
		}
	}()
	for n := 0; n < ticks; {
		took := q.Take(func(id uint32, ts int64, data []byte) {
			if id != uint32(n) || ts != int64(n) || len(data) != size(n) {
				t.Errorf("tick %d: id %d, ts %d, %d bytes", n, id, ts, len(data))
			}
			if bytes.Count(data, []byte{byte(n)}) != len(data) {
				t.Errorf("tick %d is torn", n)
			}
		})
		if !took {
			runtime.Gosched()
			continue
		}
		n++
	}
	if !q.Empty() || q.Take(nil) {
		t.Error("something is left")
	}
}

// TestQueueFull holds that a full queue refuses and goes on later.
func TestQueueFull(t *testing.T) {
	q := NewQueue(4, 64)
	data := make([]byte, 30)
	if !q.Put(1, 1, data) || !q.Put(2, 2, data) || q.Put(3, 3, data) {
		t.Fatal("two of 30 bytes fit into 64, a third does not")
	}
	q.Take(func(uint32, int64, []byte) {})
	if !q.Put(3, 3, data) {
		t.Fatal("no room after a take")
	}
	for range 2 {
		q.Take(func(uint32, int64, []byte) {})
	}
	for i := range uint32(4) {
		if !q.Put(i, 0, nil) {
			t.Fatal("four slots")
		}
	}
	if q.Put(4, 0, nil) {
		t.Fatal("a fifth slot")
	}
}
