// Package clock keeps a wall clock that is wrong for a moment from doing harm: what is old
// by it, such as messages and sessions, would be gone for good.
//
//	wall clock   ────────╱‾‾‾‾‾‾‾‾‾‾‾╲────────────      wrong for a while
//	Now          ─────────────────────────────────      goes on by the monotonic clock
//	Sure         ········─────            ········──    only what has stood for Trust
//
// A step of less than Step is followed at once: the clock is being set right. A greater
// one, either way, is believed when it has lasted for Trust: a machine was asleep, or
// its clock was wrong when the program started.
package clock

import (
	"log/slog"
	"sync"
	"time"
)

const (
	Step  = 30 * time.Second
	Trust = 10 * time.Minute
)

// A Clock may be used by any goroutine.
type Clock struct {
	// Fixed.
	log  *slog.Logger
	read func() (wall time.Time, mono time.Duration)

	mu     sync.Mutex // guards the rest
	wall   time.Time  // believed at mono
	mono   time.Duration
	astray bool          // the wall clock is elsewhere, and not believed
	since  time.Duration // mono when astray last changed, or a step was believed
}

// New is a clock that believes the wall clock as it is, and is sure of nothing yet.
func New(log *slog.Logger) *Clock {
	start := time.Now()
	return newClock(log, func() (time.Time, time.Duration) {
		now := time.Now()
		return now.Round(0), now.Sub(start) // by the monotonic clock
	})
}

func newClock(log *slog.Logger, read func() (time.Time, time.Duration)) *Clock {
	c := &Clock{log: log, read: read}
	c.wall, c.mono = read()
	c.since = c.mono
	return c
}

// Now is the time. It has no monotonic part.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now()
}

// Sure is Now while the wall clock has not stepped for Trust, else the zero time: nothing
// is old by it.
func (c *Clock) Sure() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if c.astray || c.mono-c.since < Trust {
		return time.Time{}
	}
	return now
}

// now is Now, with c.mu held.
func (c *Clock) now() time.Time {
	wall, mono := c.read()
	steady := c.wall.Add(mono - c.mono)
	off := wall.Sub(steady)
	c.wall, c.mono = steady, mono
	switch {
	case off.Abs() < Step:
		c.wall = wall
		if c.astray {
			c.astray, c.since = false, mono
			c.log.Info("the wall clock is back")
		}
	case !c.astray:
		c.astray, c.since = true, mono
		c.log.Warn("the wall clock stepped: not followed unless it stays so",
			"by", off.Round(time.Second), "for", Trust)
	case mono-c.since >= Trust:
		c.astray, c.since, c.wall = false, mono, wall
		c.log.Warn("the wall clock's step is believed", "by", off.Round(time.Second))
	}
	return c.wall
}
