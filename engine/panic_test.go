package engine

import (
	"testing"
	"time"
)

// A clumsy owner panics when told of tokens.
type clumsy struct{ *owner }

func (clumsy) Holds(int) { panic("clumsy") }

// TestPanic holds that a panic on a loop costs the connection in hand, and no
// other: neither its ticks nor its requests.
func TestPanic(t *testing.T) {
	e := newEngine(t, Options{Loops: 1, RingBytes: ringMin})
	pub := e.Publisher()
	publish(pub, "A", 0)
	pub.Flush()
	other := connect(t, e, Stream{})
	other.subscribe("A")
	p := connect(t, e, Stream{Owner: clumsy{newOwner()}})
	p.text("subscribe|A")
	for {
		if _, _, err := p.next(); err != nil {
			break // closed, perhaps after its answer
		}
	}
	for n := 1; n < 3000; n++ { // laps: no pin was left behind
		publish(pub, "A", n)
		pub.Flush()
		other.want(tick("A", n))
	}
	other.subscribe("A")
	if s := e.Stats(); s.Panics != 1 || s.Streams != 1 {
		t.Errorf("panics %d, streams %d", s.Panics, s.Streams)
	}
}

// TestPanicInFanOut holds that a fan-out which breaks off costs the cohort in
// hand, and nobody else a tick.
func TestPanicInFanOut(t *testing.T) {
	e := newEngine(t, Options{Loops: 1})
	pub := e.Publisher()
	names := []string{"A", "B", "C"}
	for _, name := range names {
		publish(pub, name, 0)
	}
	pub.Flush()
	var peers []*peer
	for _, name := range names {
		p := connect(t, e, Stream{})
		p.subscribe(name)
		peers = append(peers, p)
	}
	// One cohort's members are spoiled: the walk over them panics.
	err := e.loops[0].do(func() {
		l := e.loops[0]
		l.settle()
		for id := range l.cohorts.all {
			k := &l.cohorts.all[id]
			if len(k.members) > 0 && e.tokens.name(k.tokens[0]) == "B" {
				l.cohorts.heat[id].active, k.members = 2, nil
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n < 100; n++ {
		for _, name := range names {
			publish(pub, name, n)
		}
		pub.Flush()
		peers[0].want(tick("A", n))
		peers[2].want(tick("C", n))
	}
	if s := e.Stats(); s.Panics == 0 {
		t.Error("nothing panicked")
	}
}

// TestAttachAgainstStop holds that a socket handed over while the engine stops is
// closed and its owner told, or refused: never forgotten.
func TestAttachAgainstStop(t *testing.T) {
	for range 20 {
		e, err := New(Options{Loops: 1, RingBytes: ringMin})
		if err != nil {
			t.Fatal(err)
		}
		owners := make(chan *owner, 100)
		go func() {
			defer close(owners)
			for range cap(owners) {
				near, _ := pair(t)
				o := newOwner()
				if e.Attach(dup(t, near), Stream{Owner: o}) == nil {
					owners <- o
				}
			}
		}()
		time.Sleep(time.Millisecond)
		if err := e.Stop(); err != nil {
			t.Fatal(err)
		}
		for o := range owners {
			select {
			case <-o.ended:
			case <-time.After(5 * time.Second):
				t.Fatal("an owner was never told")
			}
		}
		if n := e.Streams(); n != 0 {
			t.Fatalf("%d streams are left", n)
		}
	}
}
