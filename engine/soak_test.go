package engine

import (
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestSoakStalled has one stream of 1,000 stop reading while ticks go on: the
// process does not grow, and the others lose nothing. It runs for as long as
// AZIRA_SOAK says, two minutes at least to say anything.
func TestSoakStalled(t *testing.T) {
	lasts, err := time.ParseDuration(os.Getenv("AZIRA_SOAK"))
	if err != nil {
		t.Skip("AZIRA_SOAK is not set to a duration (make soak)")
	}
	const streams, tokens = 1000, 20
	e := newEngine(t, Options{Loops: 1, RingBytes: 8 << 20, StallTimeout: -1,
		PingEvery: time.Hour, DeadAfter: time.Hour})
	pub := e.Publisher()
	var names []string
	for i := range tokens {
		names = append(names, tokenName(i))
		publish(pub, tokenName(i), 0)
	}
	pub.Flush()
	stalled := connect(t, e, Stream{})
	stalled.shrink()
	stalled.subscribe(names...)
	var bytes [streams - 1]atomic.Int64
	var readers sync.WaitGroup
	for k := range bytes {
		p := connect(t, e, Stream{})
		p.subscribe(names...)
		readers.Go(func() { count(p, &bytes[k]) })
	}
	var sent int64
	ticks := func(n int) {
		for i := range tokens {
			data := tick(tokenName(i), n)
			pub.Tick([]byte(tokenName(i)), []byte(data), int64(n))
			sent += int64(len(data)) + 2
		}
		pub.Flush()
	}
	var grown []uint64
	began := time.Now()
	for n := 1; time.Since(began) < lasts; n++ {
		ticks(n)
		time.Sleep(50 * time.Millisecond)
		if n%400 == 0 && stalled.owner.parked.Load() != 0 {
			grown = append(grown, heap())
			t.Logf("%v: heap %d KiB", time.Since(began).Round(time.Second), grown[len(grown)-1]>>10)
		}
	}
	eventually(t, "all others have all", func() bool {
		for k := range bytes {
			if bytes[k].Load() != sent {
				return false
			}
		}
		return true
	})
	checkGrowth(t, grown)
	if p := parkedOf(e); p == nil || cap(p.told)*8+cap(p.rest) > 4<<10+8*tokens {
		t.Errorf("kept for the stalled stream: %+v", p)
	}
}

func checkGrowth(t *testing.T, heaps []uint64) {
	t.Helper()
	if len(heaps) < 2 {
		t.Fatal("the stalled stream was not parked long enough to say anything")
	}
	if first, last := heaps[0], heaps[len(heaps)-1]; last > first+256<<10 {
		t.Errorf("the heap grew from %d to %d bytes", first, last)
	}
}

// count counts the bytes a peer gets.
func count(p *peer, n *atomic.Int64) {
	buf := make([]byte, 4<<10)
	p.conn.SetReadDeadline(time.Time{})
	for {
		k, err := p.r.Read(buf)
		n.Add(int64(k))
		if err != nil {
			return
		}
	}
}
