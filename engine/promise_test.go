package engine

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"azira/proto"
)

// feedIn publishes the next tick of each token every so often, until the test ends.
func feedIn(t *testing.T, e *Engine, every time.Duration, from int, tokens ...string) {
	stop, done := make(chan struct{}), make(chan struct{})
	pub := e.Publisher()
	go func() {
		defer close(done)
		for n := from; ; n++ {
			select {
			case <-stop:
				return
			case <-time.After(every):
			}
			for _, name := range tokens {
				e.now(pub, name, n)
			}
			pub.Flush()
		}
	}()
	t.Cleanup(func() { close(stop); <-done })
}

// TestBeatSpacing holds that heartbeats are no further apart than promised, on streams
// that are idle, busy, rated, or change their list all the time.
func TestBeatSpacing(t *testing.T) {
	t.Parallel()
	e := newEngine(t, Options{Loops: 1})
	pub := e.Publisher()
	for _, name := range []string{"A", "B"} {
		e.now(pub, name, 1)
	}
	pub.Flush()
	var all []*prover
	for _, request := range []string{
		"", `{"op":"subscribe","tokens":["A"]}`, `{"op":"subscribe","tokens":["A"],"max_rate":3}`,
	} {
		p := prove(t, e, Stream{Kind: JSON, Beat: 500 * time.Millisecond})
		if request != "" {
			p.ask(request)
		}
		all = append(all, p)
	}
	changing := prove(t, e, Stream{Kind: JSON, Beat: 500 * time.Millisecond})
	all = append(all, changing)
	feedIn(t, e, 3*time.Millisecond, 2, "A")
	go func() {
		for i := range 18 {
			op := []string{"subscribe", "unsubscribe"}[i%2]
			_, _ = changing.conn.Write(frame(true, proto.OpText, `{"op":"`+op+`","tokens":["B"]}`))
			time.Sleep(150 * time.Millisecond)
		}
	}()
	for i, p := range all {
		last, n := int64(0), 0
		for begin := time.Now().UnixMicro(); last < begin+1_500_000; {
			v, err := p.read()
			if err != nil {
				t.Fatal(err)
			}
			if v.Type != "hb" {
				continue
			}
			if gap := v.TS - last; last != 0 && gap > 750_000 {
				t.Errorf("stream %d: %d ms between heartbeats", i, gap/1000)
			}
			last, n = v.TS, n+1
		}
	}
}

// TestRetryMs holds that who waits as told is served.
func TestRetryMs(t *testing.T) {
	e := newEngine(t, Options{Loops: 1})
	p := prove(t, e, Stream{Kind: JSON})
	for range requestsBurst + 1 {
		p.text(`{"op":"ping"}`)
	}
	v := p.expect("error")
	time.Sleep(time.Duration(v.RetryMs) * time.Millisecond)
	p.text(`{"op":"ping","id":"again"}`)
	for {
		v, err := p.read()
		if err != nil || v.Type == "error" {
			t.Fatalf("%+v %v", v, err)
		}
		if v.Type == "pong" && v.ID == "again" {
			return
		}
	}
}

// fallBehind has a stream stop reading until it is parked.
func fallBehind(t *testing.T, e *Engine, p *prover, token string) (last int) {
	t.Helper()
	p.shrink()
	pub := e.Publisher()
	n := int(p.last[token])
	eventually(t, "it is parked", func() bool {
		for range 200 {
			n++
			e.now(pub, token, n)
		}
		pub.Flush()
		return e.Stats().Parked > 0
	})
	return n
}

// TestDrainParked has a stream be behind when the drain begins: it is told as soon as
// it reads.
func TestDrainParked(t *testing.T) {
	t.Parallel()
	e := newEngine(t, Options{Loops: 1})
	pub := e.Publisher()
	e.now(pub, "A", 1)
	pub.Flush()
	p := prove(t, e, Stream{Kind: JSON})
	p.ask(`{"op":"subscribe","tokens":["A"]}`)
	fallBehind(t, e, p, "A")
	go func() { _ = e.Drain(t.Context(), 30*time.Second, 0) }()
	eventually(t, "the drain has begun", e.draining.Load)
	if v := p.expect("drain"); v.DeadlineMs > 30_300 {
		t.Errorf("%+v", v)
	}
}

// TestListKeepsWindow has a stream ask for its list all the time: max_rate holds.
func TestListKeepsWindow(t *testing.T) {
	t.Parallel()
	e := newEngine(t, Options{Loops: 1})
	pub := e.Publisher()
	e.now(pub, "A", 1)
	pub.Flush()
	p := prove(t, e, Stream{Kind: JSON})
	p.ask(`{"op":"subscribe","tokens":["A"],"max_rate":0.5}`)
	p.expect("snap")
	feedIn(t, e, 3*time.Millisecond, 2, "A")
	ticks := 0
	for range 20 {
		p.text(`{"op":"list","id":"x"}`)
		for {
			v, err := p.read()
			if err != nil {
				t.Fatal(err)
			}
			if v.Type == "tick" {
				ticks++
			}
			if v.Type == "ack" {
				break
			}
		}
		time.Sleep(60 * time.Millisecond)
	}
	if ticks > 3 {
		t.Errorf("%d ticks in 1.2 s at one in 2 s", ticks)
	}
}

// TestGoodbyeBehindRequest has a stream that takes nothing say goodbye behind a request
// that waits: its place is free at once.
func TestGoodbyeBehindRequest(t *testing.T) {
	e := newEngine(t, Options{Loops: 1})
	pub := e.Publisher()
	e.now(pub, "A", 1)
	pub.Flush()
	p := prove(t, e, Stream{Kind: JSON})
	p.ask(`{"op":"subscribe","tokens":["A"]}`)
	fallBehind(t, e, p, "A")
	p.text(`{"op":"ping"}`)
	p.send(frame(true, proto.OpClose, "\x03\xe8"))
	p.wantEnded(1000)
}

// TestManyNames holds that a request can't name tokens without end, and that those that
// failed are kept side by side while nobody reads.
func TestManyNames(t *testing.T) {
	const streams = 10
	e := newEngine(t, Options{Loops: 1, TokensPerStream: 1000})
	p := prove(t, e, Stream{Kind: JSON})
	p.text(`{"op":"subscribe","id":"m","tokens":[` + strings.Repeat(`"",`, 3000) + `"A"]}`)
	if v := p.expect("error"); v.Code != 106 || v.ID != "m" {
		t.Errorf("%+v", v)
	}
	var names []string
	for i := range 2500 {
		names = append(names, fmt.Sprintf("a-name-of-none-%024d", i))
	}
	request := `{"op":"subscribe","tokens":["` + strings.Join(names, `","`) + `"]}`
	for range streams {
		q := prove(t, e, Stream{Kind: JSON})
		q.shrink()
		q.text(request)
	}
	l := e.loops[0]
	eventually(t, "all answers wait", func() bool { return e.Stats().Parked == streams })
	onLoop(t, l, func() {
		if l.partial < streams*len(names)*20 || l.partial > streams*250_000 {
			t.Errorf("%d bytes are accounted for", l.partial)
		}
	})
	runtime.KeepAlive(names)
}

// TestResumeEdges resumes from nothing, from the oldest tick that the ring has, from one
// before it and from the newest: what the ring has is ticks, the rest one exact gap.
func TestResumeEdges(t *testing.T) {
	e := newEngine(t, Options{Loops: 1, RingBytes: ringMin}) // 512 records
	pub := e.Publisher()
	const ticks = 700
	for n := 1; n <= 5; n++ {
		e.now(pub, "few", n)
	}
	pub.Flush()
	p := prove(t, e, Stream{Kind: JSON})
	p.last["few"] = 0
	p.text(p.resumeOn(p))
	for p.last["few"] != 5 {
		if v, err := p.read(); err != nil || v.Type == "gap" || v.Type == "snap" {
			t.Fatalf("from 0: %+v %v", v, err)
		}
	}
	for n := 1; n <= ticks; n++ {
		e.now(pub, "many", n)
	}
	pub.Flush()
	e.caughtUp(t)
	oldest := e.shards[0].ring.Oldest() - 5 // the seq before it
	for _, c := range []struct {
		from uint64
		gap  bool
	}{{ticks, false}, {ticks - 1, false}, {oldest, false}, {oldest - 1, true}, {0, true}} {
		q := prove(t, e, Stream{Kind: JSON})
		q.last["many"] = c.from
		q.text(q.resumeOn(q))
		for q.last["many"] != ticks || q.received == 0 && c.from != ticks {
			if v, err := q.read(); err != nil {
				t.Fatalf("from %d: %+v %v", c.from, v, err)
			}
		}
		if (q.gapped > 0) != c.gap || c.gap && q.gapped != ticks-1-c.from || q.skipped != 0 {
			t.Errorf("from %d (the oldest is %d): gapped %d, skipped %d", c.from, oldest+1, q.gapped, q.skipped)
		}
		if !c.gap && q.received != ticks-c.from {
			t.Errorf("from %d: received %d", c.from, q.received)
		}
	}
}

// TestGoingAway has the engine stop without a drain.
func TestGoingAway(t *testing.T) {
	e := newEngine(t, Options{Loops: 1})
	p := prove(t, e, Stream{Kind: JSON})
	if err := e.Stop(); err != nil {
		t.Fatal(err)
	}
	p.wantClose(1001)
}
