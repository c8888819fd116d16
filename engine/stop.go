package engine

import (
	"context"
	"fmt"
	"math/bits"
	"time"

	"azira/proto"
)

// drainSlots is in how many steps streams are ended.
const drainSlots = 100

// Drain ends all streams with 1012, each at its own instant within the window so
// that they do not come back all at once; typed ones are told theirs before. It
// returns when none is left, or with ctx's error. New ones are ended at once. away is for
// how long nobody will be there once the window is over; 0 says that another server takes
// the streams at once.
func (e *Engine) Drain(ctx context.Context, window, away time.Duration) error {
	e.draining.Store(true)
	pause := max(window/drainSlots, time.Millisecond)
	began := time.Now()
	for _, l := range e.loops {
		d := drain{began, pause, away}
		_ = l.do(func() { l.tellDrain(d) }) // a loop that has ended has no streams
	}
	t := time.NewTicker(pause)
	defer t.Stop()
	for slot := 0; e.Streams() > 0; slot = min(slot+1, drainSlots) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("drain streams: %w", ctx.Err())
		case <-t.C:
		}
		for _, l := range e.loops {
			_ = l.do(func() { l.shutSlot(slot) })
		}
	}
	return nil
}

// drainSlot is the step of a drain with which a stream ends.
func (c *conn) drainSlot() int {
	slot, _ := bits.Mul64(uint64(c.serial)*golden, drainSlots)
	return int(slot)
}

// A drain is a loop's: when it began, and what is between its steps.
type drain struct {
	began time.Time
	pause time.Duration // 0 = there is none
	away  time.Duration // from the end of the window until somebody is there again
}

// tellDrain tells typed streams when they will end, and when to come back. Who takes
// no bytes now is told when it does.
func (l *loop) tellDrain(d drain) {
	l.drained = d
	for _, c := range l.conns {
		if c != nil && c.state == open && c.kind.typed() && c.parked == nil {
			l.sendDrain(c)
		}
	}
}

func (l *loop) sendDrain(c *conn) {
	at := l.drained.began.Add(time.Duration(c.drainSlot()+1) * l.drained.pause)
	deadline := max(0, time.Until(at))
	back := deadline
	if d := l.drained; d.away > 0 { // over as long again as nobody is there
		spread := d.away * time.Duration(c.drainSlot()) / drainSlots
		back = time.Until(d.began.Add(drainSlots*d.pause + d.away + spread))
	}
	l.scratch.one = proto.AppendDrain(l.scratch.one[:0],
		back.Milliseconds(), deadline.Milliseconds())
	l.answer(c, proto.OpText, l.scratch.one)
}

// shutSlot ends the streams whose step it is, or was.
func (l *loop) shutSlot(slot int) {
	for _, c := range l.conns {
		if c != nil && c.state == open && c.drainSlot() <= slot {
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
