package client

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"time"

	"azira/feed"
)

// BusOptions has the good default for each zero.
type BusOptions struct {
	Tokens []string // nil = all
	Buffer int      // ticks that wait for a slow consumer in order (4,096)
	Logger *slog.Logger
}

// BusStats are a Bus's counters since it was opened.
type BusStats struct {
	Connected bool
	Connects  uint64
	Ticks     uint64            // good ones read, whether asked for or not
	Bytes     uint64            // read from the socket
	Bad       map[string]uint64 // messages dropped, by reason
	Conflated uint64            // dropped for a slow consumer
}

// A Bus gives ticks straight from a ZeroMQ publisher, as the server itself gets
// them: no account, no sequence numbers, nothing said about what was lost on the
// way. It reconnects for ever until Close, which must be called.
//
// ZeroMQ subscribes to prefixes; a Bus gives only the tokens named.
type Bus struct {
	// Fixed after OpenBus.
	sub    *feed.Subscriber
	box    *mailbox
	tokens map[string]bool // nil = all
	cancel context.CancelFunc
	once   sync.Once
	wg     sync.WaitGroup

	// Owned by the subscriber's goroutine.
	names map[string]string
}

// OpenBus begins to read endpoint, like tcp://127.0.0.1:5556, and returns at
// once: a publisher that is not there is waited for. Stats tells.
func OpenBus(endpoint string, o BusOptions) (*Bus, error) {
	if _, _, err := feed.ParseEndpoint(endpoint); err != nil {
		return nil, ErrEndpoint
	}
	b := &Bus{box: newMailbox(o.Buffer), names: make(map[string]string)}
	var topics []string
	if o.Tokens != nil {
		tokens, err := checkTokens(o.Tokens)
		if err != nil {
			return nil, err
		}
		topics = tokens
		b.tokens = make(map[string]bool, len(tokens))
		for _, t := range tokens {
			b.tokens[t] = true
		}
	}
	so := feed.SubscriberOptions{Topics: topics, Logger: o.Logger}
	b.sub = feed.NewSubscriber(endpoint, busSink{b}, so)
	ctx, cancel := context.WithCancel(context.Background())
	b.cancel = cancel
	b.wg.Go(func() {
		defer b.box.end()
		// The endpoint was parsed above, so that only Close ends it.
		if err := b.sub.Run(ctx); err != nil {
			panic("client: bus: " + err.Error())
		}
	})
	b.wg.Go(func() { b.box.deliver(ctx.Done()) })
	return b, nil
}

// Ticks is the channel of ticks, closed by Close.
func (b *Bus) Ticks() <-chan Tick { return b.box.out }

// Stats gives the counters.
func (b *Bus) Stats() BusStats {
	st := b.sub.Status()
	return BusStats{Connected: st.Connected, Connects: st.Connects, Ticks: st.Ticks,
		Bytes: st.Bytes, Bad: st.Bad, Conflated: b.box.lost()}
}

// Close ends the Bus and its goroutines. It may be called more than once.
func (b *Bus) Close() error {
	b.once.Do(b.cancel)
	b.wg.Wait()
	return nil
}

// busSink is the Bus as the subscriber sees it.
type busSink struct{ b *Bus }

// Tick takes what the subscriber read; topic and data are its own.
func (k busSink) Tick(topic, data []byte, ts int64) {
	b := k.b
	if b.tokens != nil && !b.tokens[string(topic)] {
		return
	}
	name, ok := b.names[string(topic)]
	if !ok {
		name = string(topic)
		if len(b.names) < namesMax {
			b.names[name] = name
		}
	}
	b.box.put(Tick{Token: name, Data: bytes.Clone(data), Time: time.UnixMicro(ts)})
}

// Flush has nothing to do: ticks were handed over one by one.
func (k busSink) Flush() {}
