package engine

import (
	"context"
	"fmt"
	"time"

	"azira/proto"
)

// Drain ends all streams with 1012, each at its own instant within the window so
// that they do not come back all at once. It returns when none is left, or with
// ctx's error. New ones are ended at once.
func (e *Engine) Drain(ctx context.Context, window time.Duration) error {
	e.draining.Store(true)
	const slices = 100
	pause := max(window/slices, time.Millisecond)
	t := time.NewTicker(pause)
	defer t.Stop()
	for left := slices; e.Streams() > 0; left = max(left-1, 1) {
		for _, l := range e.loops {
			_ = l.do(func() { l.shutSome(left) }) // a loop that has ended has no streams
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("drain streams: %w", ctx.Err())
		case <-t.C:
		}
	}
	return nil
}

// shutSome ends one stream in every so many, counted through the table.
func (l *loop) shutSome(every int) {
	n := l.turns // begin elsewhere each time
	l.turns++
	for _, c := range l.conns {
		if c == nil || c.state != open {
			continue
		}
		if n++; n%uint64(every) == 0 {
			l.shut(c, proto.CloseRestart, "the server restarts")
		}
	}
}

// Stop ends all streams at once and all loops. It returns when they have ended.
func (e *Engine) Stop() error {
	if e.ended.Swap(true) {
		return errStopped
	}
	close(e.stopped)
	for _, l := range e.loops {
		if err := l.poller.stop(); err != nil {
			return fmt.Errorf("stop loop %d: %w", l.id, err)
		}
	}
	e.running.Wait()
	return nil
}

// Responsive returns an error if a loop does not come round within d.
func (e *Engine) Responsive(d time.Duration) error {
	if e.failed.Load() || e.ended.Load() {
		return errStopped
	}
	heard := make(chan int, len(e.loops))
	for _, l := range e.loops {
		if err := l.do(func() { heard <- l.id }); err != nil {
			return fmt.Errorf("ask loop %d: %w", l.id, err)
		}
	}
	late := time.After(d)
	for range e.loops {
		select {
		case <-heard:
		case <-late:
			return errSilent
		}
	}
	return nil
}
