package feed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"

	"azira/proto"
)

// Where `azira feed` binds and how fast it ticks unless told otherwise.
const (
	DefaultPub     = "tcp://127.0.0.1:5556"
	DefaultControl = "tcp://127.0.0.1:5558"
	DefaultRate    = 100 // ticks per second, over all tokens
)

// A FeedConfig says what `azira feed` publishes and where. Zero is the default
// of each.
type FeedConfig struct {
	Pub     string // endpoint to bind, port 0 for any
	Control string

	Tokens []string // simulated ones: DefaultTokens
	Rate   int      // ticks per second, over all tokens: DefaultRate
	Seed   uint64   // the same seed makes the same prices

	Replay string  // a recording to play instead of simulating
	Speed  float64 // of the replay: 1
	Loop   bool    // the replay begins again at its end

	Logger *slog.Logger
	Ready  func(pub, control string) // called once bound, with the endpoints to connect to
}

// RunFeed publishes until ctx ends, a control request terminates it (nil, both)
// or a replay has played to its end (nil, or why it ended early). What was
// published leaves before it returns.
func RunFeed(ctx context.Context, c FeedConfig) (err error) {
	c.fill()
	src, closeSource, err := c.source()
	if err != nil {
		return err
	}
	defer closeSource()
	pub, err := ListenPublisher(c.Pub, PublisherOptions{Logger: c.Logger})
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, pub.Close())
		st := pub.Stats()
		c.Logger.Info("feed stopped", "ticks", st.Ticks, "sent", st.Sent, "dropped", st.Dropped)
	}()
	ctx, cancel := context.WithCancel(ctx)
	h := &feedHandler{adds: make(chan addition), ended: ctx.Done(), cancel: cancel, log: c.Logger}
	control, err := ListenControl(c.Control, h, ControlOptions{Logger: c.Logger})
	if err != nil {
		cancel()
		return err
	}
	defer func() { err = errors.Join(err, control.Close()) }()
	defer cancel() // before control closes, so that no request waits for play
	c.warn()
	if c.Ready != nil {
		c.Ready(pub.Endpoint(), control.Endpoint())
	}
	if err := play(ctx, pub, src, h.adds, c.Logger); err != io.EOF {
		return err
	}
	return nil
}

func (c *FeedConfig) fill() {
	if c.Pub == "" {
		c.Pub = DefaultPub
	}
	if c.Control == "" {
		c.Control = DefaultControl
	}
	if c.Tokens == nil {
		c.Tokens = DefaultTokens
	}
	if c.Rate == 0 {
		c.Rate = DefaultRate
	}
	if c.Speed == 0 {
		c.Speed = 1
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
}

func (c *FeedConfig) source() (source, func() error, error) {
	if c.Replay != "" {
		r, err := openReplay(c.Replay, c.Speed, c.Loop, c.Logger)
		if err != nil {
			return nil, nil, err
		}
		return r, r.close, nil
	}
	s, err := newSimulator(c.Tokens, c.Rate, c.Seed)
	return s, func() error { return nil }, err
}

// warn tells who binds beyond this machine what that means.
func (c *FeedConfig) warn() {
	for _, endpoint := range []string{c.Pub, c.Control} {
		if !IsLoopback(endpoint) {
			c.Logger.Warn("bound beyond loopback: nobody is authenticated here, and anyone who"+
				" reaches this port can use it", "endpoint", endpoint)
		}
	}
}

// ParseTokens reads what --tokens says: names with commas between, or how many
// tokens NSE:1, NSE:2 … to make.
func ParseTokens(s string) ([]string, error) {
	var tokens []string
	if n, err := strconv.Atoi(s); err == nil {
		if n < 1 || n > tokensMax {
			return nil, fmt.Errorf("%w: %d tokens, expected 1 to %d", ErrConfig, n, tokensMax)
		}
		for i := range n {
			tokens = append(tokens, "NSE:"+strconv.Itoa(i+1))
		}
		return tokens, nil
	}
	for name := range strings.SplitSeq(s, ",") {
		if name = strings.Trim(name, " "); name == "" {
			return nil, badToken(s, proto.ErrTokenEmpty)
		}
		tokens = append(tokens, name)
	}
	return tokens, nil
}

// badToken says what is wrong with the name of a token, or with a list of them.
func badToken(name string, err error) error {
	return fmt.Errorf("%w: %.80q: %s", ErrConfig, name, strings.TrimPrefix(err.Error(), "proto: "))
}

// A feedHandler takes control requests to the playing goroutine.
type feedHandler struct {
	adds   chan addition
	ended  <-chan struct{}
	cancel context.CancelFunc
	log    *slog.Logger
}

func (h *feedHandler) AddTokens(tokens []string) error {
	a := addition{tokens, make(chan error, 1)}
	select {
	case h.adds <- a:
		err := <-a.done // at once: play does nothing else meanwhile
		if err == nil {
			h.log.Info("tokens added", "count", len(tokens))
		}
		return err
	case <-h.ended:
		return errStopping
	}
}

func (h *feedHandler) Terminate() {
	h.log.Info("terminated by a control request")
	h.cancel()
}
