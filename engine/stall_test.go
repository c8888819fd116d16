package engine

import (
	"bytes"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// TestStalled has one stream of many stop reading: its memory stays flat, the
// others lose nothing, and when it reads again it comes to the newest at once.
func TestStalled(t *testing.T) {
	const tokens = 20
	e := newEngine(t, Options{Loops: 1, RingBytes: 1 << 20, MaxLagBytes: 64 << 10})
	pub := e.Publisher()
	var names []string
	for i := range tokens {
		names = append(names, tokenName(i))
		publish(pub, tokenName(i), 0)
	}
	pub.Flush()
	stalled, healthy := connect(t, e, Stream{}), connect(t, e, Stream{})
	stalled.shrink()
	stalled.subscribe(names...)
	healthy.subscribe(names...)
	n := 0
	burst := func(rounds int) {
		for range rounds {
			n++
			for i := range tokens {
				publish(pub, tokenName(i), n)
			}
			pub.Flush()
			for i := range tokens {
				healthy.want(tick(tokenName(i), n))
			}
		}
	}
	for stalled.owner.parked.Load() == 0 {
		burst(100)
	}
	p := parkedOf(e)
	if p == nil {
		t.Fatal("parked, but where?")
	}
	before := heap()
	burst(5000) // laps
	if grown := int64(heap()) - int64(before); grown > 64<<10 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	if held := cap(p.told)*8 + cap(p.rest) + cap(p.cursor)*8; held > 4<<10+8*tokens {
		t.Errorf("%d bytes are held for a stalled stream", held)
	}
	for newest := 0; newest < tokens; {
		if _, k, err := readTick(stalled); err != nil {
			t.Fatal(err)
		} else if k == n {
			newest++
		}
	}
	eventually(t, "it is back in the fan-out", func() bool { return stalled.owner.parked.Load() == 0 })
	burst(1)
	for i := range tokens {
		stalled.want(tick(tokenName(i), n))
	}
	if s := e.Stats(); s.Conflates == 0 || s.Conflated == 0 || s.Parked != 0 {
		t.Errorf("conflations %d, ticks conflated %d, parked %d", s.Conflates, s.Conflated, s.Parked)
	}
}

// parkedOf returns what is kept of the parked stream of an engine at rest.
func parkedOf(e *Engine) (p *parked) {
	done := make(chan struct{})
	e.loops[0].poller.do(func() {
		for _, c := range e.loops[0].conns {
			if c != nil && c.parked != nil {
				p = c.parked
			}
		}
		close(done)
	})
	<-done
	return p
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestStallTimeout holds that who takes nothing for too long is ended.
func TestStallTimeout(t *testing.T) {
	t.Parallel()
	e := newEngine(t, Options{Loops: 1, StallTimeout: 2 * time.Second})
	pub := e.Publisher()
	publish(pub, "A", 0)
	p := connect(t, e, Stream{})
	p.shrink()
	p.subscribe("A")
	eventually(t, "it is parked for good", func() bool {
		for n := range 100 {
			publish(pub, "A", n)
		}
		pub.Flush()
		time.Sleep(time.Millisecond)
		return e.Stats().RingLag == 0 && p.owner.parked.Load() != 0
	})
	p.wantEnded(3008)
	eventually(t, "its socket is closed", func() bool { return e.Streams() == 0 })
}

// TestAnswersWait holds that a client that sends requests and takes no answers
// costs no memory: its requests wait in the kernel.
func TestAnswersWait(t *testing.T) {
	e := newEngine(t, Options{Loops: 1, PingEvery: time.Hour, DeadAfter: time.Hour})
	p := connect(t, e, Stream{Kind: Echo})
	p.shrink()
	var sent atomic.Int64
	pings := bytes.Repeat(frame(true, 9, "0123456789012345678901234567890123456789"), 100)
	go func() {
		for {
			n, err := p.conn.Write(pings)
			sent.Add(int64(n))
			if err != nil {
				return
			}
		}
	}()
	eventually(t, "it is parked", func() bool { return p.owner.parked.Load() != 0 })
	last := int64(-1)
	eventually(t, "its writes block", func() bool {
		now := sent.Load()
		time.Sleep(50 * time.Millisecond)
		same := now == last
		last = now
		return same
	})
	for range 1000 {
		if op, got, err := p.next(); err != nil || op != 10 || len(got) != 40 {
			t.Fatalf("%d %q %v", op, got, err)
		}
	}
}

// TestNoAllocationPerTick counts allocations of the whole process while ticks go
// from a publisher through a ring, a loop and a socket to a reader.
func TestNoAllocationPerTick(t *testing.T) {
	e := newEngine(t, Options{Loops: 1})
	pub := e.Publisher()
	names := []string{"A", "B", "C"}
	for _, name := range names {
		publish(pub, name, 0)
	}
	p := connect(t, e, Stream{})
	p.subscribe("A", "C")
	topics := [][]byte{[]byte("A"), []byte("B"), []byte("C")}
	data := []byte(tick("A", 12345))
	var got atomic.Int64
	buf := make([]byte, 64<<10)
	go func() {
		for {
			n, err := p.conn.Read(buf)
			if err != nil {
				return
			}
			got.Add(int64(n))
		}
	}()
	const rounds = 2000
	round := func() {
		for range rounds {
			for _, topic := range topics {
				pub.Tick(topic, data, 1)
			}
			pub.Flush()
		}
		want := int64(e.Stats().TicksIn)
		eventually(t, "all is drained", func() bool { return int64(e.Stats().Drained) == want })
	}
	round() // buffers grow
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	round()
	runtime.ReadMemStats(&after)
	allocs := after.Mallocs - before.Mallocs
	t.Logf("%d allocations for %d ticks, %d bytes read", allocs, 3*rounds, got.Load())
	if allocs > 3*rounds/50 { // asking for statistics allocates a little
		t.Errorf("%d allocations for %d ticks", allocs, 3*rounds)
	}
}

// TestNoAllocationPerPong counts allocations of what every idle stream does.
func TestNoAllocationPerPong(t *testing.T) {
	e := newEngine(t, Options{Loops: 1})
	p := connect(t, e, Stream{})
	pong := frame(true, 10, "")
	const pongs = 1000
	answered := func() {
		for range pongs {
			p.send(pong)
		}
		p.send(frame(true, 9, "done"))
		if op, got, err := p.next(); op != 10 || got != "done" {
			t.Fatalf("%d %q %v", op, got, err)
		}
	}
	answered()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	answered()
	runtime.ReadMemStats(&after)
	if allocs := after.Mallocs - before.Mallocs; allocs > pongs/10 {
		t.Errorf("%d allocations for %d pongs", allocs, pongs)
	}
}
