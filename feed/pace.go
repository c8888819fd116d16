package feed

import (
	"context"
	"log/slog"
	"time"
)

// A source makes ticks in the order of their time. It belongs to the playing goroutine.
type source interface {
	// next returns the next tick if it is due by now, the time since the start;
	// else a nil topic. Both slices are valid until the next call. due is
	// that tick's time in either case. io.EOF: there are no more.
	next(now time.Duration) (topic, data []byte, due time.Duration, err error)
	// add takes new tokens in and publishes a first tick of each.
	add(p *Publisher, tokens []string) error
}

// An addition asks the playing goroutine for new tokens.
type addition struct {
	tokens []string
	done   chan error // with room for the answer
}

// play publishes what a source makes, each tick when it is due, until ctx ends
// (nil) or the source does (its error).
//
// The pace is an open loop: due times follow from the start alone, so a pause
// is caught up and nothing drifts, except that a delay over behindMax moves the start.
func play(
	ctx context.Context, p *Publisher, src source, adds <-chan addition, l *slog.Logger,
) error {
	start := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	var moved, told time.Duration // how far the start was moved, and the part of it that was logged
	for {
		now := time.Since(start)
		due, err := burst(p, src, now)
		if err != nil {
			return err
		}
		if behind := now - due; behind > behindMax {
			start = start.Add(behind)
			if moved += behind; moved-told > tellBehind {
				told = moved
				l.Warn("feed cannot keep its rate", "behind", moved)
			}
		}
		if due > now {
			timer.Reset(max(due-time.Since(start), paceStep))
		} else {
			timer.Reset(0)
		}
		select {
		case <-ctx.Done():
			return nil
		case a := <-adds:
			err := src.add(p, a.tokens)
			p.Flush()
			a.done <- err
		case <-timer.C:
		}
	}
}

// burst publishes what is due by now, a bounded number of ticks, and returns
// when the tick that it stopped at is due.
func burst(p *Publisher, src source, now time.Duration) (due time.Duration, err error) {
	defer p.Flush()
	for range burstTicksMax {
		topic, data, at, err := src.next(now)
		if due = at; err != nil || topic == nil {
			return due, err
		}
		p.Publish(topic, data)
	}
	return due, nil
}
