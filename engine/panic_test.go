package engine

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"azira/proto"
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

// TestPanicInFanOut holds that a walk which breaks off costs the cohort in hand,
// and nobody else a tick: not those before it, one of whom takes nothing now, and
// not those behind it.
func TestPanicInFanOut(t *testing.T) {
	e := newEngine(t, Options{Loops: 1})
	pub := e.Publisher()
	names := []string{"A", "Full", "Broken", "Z"} // in the order of the walk
	for _, name := range names {
		publish(pub, name, 0)
	}
	pub.Flush()
	peers, conns := map[string]*peer{}, map[string]*conn{}
	l := e.loops[0]
	onLoop := func(f func()) {
		done := make(chan struct{})
		if err := l.do(func() { defer close(done); f() }); err != nil {
			t.Fatal(err)
		}
		<-done
	}
	for _, name := range names {
		p := connect(t, e, Stream{})
		p.subscribe(name)
		peers[name] = p
		handle := <-p.owner.handle
		onLoop(func() { conns[name] = l.at(handle) })
	}
	if err := peers["Full"].conn.SetReadBuffer(4 << 10); err != nil {
		t.Fatal(err)
	}
	pings := 0
	onLoop(func() {
		_ = unix.SetsockoptInt(int(conns["Full"].fd), unix.SOL_SOCKET, unix.SO_SNDBUF, 4<<10)
		for misses := 0; misses < 50; { // what it took last may yet make room
			n, _ := l.write(conns["Full"].fd, pingFrame)
			if n == 0 {
				misses++
				time.Sleep(time.Millisecond)
				continue
			}
			misses = 0
			pings++
		}
		l.settle()
		for _, name := range names {
			publish(pub, name, 1)
		}
		l.drain()
		for i, name := range names {
			at := (begin(l.turns, len(names)) + i) % len(names)
			l.fan.dirty[at] = conns[name].cohort
		}
		l.cohorts.heat[conns["Broken"].cohort].first = 1 << 30 // no such run
		l.fanOut()
		l.unpin()
		l.serveAgain()
		if conns["Full"].parked == nil {
			t.Error("who takes nothing is not parked")
		}
	})
	if code := <-peers["Broken"].owner.ended; code != proto.CloseInternal {
		t.Errorf("the cohort in hand ended with %d", code)
	}
	if err := peers["Full"].conn.SetReadBuffer(1 << 20); err != nil {
		t.Fatal(err)
	}
	for range pings {
		if op, _, err := peers["Full"].next(); err != nil || op != proto.OpPing {
			t.Fatalf("expected a ping: %v %v", op, err)
		}
	}
	for n := 1; n < 100; n++ {
		for _, name := range []string{"A", "Full", "Z"} {
			peers[name].want(tick(name, n))
			publish(pub, name, n+1)
		}
		pub.Flush()
	}
	if s := e.Stats(); s.Panics != 1 || s.Streams != 3 {
		t.Errorf("panics %d, streams %d", s.Panics, s.Streams)
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
