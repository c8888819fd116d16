package bench

import (
	"context"
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"sync"
	"sync/atomic"

	"azira/client"
)

// A fleet is the streams of one account. When one of them fails, lost is told;
// the others go on.
type fleet struct {
	// Fixed after newFleet.
	addr    string
	upgrade []byte
	names   [][]byte // of the tokens there are
	tokens  int      // of each stream
	shared  bool     // all hold the same
	lost    func(error)

	// Owned by the scenario's goroutine.
	rng     *mathrand.Rand
	holders []uint64 // streams, by token

	// Shared with the streams' goroutines.
	frames  atomic.Uint64 // ticks received
	closing atomic.Bool
	running sync.WaitGroup
	mu      sync.Mutex
	streams []*stream // under mu
}

// newFleet registers an account of its own.
func newFleet(ctx context.Context, addr string, names [][]byte, c *StreamsConfig,
	lost func(error)) (*fleet, error) {
	auth, err := client.NewAuth("http://" + addr)
	if err != nil {
		return nil, fmt.Errorf("register account: %w", err)
	}
	defer auth.Close()
	cred, err := auth.Register(ctx, "bench", rand.Text())
	if err != nil {
		return nil, fmt.Errorf("register account: %w", err)
	}
	return &fleet{
		addr: addr, upgrade: upgradeRequest(addr, cred.Bearer), names: names,
		tokens: c.Tokens, shared: c.Shared, lost: lost,
		rng: mathrand.New(mathrand.NewPCG(3, 4)), holders: make([]uint64, len(names)),
	}, nil
}

// grow opens streams, many at a time, until there are n.
func (f *fleet) grow(ctx context.Context, n int) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	wanted := make(chan []byte)
	var opening sync.WaitGroup
	for range min(openParallel, n) {
		opening.Go(func() {
			for subscribe := range wanted {
				if err := f.open(ctx, subscribe); err != nil {
					cancel(err)
				}
			}
		})
	}
	for range n - len(f.streams) {
		select {
		case wanted <- f.choose():
		case <-ctx.Done():
		}
	}
	close(wanted)
	opening.Wait()
	return context.Cause(ctx)
}

// choose makes the subscribe of the next stream.
func (f *fleet) choose() []byte {
	list := make([][]byte, 0, f.tokens)
	take := func(i int) {
		f.holders[i]++
		list = append(list, f.names[i])
	}
	if f.shared {
		for i := range f.tokens {
			take(i)
		}
		return subscribeRequest(list)
	}
	picked := make(map[int]bool, f.tokens)
	for len(list) < f.tokens {
		if i := f.rng.IntN(len(f.names)); !picked[i] {
			picked[i] = true
			take(i)
		}
	}
	return subscribeRequest(list)
}

func (f *fleet) open(ctx context.Context, subscribe []byte) error {
	s, err := openStream(ctx, f.addr, f.upgrade, subscribe)
	if err != nil {
		return err
	}
	f.mu.Lock()
	f.streams = append(f.streams, s)
	f.mu.Unlock()
	f.running.Go(func() {
		err := s.read(&f.frames)
		s.conn.Close()
		if !f.closing.Load() {
			f.lost(err)
		}
	})
	return nil
}

// due is how many frames the fleet is owed for what was published, by token.
func (f *fleet) due(published []uint64) (n uint64) {
	for i, ticks := range published {
		n += ticks * f.holders[i]
	}
	return n
}

// close ends all streams and returns when none is left.
func (f *fleet) close() {
	f.closing.Store(true)
	f.mu.Lock()
	for _, s := range f.streams {
		s.conn.Close()
	}
	f.mu.Unlock()
	f.running.Wait()
}
