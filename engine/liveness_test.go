package engine

import (
	"bytes"
	"golang.org/x/sys/unix"
	"net"
	"strings"
	"testing"
	"time"

	"azira/proto"
)

// TestResetBeforeAttach holds that a peer which reset its connection before it
// was handed over, to be refused, costs its descriptor once.
func TestResetBeforeAttach(t *testing.T) {
	e := newEngine(t, Options{Loops: 1})
	near, far := pair(t)
	far.(*net.TCPConn).SetLinger(0)
	far.Close()
	time.Sleep(20 * time.Millisecond) // the reset arrives
	o := newOwner()
	if err := e.Attach(dup(t, near), Stream{Owner: o, Refuse: &Refusal{1008, "no"}}); err != nil {
		t.Fatal(err)
	}
	<-o.ended
	eventually(t, "no stream is left", func() bool { return e.Streams() == 0 })
	time.Sleep(20 * time.Millisecond)
	if n := e.Streams(); n != 0 {
		t.Errorf("%d streams", n)
	}
}

// TestNoPongNeeded holds that a client which reads everything and never sends a
// byte lives, also while ticks are always on their way.
func TestNoPongNeeded(t *testing.T) {
	t.Parallel()
	e := newEngine(t, Options{Loops: 1, PingEvery: time.Second, DeadAfter: time.Second})
	pub := e.Publisher()
	publish(pub, "A", 0)
	pub.Flush()
	p := connect(t, e, Stream{})
	p.subscribe("A")
	go func() { // reads, and answers no ping
		buf := make([]byte, 64<<10)
		for {
			if _, err := p.r.Read(buf); err != nil {
				return
			}
		}
	}()
	for n := range 4000 {
		publish(pub, "A", n)
		pub.Flush()
		time.Sleep(time.Millisecond)
	}
	if n := p.owner.ends.Load(); n != 0 {
		t.Errorf("ended with %d", <-p.owner.ended)
	}
}

// stall connects a stream and publishes until it is parked for good.
func stall(t *testing.T, e *Engine, pub *Publisher) *peer {
	t.Helper()
	p := connect(t, e, Stream{})
	p.shrink()
	publish(pub, "A", 0)
	pub.Flush()
	p.subscribe("A")
	eventually(t, "it is parked", func() bool {
		for n := range 100 {
			publish(pub, "A", n)
		}
		pub.Flush()
		time.Sleep(time.Millisecond)
		return e.Stats().RingLag == 0 && p.owner.parked.Load() != 0
	})
	return p
}

// TestGoodbyeWhileParked holds that a stream which takes nothing frees its place
// at once when it says goodbye, ends its side, or is reset.
func TestGoodbyeWhileParked(t *testing.T) {
	t.Parallel()
	e := newEngine(t, Options{Loops: 1, StallTimeout: -1})
	pub := e.Publisher()
	goodbye := frame(true, proto.OpClose, "\x03\xe8")
	for name, leave := range map[string]func(p *peer){
		"close frame":          func(p *peer) { p.send(goodbye) },
		"ping and close frame": func(p *peer) { p.send(append(frame(true, proto.OpPing, "x"), goodbye...)) },
		"half closed":          func(p *peer) { p.conn.CloseWrite() },
		"reset":                func(p *peer) { p.conn.SetLinger(0); p.conn.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			p := stall(t, e, pub)
			began := time.Now()
			leave(p)
			<-p.owner.ended
			if d := time.Since(began); d > time.Second {
				t.Errorf("its place was free after %v", d)
			}
			eventually(t, "its socket is closed", func() bool { return e.Streams() == 0 })
		})
	}
}

// TestParkedSinceLastByte holds that the owner is told since when a stream takes
// nothing: since its last byte, not since it was parked.
func TestParkedSinceLastByte(t *testing.T) {
	t.Parallel()
	e := newEngine(t, Options{Loops: 1})
	pub := e.Publisher()
	p := stall(t, e, pub)
	first := p.owner.parked.Load()
	buf := make([]byte, 512)
	for range 30 { // reads a little, never catches up
		for n := range 200 {
			publish(pub, "A", n)
		}
		pub.Flush()
		p.conn.Read(buf)
		p.conn.Read(make([]byte, 16<<10))
		time.Sleep(100 * time.Millisecond)
	}
	if last := p.owner.parked.Load(); last != 0 && last <= first {
		t.Errorf("parked since %d, and still said so after 3 s of reading", first)
	}
}

// TestRequestTime holds that pings do not prolong the time of a request.
func TestRequestTime(t *testing.T) {
	t.Parallel()
	e := newEngine(t, Options{Loops: 1, RequestWithin: 2 * time.Second})
	p := connect(t, e, Stream{})
	p.send(frame(false, proto.OpText, "subscribe|"))
	stop := time.AfterFunc(10*time.Second, func() { p.conn.Close() })
	defer stop.Stop()
	go func() {
		for range 50 {
			p.conn.Write(frame(true, proto.OpPing, ""))
			time.Sleep(150 * time.Millisecond)
		}
	}()
	p.wantClose(1008)
}

// TestHoarder holds that, when incomplete requests are too many, who holds most
// is closed and not who comes last.
func TestHoarder(t *testing.T) {
	e := newEngine(t, Options{Loops: 1})
	part := frame(false, proto.OpText, "subscribe|"+strings.Repeat("x", subscribeBytes-100))
	var hoarders []*peer
	for range partialBytes/(subscribeBytes-100) + 1 {
		p := connect(t, e, Stream{})
		p.send(part)
		hoarders = append(hoarders, p)
	}
	small := connect(t, e, Stream{})
	small.send(frame(false, proto.OpText, "subscri"))
	eventually(t, "a hoarder is closed", func() bool { return e.Stats().Closes[1013] > 0 })
	small.send(frame(true, proto.OpContinuation, "be|X"))
	small.want("Tokens not found: X")
	closed := 0
	for _, p := range hoarders {
		closed += int(p.owner.ends.Load())
	}
	if closed == 0 || closed > 2 {
		t.Errorf("%d hoarders were closed", closed)
	}
}

// TestPingFlood holds that pings count in the rate of requests.
func TestPingFlood(t *testing.T) {
	e := newEngine(t, Options{Loops: 1})
	p := connect(t, e, Stream{})
	go p.conn.Write(bytes.Repeat(frame(true, proto.OpPing, "x"), 2000))
	pongs := 0
	for {
		op, got, err := p.next()
		if err != nil {
			t.Fatal(err)
		}
		if op == proto.OpClose {
			if got[:2] != "\x0d\xaf" {
				t.Errorf("closed with %x, want 3503", got[:2])
			}
			break
		}
		pongs++
	}
	if pongs < requestsBurst || pongs > requestsBurst+5*requestsPerSecond {
		t.Errorf("%d pongs", pongs)
	}
}

// TestStaleNews holds that news of a closed socket does not end the one that has its
// descriptor now.
func TestStaleNews(t *testing.T) {
	near, far := pair(t)
	fd := dup(t, near)
	stale := readiness{read: true, ended: true, broken: true}
	if r := confirm(fd, stale); r.ended || r.broken || !r.read {
		t.Errorf("a living socket: %+v", r)
	}
	far.Close()
	eventually(t, "the end is seen", func() bool { return confirm(fd, stale).ended })
	if err := unix.Close(fd); err != nil {
		t.Fatal(err)
	}
}
