package engine

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// publishAged publishes a tick that came in so long ago.
func publishAged(p *Publisher, token string, n int, age time.Duration) {
	p.Tick([]byte(token), []byte(tick(token, n)), time.Now().Add(-age).UnixMicro())
	p.Flush()
}

// A tick's latency is found under its token, and in the sum; not that of a token
// nobody wants.
func TestLatency(t *testing.T) {
	e := newEngine(t, Options{Loops: 2, Shards: 2})
	pub := e.Publisher()
	publishAged(pub, "A", 1, 0)
	publishAged(pub, "B", 1, 0)
	p := connect(t, e, Stream{})
	p.subscribe("A")
	const age, n = 20 * time.Millisecond, 5
	for i := range n {
		publishAged(pub, "A", 2+i, age)
		publishAged(pub, "B", 2+i, age)
		p.want(tick("A", 2+i))
	}
	eventually(t, "all are counted", func() bool {
		x, known, err := e.TokenLatency("A")
		return known && err == nil && x.Last.Count() == n
	})
	a, _, _ := e.TokenLatency("A")
	if a.First.Count() != n || a.First.Max < age || a.Last.Max <= a.First.Max ||
		a.Last.Max > time.Minute || a.Ticks != n+1 || a.Token != "A" {
		t.Errorf("%+v", a)
	}
	for i, c := range a.First.Counts {
		if c > 0 && i < LatencyBuckets-1 && LatencyBound(i) <= age {
			t.Errorf("%d ticks of %v in the bucket up to %v", c, age, LatencyBound(i))
		}
	}
	if q := a.First.Quantile(0.5); q < age || q > a.First.Max {
		t.Errorf("half took %v, all %v", q, a.First.Max)
	}
	if b, known, err := e.TokenLatency("B"); !known || err != nil || b.First.Count() != 0 ||
		b.Ticks != n+1 {
		t.Errorf("%+v %v %v", b, known, err)
	}
	if _, known, err := e.TokenLatency("C"); known || err != nil {
		t.Errorf("unknown: %v %v", known, err)
	}
	all := e.Latencies()
	if all.First.Count() != n || all.Last.Sum <= all.First.Sum || all.First.Sum < n*age {
		t.Errorf("%+v", all)
	}
}

// What a surveyor sees of many tokens, on several loops.
func TestSurvey(t *testing.T) {
	e := newEngine(t, Options{Loops: 2})
	pub := e.Publisher()
	const n = surveyTokens + 10
	for i := range n {
		publish(pub, fmt.Sprint("T", i), 1)
	}
	pub.Flush()
	var peers [2]*peer
	for i := range peers {
		peers[i] = connect(t, e, Stream{})
		peers[i].subscribe("T0", fmt.Sprint("T", n-1))
	}
	publish(pub, "T0", 2)
	pub.Flush()
	for _, p := range peers {
		p.want(tick("T0", 2))
	}
	eventually(t, "both loops have counted", func() bool {
		x := e.Latencies()
		return x.First.Count() == 2
	})
	seen := 0
	if err := e.Survey(func(x *TokenSurvey) {
		want, ticks := uint64(0), uint64(1)
		if x.ID == 0 {
			want, ticks = 2, 2
		}
		if x.ID != seen || x.Token != fmt.Sprint("T", seen) || x.Last.Count() != want ||
			x.Ticks != ticks {
			t.Fatalf("%d: %+v", seen, x)
		}
		seen++
	}); err != nil || seen != n {
		t.Errorf("%d tokens, %v", seen, err)
	}
	loads, streams := e.Loads(), 0
	for _, x := range loads {
		streams += x.Streams
		if x.Turns == 0 || x.Busy == 0 || x.Lag != 0 {
			t.Errorf("%+v", x)
		}
	}
	if len(loads) != 2 || streams != 2 || e.StreamsOf(Text) != 2 || e.StreamsOf(JSON) != 0 {
		t.Errorf("%+v", loads)
	}
	peers[0].conn.Close()
	eventually(t, "one is gone", func() bool { return e.StreamsOf(Text) == 1 })
	_ = e.Stop()
	if e.Survey(func(*TokenSurvey) {}) == nil {
		t.Error("loops that have ended answer")
	}
}

// The lag is what a loop has still to drain: all that is published while it is held up.
func TestRingLag(t *testing.T) {
	e := newEngine(t, Options{Loops: 2})
	pub := e.Publisher()
	held, goOn := make(chan struct{}), make(chan struct{})
	go func() { _ = e.loops[1].do(func() { close(held); <-goOn }) }()
	<-held
	for n := range 10 {
		publish(pub, "A", n)
		pub.Flush()
	}
	eventually(t, "the other loop is done", func() bool { return e.Loads()[0].Lag == 0 })
	if x := e.Loads()[1]; x.Lag != 10 || e.Stats().RingLag != 10 {
		t.Errorf("%+v, in all %d", x, e.Stats().RingLag)
	}
	close(goOn)
	eventually(t, "it has caught up", func() bool { return e.Stats().RingLag == 0 })
}

// Buckets against a naive look-up, and halves where a count is full.
func TestLatencyBuckets(t *testing.T) {
	var x latency
	for range 10_000 {
		us := rand.Uint64() >> rand.IntN(64)
		i := 0
		for i < LatencyBuckets-1 && us >= uint64(LatencyBound(i)/time.Microsecond) {
			i++
		}
		if got := bucketOf(us); got != i {
			t.Fatalf("%d µs: bucket %d, want %d", us, got, i)
		}
		x.note(i, us)
	}
	x.counts = [LatencyBuckets]uint32{latencyHalve - 1, 6}
	x.note(0, 1)
	if x.counts != [LatencyBuckets]uint32{latencyHalve / 2, 3} {
		t.Errorf("%v", x.counts)
	}
	var none LatencyHistogram
	if none.Quantile(0.99) != 0 {
		t.Error("a quantile of nothing")
	}
	one := LatencyHistogram{Max: 20 * time.Microsecond}
	one.Counts[1] = 1
	if q := one.Quantile(0.99); q != one.Max {
		t.Errorf("%v", q)
	}
	late := LatencyHistogram{}
	late.Counts[LatencyBuckets-1] = 1
	if q := late.Quantile(0.5); q != LatencyBound(LatencyBuckets-2) {
		t.Errorf("%v", q)
	}
}

func TestLatencyDoesNotAllocate(t *testing.T) {
	var x latencies
	x.note(70, 1, 2)
	if n := testing.AllocsPerRun(100, func() { x.note(70, 100, 1e9) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if len(x.slabs) != 1 || x.find(69) != nil || x.find(71) != nil {
		t.Error("histograms for tokens that have none")
	}
	for id := range uint32(2 * latencySlab) {
		x.note(id, 1, 1)
	}
	if len(x.slabs) != 2 {
		t.Errorf("%d slabs", len(x.slabs))
	}
}

// What it adds to a turn: two looks at the clock, and its part for each tick.
func BenchmarkMeasure(b *testing.B) {
	for _, ticks := range []int{1, 10, 100} {
		b.Run(fmt.Sprintf("ticks=%d", ticks), func(b *testing.B) {
			e := newEngine(b, Options{Loops: 1, Null: func(int, []byte) {}})
			pub := e.Publisher()
			names := ""
			for i := range ticks {
				publish(pub, fmt.Sprint("T", i), 1)
				names += fmt.Sprint(",T", i)
			}
			pub.Flush()
			e.caughtUp(b)
			s := Stream{Owner: newOwner(), Early: frame(true, 1, "subscribe|"+names[1:])}
			if err := e.Attach(0, s); err != nil {
				b.Fatal(err)
			}
			eventually(b, "subscribed", func() bool { return e.StreamsOf(Text) == 1 })
			for i := range ticks {
				publish(pub, fmt.Sprint("T", i), 2)
			}
			pub.Flush()
			eventually(b, "counted", func() bool {
				x := e.Latencies()
				return x.First.Count() == uint64(ticks)
			})
			done, l := make(chan bool), e.loops[0]
			b.ReportAllocs()
			_ = l.do(func() {
				l.start[0] = l.cursor[0] - uint64(ticks)
				for b.Loop() {
					l.latency.wrote()
					l.measure()
				}
				close(done)
			})
			<-done
		})
	}
}
