package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// run is the Stream's goroutine: it sees connections end and makes new ones.
func (s *Stream) run(x *session) {
	defer s.box.end()
	defer s.events.end()
	defer s.post.end()
	back := backoff{min: s.o.BackoffMin, max: s.o.BackoffMax}
	for x != nil {
		select {
		case <-x.done:
		case <-s.ctx.Done():
			x.leave()
			return
		}
		s.drop(x)
		if time.Since(x.born) >= stableAfter {
			back.reset()
		}
		x = s.another(x.err, x.again, &back)
	}
}

// another makes a connection in place of the one that ended with err, however
// long it takes, but not before the server wants it. It returns nil when the
// Stream has ended.
func (s *Stream) another(err error, again time.Time, back *backoff) *session {
	for {
		if s.o.NoReconnect || !retryable(err) {
			s.settle(nil, err)
			return nil
		}
		pause := back.next(err)
		if !again.IsZero() {
			pause, again = max(0, time.Until(again)), time.Time{}
		}
		s.o.Logger.Info("stream lost", "err", err, "retry", pause)
		s.o.Notify(Change{Err: err, Retry: pause})
		if !sleep(s.ctx, pause) {
			return nil
		}
		var x *session
		if x, err = s.reopen(); err == nil {
			s.settle(x, nil)
			s.o.Logger.Info("stream is back")
			s.o.Notify(Change{Connected: true})
			return x
		}
	}
}

// reopen makes a connection and subscribes what was held, from where it was.
func (s *Stream) reopen() (*session, error) {
	x, err := s.connect(s.ctx)
	if err != nil {
		return nil, err
	}
	if err := x.resume(s.ctx, s.Accounts()); err != nil {
		x.leave()
		return nil, err
	}
	if err := x.rosterAgain(s.ctx); err != nil {
		x.leave()
		return nil, err
	}
	return x, nil
}

// A backoff is the pause before the next attempt: as long as the server asked for,
// or random up to a bound that doubles, so that clients of a server that went do not
// come back in step.
type backoff struct {
	min, max time.Duration
	bound    time.Duration
}

func (b *backoff) reset() { b.bound = 0 }

func (b *backoff) next(err error) time.Duration {
	var answer *Error
	if errors.As(err, &answer) && answer.RetryAfter > 0 {
		pause := min(answer.RetryAfter, retryAfterMax)
		return pause + rand.N(pause/4)
	}
	b.bound = min(max(2*b.bound, b.min), b.max)
	return b.bound/8 + rand.N(b.bound)*7/8
}

// sleep reports false when ctx ended before d had passed.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
