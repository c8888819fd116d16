package engine

import "time"

// A pace spreads the turns of a busy loop. A write costs the kernel about the same
// whether it carries one frame or ten, so a loop that is busy for more than half
// of its time begins a turn no sooner than a batch window after the last: each
// write then carries more, and the loop has time again. One that is not busy takes
// its turns at once.
//
//	not busy   tick ▶ turn         tick ▶ turn   tick ▶ turn
//	busy       turn ├── window ──┤ turn ├── window ──┤ turn
//
// Only turns count as busy, by the clock: requests and catching up wait for sockets,
// and a processor that somebody else has is as good as busy.
//
// It belongs to the loop.
type pace struct {
	began   time.Time // of the last turn
	since   time.Time // of the span in which time is counted
	spent   time.Duration
	gathers bool
	behind  bool // the last turn left something in the rings
}

// wait is for how long the next turn is to be put off, given the window; not at
// all if that is no more than 0.
func (p *pace) wait(now func() time.Time, window time.Duration) time.Duration {
	if !p.gathers || p.behind {
		return 0
	}
	return window - now().Sub(p.began)
}

// begin notes that a turn begins.
func (p *pace) begin(now time.Time) {
	p.began = now
	if span := now.Sub(p.since); span >= paceSpan {
		least := span / 2
		if p.gathers {
			least = span / 5 // gathering itself makes it less busy, by over half
		}
		p.gathers = p.spent > least
		p.since, p.spent = now, 0
	}
}

// end notes that it has ended, and returns how long it was.
func (p *pace) end(now time.Time, behind bool) time.Duration {
	d := now.Sub(p.began)
	p.spent += d
	p.behind = behind
	return d
}
