package engine

import (
	"sync"
	"testing"
	"time"
)

// TestTypedLapped has a writer go round a tiny ring during the turns of many typed
// streams, as fast as it can: every tick is received or told as skipped.
func TestTypedLapped(t *testing.T) {
	const streams, ticks = 90, 20_000
	e := newEngine(t, Options{Loops: 2, RingBytes: ringMin, MaxLagBytes: 8 << 10, BatchWindow: -1})
	pub := e.Publisher()
	names := []string{"A", "B", "C"}
	for _, name := range names {
		e.now(pub, name, 1)
	}
	pub.Flush()
	requests := []string{
		`{"op":"subscribe","tokens":["A","B","C"]}`,
		`{"op":"subscribe","tokens":["A","B"],"mode":"ltp"}`,
		`{"op":"subscribe","tokens":["C","A"],"max_rate":20}`,
	}
	var readers sync.WaitGroup
	var all []*prover
	for k := range streams {
		p := prove(t, e, Stream{Kind: []Kind{JSON, Binary}[k%2], Beat: BeatMin})
		p.ask(requests[k%len(requests)])
		all = append(all, p)
		readers.Go(func() {
			for {
				v, err := p.read()
				if err != nil {
					t.Errorf("stream %d: %v", k, err)
					return
				}
				if v.Type == "hb" && v.Pending == 0 && p.last["A"] == ticks {
					return
				}
				if k%10 == 0 && p.received%1000 == 0 {
					time.Sleep(time.Millisecond)
				}
			}
		})
	}
	for n := 2; n <= ticks; n++ {
		for _, name := range names {
			e.now(pub, name, n)
		}
		pub.Flush()
	}
	readers.Wait()
	s := e.Stats()
	var received, skipped uint64
	for k, p := range all {
		received, skipped = received+p.received, skipped+p.skipped
		for name, last := range p.last {
			if last != ticks {
				t.Errorf("stream %d: %s ends at %d", k, name, last)
			}
		}
	}
	t.Logf("received %d, skipped %d; parked %d times, conflated %d, gave way %d, laps %d, ring waits %d (%v)",
		received, skipped, s.Parks, s.Conflates, s.GaveWay, s.Laps, s.RingWaits, s.RingWaited)
	if s.Panics != 0 || skipped == 0 {
		t.Errorf("%d panics", s.Panics)
	}
}
