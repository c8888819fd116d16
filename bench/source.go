package bench

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"time"

	"azira/feed"
)

// A source publishes ticks on a real PUB socket, each of a random token, at times
// fixed in advance. It belongs to one goroutine.
type source struct {
	// Fixed after newSource.
	pub   *feed.Publisher
	clock clock

	// Owned by the publishing goroutine.
	*mint
	late histogram // µs that ticks were sent after their time
}

// endless is a number of ticks that ends with the context only.
const endless = math.MaxInt

func newSource(l load, c clock) (*source, error) {
	pub, err := feed.ListenPublisher("tcp://127.0.0.1:0", feed.PublisherOptions{})
	if err != nil {
		return nil, fmt.Errorf("bind feed: %w", err)
	}
	return &source{pub: pub, clock: c, mint: newMint(l)}, nil
}

func (s *source) close() error { return s.pub.Close() }

// connected says whether n subscribers are there.
func (s *source) connected(n int) bool { return s.pub.Stats().Subscriptions >= n }

// dropped is how many ticks subscribers did not take in time.
func (s *source) dropped() uint64 { return s.pub.Stats().Dropped }

// total is how many ticks were published.
func (s *source) total() uint64 { return s.pub.Stats().Ticks }

// all publishes one tick of each token.
func (s *source) all() {
	for i := range s.tokens {
		s.tick(i, s.clock.now())
	}
	s.pub.Flush()
}

// play publishes n ticks, tick i at i/rate seconds from now, and returns when the
// last is sent or ctx ends, then with its cause. A delay is caught up: no tick's
// time depends on what became of those before it.
func (s *source) play(ctx context.Context, n int, rate float64) error {
	runtime.LockOSThread() // the nap is a thread's
	defer runtime.UnlockOSThread()
	s.late = histogram{}
	start := s.clock.now()
	at := func(i int) int64 { return start + int64(float64(i)/rate*1e6) }
	for sent := 0; sent < n; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		now := s.clock.now()
		for ; sent < n && at(sent) <= now; sent++ {
			s.late.record(now - at(sent))
			s.tick(s.picker.pick(), at(sent))
		}
		s.pub.Flush()
		// Long naps are cut, so that the end of ctx is seen.
		wait := time.Duration(at(sent)-s.clock.now()) * time.Microsecond
		nap(min(max(wait, sourceStep), sourceNapMax))
	}
	return nil
}

// tick publishes one tick, due at a time of the run.
func (s *source) tick(token int, at int64) { s.pub.Publish(s.mint.tick(token, at)) }
