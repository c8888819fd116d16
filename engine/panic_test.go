package engine

import "testing"

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
	if _, _, err := p.next(); err == nil {
		t.Fatal("the connection lives on")
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
