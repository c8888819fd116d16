package client

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// StreamOptions say how a Stream is opened. Server and Bearer are required.
type StreamOptions struct {
	Server   string     // http://127.0.0.1:8000
	Bearer   BearerFunc // asked before every connect
	Username string     // take the original's path, /api/trigger/ws/{username}
	Dialect  Dialect    // Text

	Buffer      int           // ticks that wait for a slow consumer in order (4,096)
	NoReconnect bool          // end the Stream with its first connection
	BackoffMin  time.Duration // first pause before a reconnect, at most (250 ms)
	BackoffMax  time.Duration // longest pause (15 s)
	Idle        time.Duration // silence after which a connection is lost (75 s)

	Notify func(Change) // told of lost and regained connections; must not block
	Logger *slog.Logger // nil: says nothing
}

// A BearerFunc gives the bearer to connect with. [Keeper.Bearer] is one.
type BearerFunc func(ctx context.Context) (string, error)

// Fixed always gives the same bearer; when that ends, so does reconnecting.
func Fixed(bearer string) BearerFunc {
	return func(context.Context) (string, error) { return bearer, nil }
}

// A Change is the loss of a Stream's connection or its return, subscriptions included.
type Change struct {
	Connected bool
	Err       error         // what was lost, or why an attempt failed
	Retry     time.Duration // pause before the next attempt
}

// StreamStats are a Stream's counters since it was opened.
type StreamStats struct {
	Ticks     uint64 // received
	Bytes     uint64 // of messages, without frame headers
	Conflated uint64 // received, but dropped for a slow consumer
	Connects  uint64 // connections made
}

// A Stream is a subscription to tokens that outlives its connections.
//
// When a connection is lost, a new one is made after a jittered pause that
// doubles up to BackoffMax, and what was held is subscribed again; ticks of the
// time between are missed. Some closes are final, among them a refused token and
// the account's stream limit (see [Reconnects]), and so is a bearer that is
// refused: then Ticks is closed and Err says why. Close must be called in any case.
//
// All methods may be called from any goroutine.
type Stream struct {
	// Fixed after OpenStream.
	o      StreamOptions
	url    string
	box    *mailbox
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	stop   chan struct{} // closed by Close: nobody takes ticks any more
	once   sync.Once
	wg     sync.WaitGroup // run and the mailbox's delivery

	// Shared.
	ticks, bytes, connects atomic.Uint64
	asking                 chan struct{} // of one place: one call's requests at a time

	mu      sync.Mutex
	held    map[string]struct{}
	live    *session      // nil while there is no connection with all of held
	changed chan struct{} // closed and replaced when live or err changes
	err     error         // why the Stream has ended
}

// OpenStream makes the first connection. ctx bounds that and nothing else. A
// failure is not retried: a refused upgrade is an *Error.
func OpenStream(ctx context.Context, o StreamOptions) (*Stream, error) {
	if err := o.fill(); err != nil {
		return nil, err
	}
	s := &Stream{
		o:       o,
		url:     streamURL(o.Server, o.Username),
		box:     newMailbox(o.Buffer),
		stop:    make(chan struct{}),
		asking:  make(chan struct{}, 1),
		held:    make(map[string]struct{}),
		changed: make(chan struct{}),
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	first, err := s.connect(ctx)
	if err != nil {
		s.cancel()
		return nil, err
	}
	s.settle(first, nil)
	s.wg.Go(func() { s.run(first) })
	s.wg.Go(func() { s.box.deliver(s.stop) })
	return s, nil
}

func (o *StreamOptions) fill() error {
	server, err := parseServer(o.Server)
	if err != nil {
		return err
	}
	o.Server = server
	if o.Bearer == nil {
		return fmt.Errorf("open stream: %w: no bearer given", ErrUnauthorized)
	}
	if _, err := newWire(o.Dialect); err != nil {
		return err
	}
	if o.BackoffMin <= 0 {
		o.BackoffMin = backoffMin
	}
	if o.BackoffMax <= 0 {
		o.BackoffMax = backoffMax
	}
	o.BackoffMax = max(o.BackoffMax, o.BackoffMin)
	if o.Idle <= 0 {
		o.Idle = idleTimeout
	}
	if o.Notify == nil {
		o.Notify = func(Change) {}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}

// streamURL turns http into ws, https into wss.
func streamURL(server, username string) string {
	if username == "" {
		return "ws" + server[len("http"):] + pathStream
	}
	return "ws" + server[len("http"):] + pathStreamOf + url.PathEscape(username)
}

// Ticks is the channel of ticks. It is closed when the Stream has ended and what
// waited was taken, or at once by Close.
func (s *Stream) Ticks() <-chan Tick { return s.box.out }

// Err says why the Stream has ended; nil while it lives, ErrClosed after Close.
func (s *Stream) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Tokens are those held: confirmed and not given up, sorted.
func (s *Stream) Tokens() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.held))
}

// Stats gives the counters.
func (s *Stream) Stats() StreamStats {
	return StreamStats{Ticks: s.ticks.Load(), Bytes: s.bytes.Load(),
		Conflated: s.box.lost(), Connects: s.connects.Load()}
}

// Subscribe adds tokens and waits until the server has confirmed them, through
// reconnects if need be. A refusal is a *RefusedError. When ctx ends first, the
// server may still confirm: Tokens tells.
func (s *Stream) Subscribe(ctx context.Context, tokens ...string) error {
	return s.request(ctx, subscribe, tokens)
}

// Unsubscribe gives tokens up and waits for the confirmation. Ticks that came
// before it may still wait in the channel.
func (s *Stream) Unsubscribe(ctx context.Context, tokens ...string) error {
	return s.request(ctx, unsubscribe, tokens)
}

// Close ends the Stream and its goroutines. It may be called more than once, but
// not from Notify.
func (s *Stream) Close() error {
	s.once.Do(func() {
		s.settle(nil, ErrClosed)
		s.cancel()
		close(s.stop)
	})
	s.wg.Wait()
	return nil
}

func (s *Stream) request(ctx context.Context, v verb, tokens []string) error {
	tokens, err := checkTokens(tokens)
	if err != nil {
		return fmt.Errorf("%s: %w", v, err)
	}
	select {
	case s.asking <- struct{}{}:
		defer func() { <-s.asking }()
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", v, ctx.Err())
	}
	for part := range split(v, tokens) {
		if err := s.ask(ctx, v, part); err != nil {
			return err
		}
	}
	return nil
}

// ask puts one request to one connection after the other until it is answered.
func (s *Stream) ask(ctx context.Context, v verb, tokens []string) error {
	for {
		x, err := s.session(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", v, err)
		}
		err = x.ask(ctx, v, tokens)
		var closed *CloseError
		if !errors.As(err, &closed) {
			return err
		}
		// The connection ended: run decides whether there is another.
		s.drop(x)
	}
}

// session waits for a connection that holds all it should.
func (s *Stream) session(ctx context.Context) (*session, error) {
	for {
		s.mu.Lock()
		live, err, changed := s.live, s.err, s.changed
		s.mu.Unlock()
		switch {
		case err != nil:
			return nil, err
		case live != nil:
			return live, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// settle says what connection there is, or that there will be none. The first
// end stays.
func (s *Stream) settle(live *session, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.live, s.err = live, err
		close(s.changed)
		s.changed = make(chan struct{})
	}
}

// drop takes x out of use; no harm if another has its place already.
func (s *Stream) drop(x *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live == x {
		s.live = nil
	}
}

func (s *Stream) hold(v verb, tokens []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range tokens {
		if v == subscribe {
			s.held[t] = struct{}{}
		} else {
			delete(s.held, t)
		}
	}
}

// connect makes one connection, without subscriptions.
func (s *Stream) connect(ctx context.Context) (*session, error) {
	bearer, err := s.o.Bearer(ctx)
	if err != nil {
		return nil, fmt.Errorf("get bearer: %w", err)
	}
	header := http.Header{"Authorization": {"Bearer " + bearer}, "User-Agent": {userAgent}}
	c, err := dialConn(ctx, s.url, header, s.o.Dialect, s.o.Idle)
	if err != nil {
		return nil, err
	}
	w, err := newWire(s.o.Dialect)
	if err != nil {
		c.close()
		return nil, err
	}
	s.connects.Add(1)
	return newSession(c, w, s), nil
}
