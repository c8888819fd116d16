package engine

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"azira/proto"
)

// A recorder is a null socket that keeps what each stream is sent.
type recorder struct {
	mu  sync.Mutex
	got map[int][]byte

	armed chan *Engine  // the next write waits until a writer waits for its turn
	held  chan struct{} // closed when it does
}

func (r *recorder) take(fd int, p []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got[fd] = append(r.got[fd], p...)
	select {
	case e := <-r.armed:
		close(r.held)
		for n := 0; !e.shards[0].ring.Crowded() && n < 10_000; n++ {
			time.Sleep(time.Millisecond)
		}
	default:
	}
}

// want waits until what a stream got ends so.
func (r *recorder) want(t *testing.T, fd int, end string) {
	t.Helper()
	eventually(t, fmt.Sprintf("stream %d got %q", fd, end), func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return bytes.HasSuffix(r.got[fd], []byte(end))
	})
}

// TestCrowded has a writer come round the ring to what a walk is reading: the walk
// is cut short, amid a cohort of many or before lists of their own, and everybody
// has the newest tick in the end, nothing doubled and nothing older after newer.
func TestCrowded(t *testing.T) {
	const shared, own, rounds, lap = 300, 300, 3, ringMin / slotBytes
	r := &recorder{got: map[int][]byte{}, armed: make(chan *Engine, 1), held: make(chan struct{})}
	e := newEngine(t, Options{Loops: 1, RingBytes: ringMin, BatchWindow: -1, Null: r.take})
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
		early := frame(true, proto.OpText, "subscribe|"+names)
		if err := e.Attach(fd, Stream{Owner: newOwner(), Early: early}); err != nil {
			t.Fatal(err)
		}
		r.want(t, fd, strings.ReplaceAll(names, ",", ", "))
	}
	r.armed <- e
	publish(pub, "A", 1)
	pub.Flush()
	<-r.held
	for n := 2; n <= rounds*lap; n++ {
		publish(pub, "A", n)
		pub.Flush()
	}
	for fd := range shared + own {
		r.want(t, fd, tick("A", rounds*lap))
	}
	eventually(t, "nobody is parked", func() bool { return e.Stats().Parked == 0 })
	if s := e.Stats(); s.GaveWay < (shared+own)/2 || s.Panics != 0 {
		t.Errorf("put off %d streams, panics %d", s.GaveWay, s.Panics)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for fd := range shared + own {
		rising(t, fd, r.got[fd])
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
