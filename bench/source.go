package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"azira/feed"
)

// A source publishes ticks on a real PUB socket, each of a random token. It
// belongs to one goroutine.
type source struct {
	// Fixed after newSource.
	pub    *feed.Publisher
	tokens [][]byte

	// Owned by the publishing goroutine.
	rng       *rand.Rand
	data      []byte
	published []uint64 // ticks, by token
}

func newSource(universe int) (*source, error) {
	pub, err := feed.ListenPublisher("tcp://127.0.0.1:0", feed.PublisherOptions{})
	if err != nil {
		return nil, fmt.Errorf("bind feed: %w", err)
	}
	s := &source{
		pub: pub, rng: rand.New(rand.NewPCG(1, 2)), data: make([]byte, 0, tickBytes),
		published: make([]uint64, universe),
	}
	for i := range universe {
		s.tokens = append(s.tokens, tokenName(i))
	}
	return s, nil
}

func tokenName(i int) []byte { return strconv.AppendInt([]byte("NSE:"), int64(10_000+i), 10) }

func (s *source) close() error { return s.pub.Close() }

// connected says whether a subscriber is there.
func (s *source) connected() bool { return s.pub.Stats().Subscriptions > 0 }

// dropped is how many ticks the subscriber did not take in time.
func (s *source) dropped() uint64 { return s.pub.Stats().Dropped }

// all publishes one tick of each token.
func (s *source) all() {
	for i := range s.tokens {
		s.tick(i)
	}
	s.pub.Flush()
}

// play publishes n ticks, tick i at i/rate seconds from now, and returns how late
// the latest was.
func (s *source) play(ctx context.Context, n, rate int) (time.Duration, error) {
	t := time.NewTicker(sourceStep)
	defer t.Stop()
	start, latest := time.Now(), time.Duration(0)
	for sent := 0; sent < n; {
		select {
		case <-ctx.Done():
			return latest, context.Cause(ctx)
		case <-t.C:
		}
		now := time.Since(start)
		due := min(n, int(now.Seconds()*float64(rate))+1)
		if sent < due {
			at := time.Duration(float64(sent) / float64(rate) * float64(time.Second))
			latest = max(latest, now-at)
		}
		for ; sent < due; sent++ {
			s.tick(s.rng.IntN(len(s.tokens)))
		}
		s.pub.Flush()
	}
	return latest, nil
}

// tick publishes one tick, with the fields of the original feed.
func (s *source) tick(token int) {
	s.published[token]++
	price := 10_000 + s.rng.Int64N(90_000) // hundredths
	b := append(s.data[:0], `{"token":"`...)
	b = append(b, s.tokens[token]...)
	b = appendPrice(append(b, `","ltp":`...), price)
	b = appendPrice(append(b, `,"bestbidprice":`...), price-5)
	b = appendPrice(append(b, `,"bestaskprice":`...), price+5)
	s.pub.Publish(s.tokens[token], append(b, '}'))
}

func appendPrice(dst []byte, hundredths int64) []byte {
	dst = strconv.AppendInt(dst, hundredths/100, 10)
	return append(dst, '.', byte('0'+hundredths/10%10), byte('0'+hundredths%10))
}
