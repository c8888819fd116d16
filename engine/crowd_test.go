package engine

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestCrowded has a writer come round the ring to what a walk is reading: the walk
// is cut short, amid a cohort of many and before lists of their own, and everybody
// has the newest tick in the end, nothing doubled and nothing older after newer.
func TestCrowded(t *testing.T) {
	const shared, own, rounds, lap = 300, 300, 3, ringMin / slotBytes
	var mu sync.Mutex
	got := map[int][]byte{}
	armed, held := make(chan *Engine, 1), make(chan struct{})
	e := newEngine(t, Options{Loops: 1, RingBytes: ringMin, BatchWindow: -1,
		Null: func(fd int, p []byte) {
			mu.Lock()
			defer mu.Unlock()
			got[fd] = append(got[fd], p...)
			select {
			case e := <-armed: // hold this turn until the writer waits for it
				close(held)
				for n := 0; !e.shards[0].ring.Crowded() && n < 10_000; n++ {
					time.Sleep(time.Millisecond)
				}
			default:
			}
		}})
	pub := e.Publisher()
	publish(pub, "A", 0)
	for fd := range own {
		publish(pub, fmt.Sprint("T", fd), 0)
	}
	pub.Flush()
	e.caughtUp(t)
	for fd := range shared + own {
		names := "A"
		if fd >= shared {
			names += fmt.Sprint(",T", fd-shared)
		}
		o := newOwner()
		early := frame(true, 1, "subscribe|"+names)
		if err := e.Attach(fd, Stream{Owner: o, Early: early}); err != nil {
			t.Fatal(err)
		}
		answer := []byte(strings.ReplaceAll(names, ",", ", "))
		eventually(t, "the answer came", func() bool {
			mu.Lock()
			defer mu.Unlock()
			return bytes.HasSuffix(got[fd], answer)
		})
	}
	armed <- e
	publish(pub, "A", 1)
	pub.Flush()
	<-held
	for n := 2; n <= rounds*lap; n++ {
		publish(pub, "A", n)
		pub.Flush()
	}
	last := []byte(tick("A", rounds*lap))
	for fd := range shared + own {
		eventually(t, "the newest tick came", func() bool {
			mu.Lock()
			defer mu.Unlock()
			return bytes.HasSuffix(got[fd], last)
		})
	}
	s := e.Stats()
	if s.GaveWay < (shared+own)/2 || s.Panics != 0 || s.Parked != 0 {
		t.Errorf("put off %d streams, parked %d, panics %d", s.GaveWay, s.Parked, s.Panics)
	}
	mu.Lock()
	defer mu.Unlock()
	for fd := range shared + own {
		rising(t, fd, got[fd])
	}
}

// rising holds that a stream's ticks of A are each newer than the one before.
func rising(t *testing.T, fd int, p []byte) {
	t.Helper()
	before := 0
	for _, part := range bytes.Split(p, []byte(`{"token":"A","ltp":`))[1:] {
		var n int
		if _, err := fmt.Sscanf(string(part), "%d.05}", &n); err != nil || n <= before {
			t.Fatalf("stream %d: tick %d after %d, %v", fd, n, before, err)
		}
		before = n
	}
}
