package client

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
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

	Messages MessagesMode // whether messages to the account come (with a typed dialect)

	Beat        time.Duration // typed dialects: between heartbeats, 0.5 to 30 s (the server's)
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
	Bytes     uint64 // of all that came, without frame headers
	Conflated uint64 // received, but dropped for a slow consumer
	Connects  uint64 // connections made

	Bad          uint64 // what is not as the protocol says
	EventsLost   uint64 // events dropped because nobody took them
	MessagesLeft uint64 // messages left with the server for want of room: see Messages
}

// A Stream is a subscription to tokens that outlives its connections.
//
// When a connection is lost, a new one is made after a jittered pause that
// doubles up to BackoffMax, or at the instant that the server gave, and what was
// held is subscribed again with its options. In the typed dialects it goes on
// where it was, with every tick of the time between or a Gap; in the text dialect
// those are missed.
//
// Some closes are final, among them, in the text dialect, a refused token, and
// the account's stream limit (see [Reconnects]), and so is a bearer that is
// refused: then Ticks is closed and Err says why. Close must be called in any case.
//
// All methods may be called from any goroutine.
type Stream struct {
	// Fixed after OpenStream.
	o      StreamOptions
	url    string
	box    *mailbox
	book   *ledger
	events *events
	post   *postbox
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	stop   chan struct{} // closed by Close: nobody takes ticks any more
	once   sync.Once
	wg     sync.WaitGroup // run, the mailbox's delivery, and who heals

	// Shared.
	ticks, bytes, bad, connects atomic.Uint64
	rostered                    atomic.Bool // the roster is wanted

	feed    atomic.Pointer[Feed]
	welcome atomic.Pointer[Welcome]
	asking  chan struct{} // of one place: one call's requests at a time

	mu      sync.Mutex
	live    *session      // nil while there is no connection with all that is held
	changed chan struct{} // closed and replaced when live or err changes
	lost    time.Time     // since when there is none; zero while there is
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
		url:     o.url(),
		box:     newMailbox(o.Buffer),
		book:    newLedger(),
		events:  newEvents(),
		post:    newPostbox(),
		stop:    make(chan struct{}),
		asking:  make(chan struct{}, 1),
		changed: make(chan struct{}),
	}
	s.feed.Store(&Feed{Age: -1})
	s.welcome.Store(&Welcome{})
	s.ctx, s.cancel = context.WithCancel(context.Background())
	first, err := s.connect(ctx)
	if err != nil {
		s.cancel()
		s.wg.Wait()
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
	if _, err := newWire(o.Dialect, o.Messages); err != nil {
		return err
	}
	if !o.Messages.known() {
		return fmt.Errorf("%w: messages %q", ErrOption, string(o.Messages))
	}
	if o.Beat != 0 && (o.Beat < beatMin || o.Beat > beatMax) {
		return fmt.Errorf("%w: heartbeat every %v", ErrOption, o.Beat)
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

// url turns http into ws, https into wss.
func (o *StreamOptions) url() string {
	path, query := pathStream, url.Values{}
	if o.Username != "" {
		path = pathStreamOf + url.PathEscape(o.Username)
	}
	if o.Beat != 0 && o.Dialect.typed() {
		query.Set("hb_ms", strconv.FormatInt(o.Beat.Milliseconds(), 10))
	}
	if o.Messages != MessagesDefault {
		query.Set("messages", string(o.Messages))
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return "ws" + o.Server[len("http"):] + path
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

// Events is the channel of what else is told. It is closed when the Stream has
// ended. It need not be read: of more than 256 that wait the oldest are dropped.
func (s *Stream) Events() <-chan Event { return s.events.out }

// Messages is the channel of messages to the account. It is closed when the Stream has
// ended. It need not be read: 256 wait there at most, and what comes then is left with
// the server. Once those are taken and some of them acknowledged, by Ack, the connection
// is replaced by another, which brings what was left; Stats().MessagesLeft counts it. So
// who is slow has to acknowledge every 256 messages or more often.
//
// What is not acknowledged comes again on each new connection.
func (s *Stream) Messages() <-chan Message { return s.post.out }

// Tokens are those held: confirmed and not given up, sorted.
func (s *Stream) Tokens() []string { return s.book.tokens() }

// Accounts are the proofs of the tokens held, token by token, sorted.
func (s *Stream) Accounts() []Account {
	return s.book.accounts(func(*entry) bool { return true })
}

// Complete says whether all that the server published for the tokens held was
// received or accounted for, as of the connection's last heartbeat, which is At: of
// what came since it knows nothing. While there is no connection, and until the first
// heartbeat of the next, it is Unproven, unless ticks are known to be lost. What a
// slow consumer here has missed does not count against it: see Stats and Tick.
func (s *Stream) Complete() Proof { return s.book.complete() }

// Feed is the state of what feeds the server, as of the connection's last heartbeat.
// It is FeedUnknown before that, and while there is no connection.
func (s *Stream) Feed() Feed { return *s.feed.Load() }

// LostAt is since when there is no connection with all that is held; zero while
// there is one.
func (s *Stream) LostAt() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost
}

// Welcome is how the present connection, or the last, began.
func (s *Stream) Welcome() Welcome { return *s.welcome.Load() }

// Stats gives the counters.
func (s *Stream) Stats() StreamStats {
	return StreamStats{Ticks: s.ticks.Load(), Bytes: s.bytes.Load(),
		Conflated: s.box.lost(), Connects: s.connects.Load(),
		Bad: s.bad.Load(), EventsLost: s.events.dropped(), MessagesLeft: s.post.leftBehind()}
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
		switch {
		case live != nil:
			s.lost = time.Time{}
		case s.lost.IsZero():
			s.lost = time.Now()
		}
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
		s.live, s.lost = nil, time.Now()
	}
}

// cutOff is the end of a connection: what its heartbeats said holds no more, unless
// it was Close that ended it. Called by the connection's reader.
func (s *Stream) cutOff(now time.Time) {
	if s.Err() != nil {
		return
	}
	s.book.end()
	if before := s.feed.Swap(&Feed{Age: -1, At: now}); before.State != FeedUnknown {
		s.events.tell(*s.feed.Load())
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
	w, err := newWire(s.o.Dialect, s.o.Messages)
	if err != nil {
		c.close()
		return nil, err
	}
	s.connects.Add(1)
	s.post.begin()
	x := newSession(c, w, s)
	if !s.o.Dialect.typed() {
		s.book.begin(0)
		return x, nil
	}
	if err := x.await(ctx); err != nil {
		x.leave()
		return nil, err
	}
	return x, nil
}
