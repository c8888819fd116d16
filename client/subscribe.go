package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// All given to Unsubscribe is every token held.
const All = "*"

// SubscribeOptions say what comes of a token. Zero is every tick in full, a
// snapshot first. All but zero needs a typed dialect.
type SubscribeOptions struct {
	Mode       Mode
	MaxRate    float64 // ticks per token and second, 0.1 to 1,000; 0 = all
	NoSnapshot bool    // begin with the next tick
}

// A Mode is how much of a tick is sent.
type Mode string

const (
	ModeFull Mode = "" // what the publisher said; in Binary ltp, bid and ask
	ModeLTP  Mode = "ltp"
)

func (o SubscribeOptions) check() error {
	switch {
	case o.Mode != ModeFull && o.Mode != ModeLTP:
		return fmt.Errorf("%w: mode %q", ErrOption, string(o.Mode))
	case o.MaxRate != 0 && !(o.MaxRate >= rateMin && o.MaxRate <= rateMax):
		return fmt.Errorf("%w: %v ticks a second", ErrOption, o.MaxRate)
	}
	return nil
}

// An Ack is what a request did, token by token.
type Ack struct {
	OK     []Held
	Failed []Failure
	Count  int // tokens held after it; 0 in the text dialect
	Limit  int // of tokens held; 0 in the text dialect
}

// Held is a token that the stream holds.
type Held struct {
	Token   string  `json:"token"`
	Ref     uint64  `json:"ref"`      // its short name in Binary
	Seq     uint64  `json:"seq"`      // where the stream is
	Mode    Mode    `json:"mode"`     // List
	MaxRate float64 `json:"max_rate"` // List; 0 = none
}

// A Failure is a token that a request did nothing for.
type Failure struct {
	Token  string `json:"token"`
	Code   int    `json:"code"` // the protocol's
	Detail string `json:"error"`
}

func (f Failure) String() string {
	return fmt.Sprintf("%s: %s (%d)", clean(f.Token), clean(f.Detail), f.Code)
}

// Err is nil if nothing failed, else a *RefusedError.
func (a Ack) Err() error {
	if len(a.Failed) == 0 {
		return nil
	}
	refused := &RefusedError{Op: string(subscribe), Failed: a.Failed}
	var words []string
	for _, f := range a.Failed {
		if f.Code == codeUnknownToken {
			refused.Tokens = append(refused.Tokens, f.Token)
		}
		words = append(words, f.String())
	}
	refused.Detail = clean(strings.Join(words, ", "))
	return refused
}

// Subscribe adds tokens and waits until the server has confirmed them, through
// reconnects if need be. A refusal is a *RefusedError; in the typed dialects the
// tokens that it does not name are held. When ctx ends first, the server may
// still confirm: Tokens tells.
func (s *Stream) Subscribe(ctx context.Context, tokens ...string) error {
	a, err := s.SubscribeWith(ctx, SubscribeOptions{}, tokens...)
	if err != nil {
		return err
	}
	return a.Err()
}

// SubscribeWith adds tokens with options, or changes those of tokens held. Tokens
// that fail are in the Ack and hold up no others; they are no error.
func (s *Stream) SubscribeWith(ctx context.Context, o SubscribeOptions, tokens ...string) (
	Ack, error) {
	if err := o.check(); err != nil {
		return Ack{}, fmt.Errorf("%s: %w", subscribe, err)
	}
	if o != (SubscribeOptions{}) && !s.o.Dialect.typed() {
		return Ack{}, fmt.Errorf("%s with options: %w", subscribe, ErrUntold)
	}
	return s.request(ctx, request{verb: subscribe, o: o}, tokens)
}

// Unsubscribe gives tokens up, or All, and waits for the confirmation. Ticks that
// came before it may still wait in the channel. Tokens not held are no error.
func (s *Stream) Unsubscribe(ctx context.Context, tokens ...string) error {
	r := request{verb: unsubscribe, all: slices.Equal(tokens, []string{All})}
	if r.all {
		if tokens = s.Tokens(); len(tokens) == 0 {
			return nil
		}
	}
	_, err := s.request(ctx, r, tokens)
	return err
}

// List asks the server what the stream holds.
func (s *Stream) List(ctx context.Context) ([]Held, error) {
	a, err := s.single(ctx, request{verb: list})
	return a.ack.OK, err
}

// A Pong is an answer to Ping.
type Pong struct {
	RoundTrip time.Duration
	Server    time.Time // the server's clock
}

// Ping measures the way to the server's protocol and back.
func (s *Stream) Ping(ctx context.Context) (Pong, error) {
	a, err := s.single(ctx, request{verb: ping})
	if err != nil {
		return Pong{}, err
	}
	return Pong{RoundTrip: a.took, Server: time.UnixMicro(a.last.TS)}, nil
}

// Renew gives the stream's connection another bearer in place of the one that it
// was opened with, and returns when it ends. Only a server that closes streams
// whose bearer has ended needs it.
func (s *Stream) Renew(ctx context.Context, bearer string) (expires time.Time, err error) {
	if !isBearer(bearer) {
		return time.Time{}, fmt.Errorf("%s: %w: no bearer", renew, ErrUnauthorized)
	}
	a, err := s.single(ctx, request{verb: renew, bearer: bearer})
	if err != nil {
		return time.Time{}, err
	}
	return a.last.expires(time.Now()), nil
}

// Ack acknowledges the messages up to an ID, for all streams of the account. The server
// has then heard it; it is on its disk a moment later.
func (s *Stream) Ack(ctx context.Context, id uint64) error {
	if _, err := s.single(ctx, request{verb: acknowledge, message: id}); err != nil {
		return err
	}
	s.post.ack(id)
	return nil
}

// single puts a request that has no tokens.
func (s *Stream) single(ctx context.Context, r request) (answer, error) {
	if !s.o.Dialect.typed() && r.verb != acknowledge {
		return answer{}, fmt.Errorf("%s: %w", r.verb, ErrUntold)
	}
	if err := s.turn(ctx, r.verb); err != nil {
		return answer{}, err
	}
	defer s.next()
	return s.ask(ctx, r)
}

func (s *Stream) request(ctx context.Context, r request, tokens []string) (Ack, error) {
	tokens, err := checkTokens(tokens)
	if err != nil {
		return Ack{}, fmt.Errorf("%s: %w", r.verb, err)
	}
	if err := s.turn(ctx, r.verb); err != nil {
		return Ack{}, err
	}
	defer s.next()
	if r.all && s.o.Dialect.typed() {
		r.tokens = tokens
		a, err := s.ask(ctx, r)
		return a.ack, err
	}
	var whole Ack
	for part := range split(tokens, s.most(r.verb)) {
		r.tokens = part
		a, err := s.ask(ctx, r)
		whole.add(a.ack)
		if err != nil {
			return whole, err
		}
	}
	return whole, nil
}

// add puts a later piece behind.
func (a *Ack) add(o Ack) {
	a.OK, a.Failed = append(a.OK, o.OK...), append(a.Failed, o.Failed...)
	a.Count, a.Limit = o.Count, o.Limit
}

// turn waits until no other call's requests are under way; next ends our turn.
func (s *Stream) turn(ctx context.Context, v verb) error {
	select {
	case s.asking <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", v, ctx.Err())
	}
}

func (s *Stream) next() { <-s.asking }

// ask puts one request to one connection after the other until it is answered.
func (s *Stream) ask(ctx context.Context, r request) (answer, error) {
	for {
		x, err := s.session(ctx)
		if err != nil {
			return answer{}, fmt.Errorf("%s: %w", r.verb, err)
		}
		a, err := x.insist(ctx, r)
		var closed *CloseError
		if !errors.As(err, &closed) {
			return a, err
		}
		// The connection ended: run decides whether there is another.
		s.drop(x)
	}
}

// insist asks again as long as the server says that it is asked too much.
func (x *session) insist(ctx context.Context, r request) (answer, error) {
	for {
		a, err := x.ask(ctx, r)
		var refused *RefusedError
		if !errors.As(err, &refused) || refused.Code != codeTooMany {
			return a, err
		}
		pause := max(refused.Retry, againMin)
		if !sleep(ctx, pause+rand.N(pause/4)) {
			return a, fmt.Errorf("%s: %w", r.verb, ctx.Err())
		}
	}
}

// most is how many bytes of tokens go into one request.
func (s *Stream) most(v verb) int {
	most, limit := requestBytesMax, s.Welcome().Limits.FrameBytes
	if v == subscribe {
		most, limit = subscribeBytesMax, s.Welcome().Limits.SubscribeBytes
	}
	if limit > 2*requestBytesRest {
		most = min(most, limit)
	}
	return most - requestBytesRest
}
