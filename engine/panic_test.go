package engine

import (
	"bytes"
	"os"
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
	e.caughtUp(t)
	l := e.loops[0]
	owners, conns, far := map[string]*owner{}, map[string]*conn{}, map[string]*os.File{}
	for _, name := range names {
		// Unlike one of TCP, such a socket is full once it is: nothing moves by itself.
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		if err != nil {
			t.Fatal(err)
		}
		far[name] = os.NewFile(uintptr(pair[1]), name)
		t.Cleanup(func() { far[name].Close() })
		o := newOwner()
		err = e.Attach(pair[0], Stream{Owner: o, Early: frame(true, proto.OpText, "subscribe|"+name)})
		if err != nil {
			t.Fatal(err)
		}
		owners[name] = o
		handle := <-o.handle
		onLoop(t, l, func() { conns[name] = l.at(handle) })
	}
	onLoop(t, l, func() {
		for n := 2; n == 2; {
			n, _ = l.write(conns["Full"].fd, pingFrame)
		}
		l.settle()
		for _, name := range names {
			publish(pub, name, 1)
		}
		l.drain()
		for i, name := range names {
			l.fan.dirty[(begin(l.turns, len(names))+i)%len(names)] = conns[name].cohort
		}
		l.cohorts.heat[conns["Broken"].cohort].first = 1 << 30 // no such run
		l.fanOut()
		l.unpin()
		l.serveAgain()
		if conns["Full"].parked == nil {
			t.Error("who takes nothing is not parked")
		}
	})
	if code := <-owners["Broken"].ended; code != proto.CloseInternal {
		t.Errorf("the cohort in hand ended with %d", code)
	}
	for _, name := range []string{"A", "Full", "Z"} {
		once(t, far[name], tick(name, 1))
	}
	if s := e.Stats(); s.Panics != 1 || s.Streams != 3 {
		t.Errorf("panics %d, streams %d", s.Panics, s.Streams)
	}
}

// once holds that a text frame comes, once.
func once(t *testing.T, far *os.File, text string) {
	t.Helper()
	want := proto.AppendFrame(nil, proto.OpText, []byte(text))
	var got []byte
	for buf := make([]byte, 64<<10); !bytes.HasSuffix(got, want); {
		n, err := far.Read(buf)
		if err != nil {
			t.Fatalf("%s got %q: %v", far.Name(), got, err)
		}
		got = append(got, buf[:n]...)
	}
	if n := bytes.Count(got, want); n != 1 {
		t.Errorf("%s got its tick %d times", far.Name(), n)
	}
}

// onLoop runs f on a loop and waits for it.
func onLoop(t *testing.T, l *loop, f func()) {
	t.Helper()
	done := make(chan struct{})
	if err := l.do(func() { defer close(done); f() }); err != nil {
		t.Fatal(err)
	}
	<-done
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
