package engine

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"azira/proto"
)

// readTick reads frames up to a tick and returns its token and number.
func readTick(p *peer) (token string, n int, err error) {
	for {
		op, got, err := p.next()
		if err != nil {
			return "", 0, err
		}
		if op == proto.OpText && got[0] == '{' {
			return parseTick(got)
		}
	}
}

func parseTick(s string) (token string, n int, err error) {
	var v struct {
		Token string
		LTP   float64
	}
	if err := json.Unmarshal([]byte(s), &v); err != nil {
		return "", 0, fmt.Errorf("torn tick %q: %w", s, err)
	}
	return v.Token, int(v.LTP), nil
}

func tokenName(i int) string { return fmt.Sprintf("NSE:%d", i) }

// TestEveryTickInOrder has streams of random lists read at random speed, often
// parked, while no ring laps and no lag is too great: each gets every tick of its
// tokens, once, in order.
func TestEveryTickInOrder(t *testing.T) {
	for _, shards := range []int{1, 4} {
		t.Run(fmt.Sprintf("shards=%d", shards), func(t *testing.T) {
			const tokens, streams, ticks = 40, 30, 40_000
			e := newEngine(t, Options{Loops: 2, Shards: shards, RingBytes: 8 << 20, MaxLagBytes: 1 << 30})
			pub := e.Publisher()
			for i := range tokens {
				publish(pub, tokenName(i), 0)
			}
			pub.Flush()
			var readers sync.WaitGroup
			for k := range streams {
				p := connect(t, e, Stream{})
				rnd := rand.New(rand.NewPCG(uint64(k), 1))
				want := map[string]int{}
				var list []string
				for _, i := range rnd.Perm(tokens)[:1+rnd.IntN(tokens)] {
					list = append(list, tokenName(i))
					want[tokenName(i)] = 1
				}
				if k%3 == 0 { // the same list for several: a cohort
					list = []string{tokenName(0), tokenName(1), tokenName(2)}
					want = map[string]int{tokenName(0): 1, tokenName(1): 1, tokenName(2): 1}
				}
				p.conn.SetReadBuffer(32 << 10)
				p.subscribe(list...)
				readers.Go(func() { expectAll(t, p, want, ticks/tokens, k%2 == 0, rnd) })
			}
			for n := 1; n <= ticks/tokens; n++ {
				for i := range tokens {
					publish(pub, tokenName(i), n)
				}
				pub.Flush()
				if n%20 == 0 {
					time.Sleep(time.Millisecond)
				}
			}
			readers.Wait()
			s := e.Stats()
			t.Logf("%d frames in %d writes, parked %d times", s.FramesOut, s.Writes, s.Parks)
			if s.Parks == 0 || s.Conflates != 0 || s.Panics != 0 {
				t.Errorf("parks %d, conflations %d, panics %d", s.Parks, s.Conflates, s.Panics)
			}
		})
	}
}

// expectAll reads until each token of want came to last, without holes.
func expectAll(t *testing.T, p *peer, want map[string]int, last int, slow bool, rnd *rand.Rand) {
	for left := len(want) * last; left > 0; left-- {
		token, n, err := readTick(p)
		if err != nil {
			t.Errorf("%d ticks missing: %v", left, err)
			return
		}
		if want[token] != n {
			t.Errorf("token %s: tick %d, want %d", token, n, want[token])
			return
		}
		want[token]++
		if slow && rnd.IntN(2000) == 0 {
			time.Sleep(20 * time.Millisecond)
		}
	}
}

// TestConflation has streams stall while tiny rings lap them: ticks are skipped,
// but never reordered, doubled or torn, and each stream ends up with the last
// tick of each of its tokens.
func TestConflation(t *testing.T) {
	t.Parallel()
	for _, shards := range []int{1, 2} {
		t.Run(fmt.Sprintf("shards=%d", shards), func(t *testing.T) {
			const tokens, streams, ticks = 30, 40, 60_000
			e := newEngine(t, Options{Loops: 2, Shards: shards, RingBytes: 128 << 10, MaxLagBytes: 16 << 10})
			pub := e.Publisher()
			for i := range tokens {
				publish(pub, tokenName(i), 0)
			}
			pub.Flush()
			var readers sync.WaitGroup
			var skipped atomic.Int64
			for k := range streams {
				p := connect(t, e, Stream{})
				p.shrink()
				rnd := rand.New(rand.NewPCG(uint64(k), 2))
				want := map[string]int{}
				var list []string
				for _, i := range rnd.Perm(tokens)[:1+k%tokens] {
					list = append(list, tokenName(i))
					want[tokenName(i)] = 0
				}
				p.subscribe(list...)
				readers.Go(func() { skipped.Add(int64(expectLast(t, p, want, ticks/tokens, rnd))) })
			}
			for n := 1; n <= ticks/tokens; n++ {
				for i := range tokens {
					publish(pub, tokenName(i), n)
				}
				pub.Flush()
				if n%10 == 0 {
					time.Sleep(200 * time.Microsecond)
				}
			}
			readers.Wait()
			s := e.Stats()
			t.Logf("skipped %d, conflations %d, laps %d, ring waits %d (%v)",
				skipped.Load(), s.Conflates, s.Laps, s.RingWaits, s.RingWaited)
			if skipped.Load() == 0 || s.Panics != 0 {
				t.Errorf("skipped %d, panics %d", skipped.Load(), s.Panics)
			}
		})
	}
}

// expectLast reads, with stalls, until the last tick of each token came.
func expectLast(t *testing.T, p *peer, seen map[string]int, last int, rnd *rand.Rand) (skipped int) {
	for left := len(seen); left > 0; {
		token, n, err := readTick(p)
		if err != nil {
			t.Errorf("%d tokens never came to their last tick: %v (%v)", left, err, seen)
			return skipped
		}
		before, ok := seen[token]
		if !ok || n <= before {
			t.Errorf("token %s: tick %d after %d (subscribed: %v)", token, n, before, ok)
			return skipped
		}
		skipped += n - before - 1
		seen[token] = n
		if n == last {
			left--
		}
		if rnd.IntN(300) == 0 {
			time.Sleep(time.Duration(rnd.IntN(40)) * time.Millisecond)
		}
	}
	return skipped
}

// TestSeveralEndpoints has endpoints publish at once, each its own tokens and all
// of them one common: nothing is lost, and each one's order is kept.
func TestSeveralEndpoints(t *testing.T) {
	const endpoints, ticks = 4, 5000
	e := newEngine(t, Options{Loops: 2, Shards: 2, RingBytes: 8 << 20, MaxLagBytes: 1 << 30})
	first := e.Publisher()
	names := []string{"common"}
	publish(first, "common", 0)
	for i := range endpoints {
		names = append(names, tokenName(i))
		publish(first, tokenName(i), 0)
	}
	first.Flush()
	p := connect(t, e, Stream{})
	p.subscribe(names...)
	var wg sync.WaitGroup
	for i := range endpoints {
		wg.Go(func() {
			pub := e.Publisher()
			for n := 1; n <= ticks; n++ {
				publish(pub, tokenName(i), n)
				publish(pub, "common", i*ticks+n)
				if n%8 == 0 {
					pub.Flush()
				}
			}
			pub.Flush()
		})
	}
	seen := map[string]int{}
	common := [endpoints]int{}
	for range 2 * endpoints * ticks {
		token, n, err := readTick(p)
		if err != nil {
			t.Fatal(err)
		}
		if token == "common" {
			i := (n - 1) / ticks
			if common[i]++; n != i*ticks+common[i] {
				t.Fatalf("endpoint %d: common tick %d, want %d", i, n-i*ticks, common[i])
			}
			continue
		}
		if seen[token]++; seen[token] != n {
			t.Fatalf("token %s: tick %d, want %d", token, n, seen[token])
		}
	}
	wg.Wait()
	if got, ok := e.Last("common"); !ok || got.Seq != endpoints*ticks+1 {
		t.Errorf("last common tick %+v %v", got, ok)
	}
}

// TestChurn has streams come, change their lists and go during the fan-out, some
// abruptly: a stream that stays is not disturbed.
func TestChurn(t *testing.T) {
	const tokens, rounds = 20, 300
	e := newEngine(t, Options{Loops: 2, RingBytes: 16 << 20, MaxLagBytes: 1 << 30})
	pub := e.Publisher()
	var names []string
	for i := range tokens {
		names = append(names, tokenName(i))
		publish(pub, tokenName(i), 0)
	}
	pub.Flush()
	stay := connect(t, e, Stream{})
	stay.subscribe(names...)
	stop := make(chan struct{})
	var churners sync.WaitGroup
	for k := range 8 {
		churners.Go(func() { churn(t, e, names, rand.New(rand.NewPCG(uint64(k), 3)), stop) })
	}
	var reader sync.WaitGroup
	reader.Go(func() {
		want := map[string]int{}
		for _, name := range names {
			want[name] = 1
		}
		expectAll(t, stay, want, rounds, false, nil)
	})
	for n := 1; n <= rounds; n++ {
		for i := range tokens {
			publish(pub, tokenName(i), n)
		}
		pub.Flush()
		time.Sleep(time.Millisecond)
	}
	reader.Wait()
	close(stop)
	churners.Wait()
	stay.conn.Close()
	eventually(t, "all streams are gone", func() bool { return e.Streams() == 0 })
	if s := e.Stats(); s.Panics != 0 || s.Opened < 20 {
		t.Errorf("panics %d, streams opened %d", s.Panics, s.Opened)
	}
	for _, l := range e.loops { // nothing is left behind in the fan-out
		for id := range l.tokens {
			if n := len(l.tokens[id].cohorts); n != 0 {
				t.Errorf("token %d has %d cohorts of nobody", id, n)
			}
		}
		if n := len(l.cohorts.byHash); n != 0 {
			t.Errorf("%d sets of nobody", n)
		}
	}
}

func churn(t *testing.T, e *Engine, names []string, rnd *rand.Rand, stop chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		p := connect(t, e, Stream{})
		for range rnd.IntN(6) {
			action := "subscribe|"
			if rnd.IntN(3) == 0 {
				action = "unsubscribe|"
			}
			p.conn.Write(frame(true, proto.OpText, action+names[rnd.IntN(len(names))]+","+names[rnd.IntN(len(names))]))
			if rnd.IntN(2) == 0 {
				time.Sleep(time.Duration(rnd.IntN(3)) * time.Millisecond)
			}
		}
		if rnd.IntN(2) == 0 {
			p.conn.SetLinger(0)
		}
		p.conn.Close()
	}
}

// TestManyLapped has a writer go round a tiny ring during the turns of many
// streams with one list: nothing is lost but what is conflated, nothing doubled
// or reordered.
func TestManyLapped(t *testing.T) {
	const streams, tokens, ticks = 300, 3, 30_000
	e := newEngine(t, Options{Loops: 1, RingBytes: ringMin, MaxLagBytes: 8 << 10})
	pub := e.Publisher()
	list := []string{tokenName(0), tokenName(1), tokenName(2)}
	for _, name := range list {
		publish(pub, name, 0)
	}
	pub.Flush()
	var readers sync.WaitGroup
	for k := range streams {
		p := connect(t, e, Stream{})
		p.subscribe(list...)
		want := map[string]int{}
		for _, name := range list {
			want[name] = 0
		}
		rnd := rand.New(rand.NewPCG(uint64(k), 4))
		readers.Go(func() { expectLast(t, p, want, ticks, rnd) })
	}
	for n := 1; n <= ticks; n++ {
		for _, name := range list {
			publish(pub, name, n)
		}
		pub.Flush()
	}
	readers.Wait()
	s := e.Stats()
	t.Logf("gave way %d times, laps %d, ring waits %d (%v)", s.GaveWay, s.Laps, s.RingWaits, s.RingWaited)
	if s.Panics != 0 {
		t.Errorf("%d panics", s.Panics)
	}
}

// TestGiveWay cuts turns short as for a writer that waits: every member is
// replayed what it was due, in order.
func TestGiveWay(t *testing.T) {
	const streams, rounds = 10, 20
	e := newEngine(t, Options{Loops: 1})
	pub := e.Publisher()
	publish(pub, "A", 0)
	publish(pub, "B", 0)
	pub.Flush()
	var peers []*peer
	for range streams {
		p := connect(t, e, Stream{})
		p.subscribe("A", "B")
		peers = append(peers, p)
	}
	l := e.loops[0]
	for n := 1; n <= rounds; n++ {
		publish(pub, "A", n)
		publish(pub, "B", n)
		if err := l.do(func() { cutShort(l) }); err != nil {
			t.Fatal(err)
		}
		for _, p := range peers {
			p.want(tick("A", n))
			p.want(tick("B", n))
		}
	}
	eventually(t, "no stream is parked", func() bool { return e.Stats().Parked == 0 })
	if s := e.Stats(); s.GaveWay < rounds/2 || s.Panics != 0 {
		t.Errorf("gave way %d times, panics %d", s.GaveWay, s.Panics)
	}
}

// cutShort is a turn in which a writer waits from the first write on.
func cutShort(l *loop) {
	l.settle()
	l.drain()
	for _, id := range l.fan.dirty {
		l.giveWay(id, l.cohorts.heat[id])
		l.cohorts.heat[id].first = 0
	}
	l.fan.dirty = l.fan.dirty[:0]
	l.unpin()
	l.serveAgain()
}
