package engine

import (
	"testing"
	"time"
)

// TestPace holds when turns are put off: while the loop is busy for over half of
// its time, and on until that is under a fifth.
func TestPace(t *testing.T) {
	const window = 5 * time.Millisecond
	now := time.Unix(0, 0)
	clock := func() time.Time { return now }
	var p pace
	// turns has the loop busy for a share of each ms, for so many of them.
	turns := func(n int, share float64) {
		for range n {
			p.begin(now)
			d := time.Duration(share * float64(time.Millisecond))
			now = now.Add(d)
			p.end(now, false)
			now = now.Add(time.Millisecond - d)
		}
	}
	for _, step := range []struct {
		share float64
		waits bool
	}{
		{0.1, false}, {0.45, false}, {0.6, true}, {0.3, true}, {0.15, false}, {0.3, false}, {1, true},
	} {
		turns(50, step.share)
		d := p.wait(clock, window)
		if waits := d > 0; waits != step.waits {
			t.Errorf("busy for %v of the time: put off by %v", step.share, d)
		}
		if d > window {
			t.Errorf("put off by %v, more than the window", d)
		}
	}
	p.begin(now)
	p.end(now, true)
	if d := p.wait(clock, window); d > 0 {
		t.Errorf("behind, and put off by %v", d)
	}
	p.begin(now)
	p.end(now, false)
	now = now.Add(window)
	if d := p.wait(clock, window); d > 0 {
		t.Errorf("a window after the last turn, put off by %v", d)
	}
	turns(1, 1)
	now = now.Add(time.Minute) // nothing ticks
	turns(1, 0.1)
	if d := p.wait(clock, window); d > 0 {
		t.Errorf("after a quiet minute, put off by %v", d)
	}
}

// TestBatchWindow holds that ticks within a busy loop's window leave in one
// write, all of them.
func TestBatchWindow(t *testing.T) {
	t.Parallel()
	const ticks = 5
	e := newEngine(t, Options{Loops: 1, BatchWindow: time.Second})
	pub := e.Publisher()
	publish(pub, "A", 0)
	pub.Flush()
	p := connect(t, e, Stream{})
	p.subscribe("A")
	before := e.Stats().Writes
	l := e.loops[0]
	onLoop(t, l, func() {
		now := time.Now()
		l.pace = pace{began: now, since: now, gathers: true}
	})
	for n := 1; n <= ticks; n++ {
		publish(pub, "A", n)
		pub.Flush()
		time.Sleep(time.Millisecond)
	}
	for n := 1; n <= ticks; n++ {
		p.want(tick("A", n))
	}
	eventually(t, "the write is counted", func() bool { return e.Stats().Writes != before })
	if n := e.Stats().Writes - before; n != 1 {
		t.Errorf("%d ticks within the window left in %d writes", ticks, n)
	}
}

// TestBegin holds that walks begin all over the round, evenly from the first on.
func TestBegin(t *testing.T) {
	for _, n := range []int{1, 2, 7, 1000} {
		const parts = 8
		var counts [parts]int
		for turn := range uint64(parts * 100) {
			at := begin(turn, n)
			if at < 0 || at >= n {
				t.Fatalf("turn %d of %d begins at %d", turn, n, at)
			}
			counts[at*parts/n]++
		}
		for i, c := range counts {
			if n >= parts && (c < 80 || c > 120) && n%parts == 0 {
				t.Errorf("%d walks of %d begin in part %d, expected about 100", c, n, i)
			}
		}
	}
}
