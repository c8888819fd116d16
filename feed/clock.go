package feed

import (
	"math"
	"sync/atomic"
	"time"
)

// clockSync is how often the wall clock is looked at: one that was set is followed so
// much later.
const clockSync = time.Second

// A clock gives Unix µs that never go backwards: wall time as it was at the last
// sync, carried on by the monotonic clock.
type clock struct {
	start time.Time     // of the monotonic clock; zero until the first sync
	at    time.Duration // of the last sync
	wall  int64         // then
	last  int64

	jump atomic.Int64 // what a test sets the wall clock off by
}

// sync takes up a wall clock that was set meanwhile, forwards at once, backwards by standing still.
func (c *clock) sync() {
	now := time.Now()
	if c.start.IsZero() {
		c.start = now
	}
	c.at = now.Sub(c.start)
	c.wall = now.UnixMicro() + c.jump.Load()
}

func (c *clock) now() int64 {
	mono := time.Since(c.start)
	if mono-c.at >= clockSync {
		c.sync()
		mono = c.at
	}
	c.last = max(c.last, c.wall+(mono-c.at).Microseconds())
	return c.last
}

// A mark is when something last happened, by the monotonic clock: whoever sets the wall
// clock does not make it older or younger. Any goroutine may use it.
type mark struct {
	at atomic.Int64 // since epoch; 0 = never
}

var epoch = time.Now().Add(-1)

func (m *mark) set() { m.at.Store(int64(time.Since(epoch))) }

// age is how long ago it was; the longest time there is for never.
func (m *mark) age() time.Duration {
	if at := m.at.Load(); at != 0 {
		return time.Since(epoch) - time.Duration(at)
	}
	return math.MaxInt64
}
