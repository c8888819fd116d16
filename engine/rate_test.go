package engine

import (
	"testing"
	"time"
)

// TestMaxRate has ticks come faster than a window lets pass: at most one in each is
// sent, what is held back is counted, and the newest is sent though no more comes.
func TestMaxRate(t *testing.T) {
	t.Parallel()
	e := newEngine(t, Options{Loops: 1})
	pub := e.Publisher()
	e.now(pub, "A", 1)
	e.now(pub, "B", 1)
	pub.Flush()
	p := prove(t, e, Stream{Kind: JSON, Beat: 500 * time.Millisecond})
	p.ask(`{"op":"subscribe","tokens":["A"],"max_rate":10}`)
	p.ask(`{"op":"subscribe","tokens":["B"]}`)
	const ticks = 300
	begin := time.Now()
	go func() {
		for n := 2; n <= ticks; n++ {
			e.now(pub, "A", n)
			e.now(pub, "B", n)
			pub.Flush()
			time.Sleep(2 * time.Millisecond)
		}
	}()
	got := 0
	for p.last["A"] != ticks || p.last["B"] != ticks {
		v, err := p.read()
		if err != nil {
			t.Fatal(err)
		}
		if v.Type == "tick" && v.Token == "A" {
			got++
		}
	}
	if most := int(time.Since(begin)/(100*time.Millisecond)) + 2; got > most || got < 4 {
		t.Errorf("%d ticks of A, want at most %d", got, most)
	}
	if p.skipped == 0 || p.beats < 2 || e.Stats().HeldBack != p.skipped {
		t.Errorf("skipped %d, counted %d, beats %d", p.skipped, e.Stats().HeldBack, p.beats)
	}
	if v := p.expect("hb"); v.Pending != 0 || v.Sum != 2*ticks {
		t.Errorf("at rest: %+v", v)
	}
}

// TestRatedTwins has streams join a cohort that holds ticks back: each gets its own
// exact account, and all are one cohort again when nothing is held back.
func TestRatedTwins(t *testing.T) {
	t.Parallel()
	e := newEngine(t, Options{Loops: 1})
	pub := e.Publisher()
	e.now(pub, "A", 1)
	pub.Flush()
	var all []*prover
	n := 1
	for range 8 {
		p := prove(t, e, Stream{Kind: JSON})
		p.ask(`{"op":"subscribe","tokens":["A"],"max_rate":2}`)
		all = append(all, p)
		for range 3 {
			n++
			e.now(pub, "A", n)
			pub.Flush()
			time.Sleep(5 * time.Millisecond)
		}
	}
	for _, p := range all {
		for p.last["A"] != uint64(n) {
			if _, err := p.read(); err != nil {
				t.Fatal(err)
			}
		}
	}
	e.now(pub, "A", n+1)
	pub.Flush()
	eventually(t, "one cohort is left", func() bool {
		left := 0
		onLoop(t, e.loops[0], func() {
			for i := range e.loops[0].cohorts.all {
				if len(e.loops[0].cohorts.all[i].members) > 0 {
					left++
				}
			}
		})
		return left == 1
	})
}
