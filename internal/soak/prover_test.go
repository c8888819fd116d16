package soak

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"azira/client"
)

// A prover is a stream that is held to account three times: by the client's own ledger
// and its heartbeats, by a naive count of what its channel gives, and by what others
// got of the same ticks.
type prover struct {
	// Fixed after newProver.
	w    *world
	name string
	s    *client.Stream
	wg   sync.WaitGroup

	loose  atomic.Bool // its subscriptions change: no naive count
	steady bool        // it is never cut off: one connection, no gap
	text   bool

	ticks  atomic.Uint64
	drains atomic.Uint64
	mu     sync.Mutex
	last   map[string]uint64
}

func newProver(w *world, name string, o client.StreamOptions) (*prover, error) {
	ctx, cancel := context.WithTimeout(context.Background(), answerTimeout)
	defer cancel()
	s, err := client.OpenStream(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	p := &prover{w: w, name: name, s: s, text: o.Dialect == client.Text,
		last: make(map[string]uint64)}
	p.wg.Go(p.read)
	p.wg.Go(p.listen)
	return p, nil
}

func (p *prover) subscribe(o client.SubscribeOptions, tokens ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), answerTimeout)
	defer cancel()
	a, err := p.s.SubscribeWith(ctx, o, tokens...)
	if err == nil {
		err = a.Err()
	}
	if err != nil {
		return fmt.Errorf("%s: subscribe: %w", p.name, err)
	}
	return nil
}

func (p *prover) close() {
	p.s.Close()
	p.wg.Wait()
}

func (p *prover) read() {
	for t := range p.s.Ticks() {
		p.ticks.Add(1)
		if p.text {
			if _, err := t.Quote(); err != nil || t.Token == "" {
				p.w.fault("%s: no tick: %.100q", p.name, t.Data)
			}
			continue
		}
		p.w.saw.compare(p, &t)
		if !p.loose.Load() {
			p.count(&t)
		}
	}
}

// count holds that a tick is the next of its token after those told of as missing.
func (p *prover) count(t *client.Tick) {
	p.mu.Lock()
	defer p.mu.Unlock()
	last, known := p.last[t.Token]
	p.last[t.Token] = t.Seq
	lack := t.Skipped + t.Missed
	if g := t.Gap; g != nil && g.To >= g.From {
		lack += g.To - g.From + 1
	}
	switch {
	case !known, t.Snap && t.Seq == last:
	case t.Seq != last+1+lack:
		p.w.fault("%s: %s: tick %d after %d, with %d skipped, %d missed, gap %v, snap %v", p.name,
			t.Token, t.Seq, last, t.Skipped, t.Missed, t.Gap, t.Snap)
	}
}

// listen hears what is told beside ticks: a hole is a broken promise.
func (p *prover) listen() {
	for e := range p.s.Events() {
		switch e := e.(type) {
		case client.Hole:
			p.w.fault("%s: %v", p.name, e)
		case client.Drain:
			p.drains.Add(1)
		case client.Dropped:
			p.w.fault("%s: dropped: %v", p.name, e.Failure)
		}
	}
}

// fidget changes what the stream holds, and how, again and again.
func (p *prover) fidget(rnd *rand.Rand) {
	p.loose.Store(true)
	for p.w.pause(rnd, p.w.scaled(3*time.Second)) {
		ctx, cancel := context.WithTimeout(p.w.life, answerTimeout)
		tokens, err := p.w.some(rnd, 1+rnd.IntN(20)), error(nil)
		if rnd.IntN(3) == 0 {
			err = p.s.Unsubscribe(ctx, tokens...)
		} else {
			o := client.SubscribeOptions{MaxRate: []float64{0, 0, 1, 4}[rnd.IntN(4)],
				NoSnapshot: rnd.IntN(2) == 0}
			if rnd.IntN(3) == 0 {
				o.Mode = client.ModeLTP
			}
			_, err = p.s.SubscribeWith(ctx, o, tokens...)
		}
		cancel()
		if err != nil && p.w.unrest.Err() == nil {
			p.w.fault("%s: %v", p.name, err)
		}
		p.w.did.fidgets.Add(1)
	}
}

// complete says whether a heartbeat after an instant has proved all tokens.
func (p *prover) complete(after time.Time) bool {
	c := p.s.Complete()
	return c.State == client.Complete && c.At.After(after) && c.Pending == 0
}

// agrees compares the accounts with what the server has published, when that has ended.
func (p *prover) agrees(published map[string]uint64) (sum client.Totals, due uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range p.s.Accounts() {
		if a.Last != published[a.Token] {
			p.w.fault("%s: %s is at %d, the server at %d", p.name, a.Token, a.Last,
				published[a.Token])
		}
		if a.Last-a.Base != a.Received+a.Skipped+a.Gapped || a.Lost+a.Doubled > 0 {
			p.w.fault("%s: the account of %s does not balance: %+v", p.name, a.Token, a)
		}
		if !p.loose.Load() && p.last[a.Token] != a.Last {
			p.w.fault("%s: %s: counted to %d, the account is at %d", p.name, a.Token,
				p.last[a.Token], a.Last)
		}
		due += a.Last - a.Base
		sum.Received += a.Received
		sum.Skipped += a.Skipped
		sum.Gapped += a.Gapped
	}
	st := p.s.Stats()
	if p.steady && (st.Connects != 1 || sum.Gapped > 0) {
		p.w.fault("%s was not cut off, but has %d connections and %d ticks gapped", p.name,
			st.Connects, sum.Gapped)
	}
	if st.Bad > 0 {
		p.w.fault("%s: %d messages not of the protocol", p.name, st.Bad)
	}
	return sum, due
}

const sightings = 1 << 13 // remembered of a token

// A sighting is what somebody got as a token's tick.
type sighting struct {
	seq uint64
	ltp float64
}

// A witness remembers what any stream got: the same tick is the same price for all.
type witness struct {
	mu       sync.Mutex
	seen     map[string]*[sightings]sighting
	compared atomic.Uint64
}

func (w *witness) compare(p *prover, t *client.Tick) {
	q, err := t.Quote()
	if err != nil {
		p.w.fault("%s: %v", p.name, err)
		return
	}
	ltp, err := q.Last.Float64()
	if err != nil {
		p.w.fault("%s: %s %d: no price: %v", p.name, t.Token, t.Seq, err)
		return
	}
	w.mu.Lock()
	seen := w.seen[t.Token]
	if seen == nil {
		seen = new([sightings]sighting)
		w.seen[t.Token] = seen
	}
	at := &seen[t.Seq%sightings]
	before := *at
	if before.seq < t.Seq {
		*at = sighting{t.Seq, ltp}
	}
	w.mu.Unlock()
	if before.seq == t.Seq {
		w.compared.Add(1)
		if before.ltp != ltp {
			p.w.fault("%s: %s %d is %v, somebody else got %v", p.name, t.Token, t.Seq, ltp,
				before.ltp)
		}
	}
}
