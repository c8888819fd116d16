package engine

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestConservation holds, for 20 s, that for each token of each typed stream received +
// skipped + gapped = published, whatever streams and feed do.
func TestConservation(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 20 s")
	}
	conserve(t, 20*time.Second)
}

// TestSoakConservation is TestConservation for as long as is given.
func TestSoakConservation(t *testing.T) {
	d, err := time.ParseDuration(os.Getenv("AZIRA_SOAK"))
	if err != nil {
		t.Skip("long: make soak")
	}
	conserve(t, 2*d)
}

const conserveTokens, conserveStreams = 60, 500

// A world is an engine, its feed and what is known of them.
type world struct {
	t         *testing.T
	e         *Engine
	published [conserveTokens]atomic.Uint64
	stop      chan struct{}
	streams   sync.WaitGroup

	opened, received, skipped, gapped, resumes, beats atomic.Uint64
}

func conserve(t *testing.T, d time.Duration) {
	w := &world{t: t, stop: make(chan struct{})}
	w.e = newEngine(t, Options{
		Loops: 2, Shards: 2, RingBytes: 256 << 10, MaxLagBytes: 32 << 10,
		BeatEvery: BeatMin,
		Logger:    slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	for i := range conserveTokens {
		w.tick(w.e.Publisher(), i)
	}
	var feed sync.WaitGroup
	feed.Go(func() { w.feed() })
	for k := range conserveStreams {
		w.streams.Go(func() { w.stream(k) })
	}
	time.Sleep(d)
	for end := time.Now().Add(2 * d); !w.wild() && time.Now().Before(end); {
		time.Sleep(100 * time.Millisecond) // a slow machine takes longer to be in trouble
	}
	close(w.stop)
	feed.Wait()
	w.streams.Wait()
	s := w.e.Stats()
	t.Logf("%d published; %d received, %d skipped, %d gapped, %d resumes, %d heartbeats; "+
		"%d parks, %d conflations, %d laps, %d held back", s.TicksIn, w.received.Load(),
		w.skipped.Load(), w.gapped.Load(), w.resumes.Load(), w.beats.Load(),
		s.Parks, s.Conflates, s.Laps, s.HeldBack)
	if s.Panics != 0 || !w.wild() {
		t.Errorf("%d panics, or the chaos was none", s.Panics)
	}
}

// wild says that all has happened that a stream is to survive.
func (w *world) wild() bool {
	return w.skipped.Load() > 0 && w.resumes.Load() > 0 && w.gapped.Load() > 0 &&
		w.e.Stats().Conflates > 0
}

func (w *world) tick(p *Publisher, i int) {
	w.e.now(p, tokenName(i), int(w.published[i].Add(1)))
	p.Flush()
}

// feed publishes in bursts, with pauses, by one endpoint after the other.
func (w *world) feed() {
	rnd := rand.New(rand.NewPCG(9, 9))
	p := w.e.Publisher()
	for !w.over() {
		switch rnd.IntN(200) {
		case 0: // the feed is away
			w.e.SetFeed(FeedDown)
			time.Sleep(time.Duration(rnd.IntN(300)) * time.Millisecond)
			p = w.e.Publisher()
			w.e.SetFeed(FeedLive)
		case 1: // a great burst
			for range 3000 {
				w.publish(p, rnd)
			}
			p.Flush()
		}
		for range 1 + rnd.IntN(40) {
			w.publish(p, rnd)
		}
		p.Flush()
		time.Sleep(time.Duration(rnd.IntN(20)) * time.Millisecond)
	}
}

func (w *world) publish(p *Publisher, rnd *rand.Rand) {
	i := rnd.IntN(conserveTokens)
	w.e.now(p, tokenName(i), int(w.published[i].Add(1)))
}

// stream is a client's life: it reads, asks, stalls, breaks off and comes back.
func (w *world) stream(k int) {
	rnd := rand.New(rand.NewPCG(uint64(k), 7))
	if k%5 == 0 {
		w.textStream(rnd)
		return
	}
	kind := []Kind{JSON, Binary}[k%2]
	p := w.open(kind)
	p.text(request(rnd))
	for {
		for range rnd.IntN(60) {
			if w.over() {
				w.settle(p)
				return
			}
			if _, err := p.read(); err != nil {
				w.t.Errorf("stream %d: %v, ended with %d", k, err, p.owner.code())
				return
			}
		}
		switch n := rnd.IntN(100); {
		case n < 8:
			p.text(request(rnd))
		case n < 11:
			time.Sleep(time.Duration(rnd.IntN(1500)) * time.Millisecond)
		case n < 13:
			p.conn.SetLinger(0)
			p.conn.Close()
			time.Sleep(time.Duration(rnd.IntN(1<<rnd.IntN(12))) * time.Millisecond)
			w.count(p)
			q := w.open(kind)
			if len(p.last) > 0 {
				w.resumes.Add(1)
				q.text(p.resumeOn(q))
			}
			p = q
		}
	}
}

func (w *world) over() bool {
	select {
	case <-w.stop:
		return true
	default:
		return false
	}
}

// open opens a typed stream, of which the kernel holds little.
func (w *world) open(kind Kind) *prover {
	s := Stream{Kind: kind, Beat: BeatMin}
	if w.opened.Add(1)%3 == 0 {
		s.Sealer = &plainSealer{}
	}
	p := prove(w.t, w.e, s)
	p.shrink()
	return p
}

// request is a random one.
func request(rnd *rand.Rand) string {
	var names []string
	for range 1 + rnd.IntN(15) {
		names = append(names, `"`+tokenName(rnd.IntN(conserveTokens))+`"`)
	}
	list := strings.Join(names, ",")
	if rnd.IntN(3) == 0 { // the page's default list
		list = `"NSE:1","NSE:2","NSE:3"`
	}
	rate := []string{"null", "20", "3", "7.5"}[rnd.IntN(4)]
	mode := []string{"full", "ltp"}[rnd.IntN(2)]
	switch rnd.IntN(6) {
	case 0:
		return `{"op":"unsubscribe","tokens":[` + list + `]}`
	case 1:
		return `{"op":"list"}`
	}
	return fmt.Sprintf(`{"op":"subscribe","tokens":[%s],"mode":%q,"max_rate":%s,"snapshot":%v}`,
		list, mode, rate, rnd.IntN(2) == 0)
}

// settle reads until a heartbeat after the end of the feed says that nothing is held
// back, and compares with what was published.
func (w *world) settle(p *prover) {
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		v, err := p.read()
		if err != nil {
			w.t.Error(err)
			return
		}
		if v.Type == "hb" && v.Pending == 0 && w.all(p) {
			w.count(p)
			p.conn.Close()
			return
		}
	}
	w.t.Errorf("never complete: %v", p.last)
}

func (w *world) all(p *prover) bool {
	for name, last := range p.last {
		var i int
		fmt.Sscanf(name, "NSE:%d", &i)
		if last != w.published[i].Load() {
			return false
		}
	}
	return true
}

func (w *world) count(p *prover) {
	w.received.Add(p.received)
	w.skipped.Add(p.skipped)
	w.gapped.Add(p.gapped)
	w.beats.Add(uint64(p.beats))
}

// textStream is a client of the text dialect: each token's ticks come in order.
func (w *world) textStream(rnd *rand.Rand) {
	p := connect(w.t, w.e, Stream{})
	p.subscribe(tokenName(rnd.IntN(conserveTokens)), "NSE:1")
	last := map[string]int{}
	defer p.conn.Close()
	for !w.over() {
		token, n, err := readTick(p)
		if err != nil {
			continue // the feed pauses
		}
		if n <= last[token] {
			w.t.Errorf("text: %s %d after %d", token, n, last[token])
			return
		}
		last[token] = n
		if rnd.IntN(500) == 0 {
			time.Sleep(time.Duration(rnd.IntN(300)) * time.Millisecond)
		}
	}
}
