package feed

import "time"

// A clock gives Unix µs that never go backwards: wall time as it was at the last
// sync, carried on by the monotonic clock.
type clock struct {
	wall int64
	mono time.Time
	last int64
}

// sync takes up a wall clock that was set meanwhile, forwards at once, backwards by standing still.
func (c *clock) sync() {
	c.mono = time.Now()
	c.wall = c.mono.UnixMicro()
}

func (c *clock) now() int64 {
	c.last = max(c.last, c.wall+time.Since(c.mono).Microseconds())
	return c.last
}
