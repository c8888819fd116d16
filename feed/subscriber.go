package feed

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"time"

	"azira/proto"
)

// A Sink takes what a Subscriber reads, on the subscriber's goroutine. It must not
// block: a libzmq publisher drops uncounted what is not read in time.
type Sink interface {
	// Tick hands over a checked tick; both slices are valid only during the
	// call. ts is when it came in, Unix µs, never less than before.
	Tick(topic, data []byte, ts int64)
	// Flush ends a burst: every tick that was read so far was handed over.
	Flush()
}

// SubscriberOptions has the good default for each zero.
type SubscriberOptions struct {
	Topics           []string      // prefixes to subscribe to; nil = all
	HandshakeTimeout time.Duration // for a peer to greet: 5 s
	Logger           *slog.Logger
}

// A Subscriber reads ticks from one endpoint, for ever.
//
// It connects, subscribes and reads; when that ends it begins again, first
// after 50 ms, then less and less often down to every 2 s. Bad messages are
// counted by reason and dropped, a peer that does not speak ZMTP is left.
// Between the socket and the sink nothing is queued, copied or allocated.
type Subscriber struct {
	// Fixed after NewSubscriber.
	endpoint string
	sink     Sink
	log      *slog.Logger
	hello    []byte // the subscriptions, as frames
	greet    time.Duration

	// Owned by Run.
	conn     net.Conn
	rd       *frameReader
	clock    clock
	ts       int64 // of the burst being read
	part     part
	topic    [proto.TokenBytesMax + 1]byte // of a two-frame message
	topicLen int
	count    uint64 // ticks handed over
	flushed  uint64 // count at the last Flush
	pong     []byte

	// Shared with Status.
	connected atomic.Bool
	lastTick  atomic.Int64
	quiet     mark
	ticks     atomic.Uint64
	bytes     atomic.Uint64
	connects  atomic.Uint64
	bad       badCounts
}

// A part is where in a message the reader stands.
type part uint8

const (
	partFirst  part = iota // before its first frame
	partSecond             // the topic was read, its JSON comes
	partRest               // dropped already, its other frames pass by
)

// NewSubscriber makes a subscriber for one endpoint; Run starts it.
func NewSubscriber(endpoint string, sink Sink, o SubscriberOptions) *Subscriber {
	s := &Subscriber{endpoint: endpoint, sink: sink, log: o.Logger, greet: o.HandshakeTimeout}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.greet == 0 {
		s.greet = handshakeTimeout
	}
	s.log = s.log.With("endpoint", endpoint)
	if o.Topics == nil {
		o.Topics = []string{""}
	}
	for _, topic := range o.Topics {
		s.hello = appendFrame(s.hello, 0, append([]byte{1}, topic...))
	}
	s.rd = newFrameReader(nil, readBytes, tickBytesMax)
	return s
}

// Run reads until ctx ends and returns nil then. Only an endpoint that is none
// is an error. It may be called once.
func (s *Subscriber) Run(ctx context.Context) error {
	network, addr, err := ParseEndpoint(s.endpoint)
	if err != nil {
		return err
	}
	pause, told := retryMin, ""
	for {
		before := s.count
		err := s.session(ctx, network, addr)
		if ctx.Err() != nil {
			return nil
		}
		if s.count > before {
			pause, told = retryMin, "" // ticks came: the first retry is fast again
		}
		if why := err.Error(); why != told { // not the same line every two seconds
			told = why
			s.log.Warn("feed not connected, trying on", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause/2 + rand.N(pause)):
		}
		pause = min(2*pause, retryMax)
	}
}

// Status may be called from any goroutine. Counters move once per burst.
func (s *Subscriber) Status() Status {
	st := s.Liveness()
	st.Bad = s.bad.load()
	return st
}

// Liveness is Status without the bad messages; it allocates nothing.
func (s *Subscriber) Liveness() Status {
	return Status{
		Endpoint:  s.endpoint,
		Connected: s.connected.Load(),
		LastTick:  s.lastTick.Load(),
		Quiet:     s.quiet.age(),
		Ticks:     s.ticks.Load(),
		Bytes:     s.bytes.Load(),
		Connects:  s.connects.Load(),
	}
}

// session is one connection from dial to loss.
func (s *Subscriber) session(ctx context.Context, network, addr string) error {
	d := net.Dialer{
		Timeout: dialTimeout,
		Control: widenReceive,
		KeepAliveConfig: net.KeepAliveConfig{
			Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3,
		},
	}
	conn, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return fmt.Errorf("connect: %w", causeOf(err))
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if err := handshake(conn, roleSub, s.greet); err != nil {
		return err
	}
	if _, err := conn.Write(s.hello); err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	s.connects.Add(1)
	s.connected.Store(true)
	defer s.connected.Store(false)
	s.log.Info("feed connected", "local", conn.LocalAddr().String())
	return s.read(conn)
}

// read hands the ticks of conn over until it fails.
func (s *Subscriber) read(conn net.Conn) error {
	s.conn, s.part = conn, partFirst
	*s.rd = frameReader{src: conn, bodyMax: s.rd.bodyMax, buf: s.rd.buf, read: s.rd.read}
	s.clock.sync()
	defer s.flush()
	for {
		f, err := s.rd.next()
		switch err {
		case nil:
			if err := s.take(&f); err != nil {
				return err
			}
		case errFrameShort:
			s.flush()
			if err := s.rd.fill(); err != nil {
				return fmt.Errorf("read: %w", err)
			}
			s.ts = s.clock.now()
		case errFrameBig:
			if f.command() {
				return fmt.Errorf("read command: %w", err)
			}
			s.drop(&f, proto.ErrTooLarge)
		default:
			return fmt.Errorf("read: %w", err)
		}
	}
}

// take handles one frame: as a rule a whole tick.
func (s *Subscriber) take(f *frame) error {
	switch {
	case f.flags&(flagMore|flagCommand) == 0 && s.part == partFirst:
		topic, data, err := proto.SplitTick(f.body)
		if err != nil {
			s.bad.add(err)
			return nil
		}
		s.tick(topic, data)
	case f.command():
		return s.command(f.body)
	case s.part == partFirst:
		s.topicLen = copy(s.topic[:], f.body) // one byte too many is kept, so that it is noticed
		s.part = partSecond
	case s.part == partSecond && !f.more():
		s.part = partFirst
		s.tick(s.topic[:s.topicLen], f.body)
	default:
		s.drop(f, ErrFrames)
	}
	return nil
}

func (s *Subscriber) tick(topic, data []byte) {
	if err := proto.CheckTick(topic, data); err != nil {
		s.bad.add(err)
		return
	}
	s.count++
	s.sink.Tick(topic, data, s.ts)
}

// drop gives up the message of frame f, and counts it once whatever its frames.
func (s *Subscriber) drop(f *frame, reason error) {
	if s.part != partRest {
		s.bad.add(reason)
	}
	s.part = partFirst
	if f.more() {
		s.part = partRest
	}
}

// flush ends a burst: the sink is told, if it got anything, and the counters show it.
func (s *Subscriber) flush() {
	s.bytes.Store(s.rd.read)
	if s.count == s.flushed {
		return
	}
	s.flushed = s.count
	s.sink.Flush()
	s.lastTick.Store(s.ts)
	s.quiet.set()
	s.ticks.Store(s.count)
}

func (s *Subscriber) command(body []byte) error {
	s.pong = appendPong(s.pong[:0], body)
	if len(s.pong) == 0 {
		return nil
	}
	if err := s.conn.SetWriteDeadline(time.Now().Add(pongTimeout)); err != nil {
		return fmt.Errorf("set deadline: %w", err)
	}
	if _, err := s.conn.Write(s.pong); err != nil {
		return fmt.Errorf("write pong: %w", err)
	}
	return nil
}
