package clock

import (
	"log/slog"
	"testing"
	"time"
)

// A machine has a wall clock that can be set, and a monotonic one that can't.
type machine struct {
	wall time.Time
	mono time.Duration
}

func (m *machine) pass(d time.Duration) { m.wall, m.mono = m.wall.Add(d), m.mono+d }

func (m *machine) clock() *Clock {
	return newClock(slog.New(slog.DiscardHandler),
		func() (time.Time, time.Duration) { return m.wall, m.mono })
}

var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func TestStepForAMoment(t *testing.T) {
	for _, step := range []time.Duration{30 * 24 * time.Hour, -30 * 24 * time.Hour, time.Minute} {
		m := &machine{wall: noon}
		c := m.clock()
		if !c.Sure().IsZero() {
			t.Error("sure at the start")
		}
		m.pass(Trust)
		if c.Sure() != m.wall || c.Now() != m.wall {
			t.Errorf("%v and %v at %v", c.Sure(), c.Now(), m.wall)
		}
		m.wall = m.wall.Add(step)
		for range 9 {
			if got, want := c.Now(), m.wall.Add(-step); got != want || !c.Sure().IsZero() {
				t.Errorf("%v, sure %v, want %v", got, c.Sure(), want)
			}
			m.pass(Trust / 10)
		}
		m.wall = m.wall.Add(-step)
		if c.Now() != m.wall || !c.Sure().IsZero() {
			t.Errorf("back: %v, sure %v", c.Now(), c.Sure())
		}
		m.pass(Trust)
		if c.Sure() != m.wall {
			t.Errorf("sure of %v at %v", c.Sure(), m.wall)
		}
	}
}

func TestStepThatStays(t *testing.T) {
	m := &machine{wall: noon.Add(-8 * time.Hour)}
	c := m.clock()
	m.pass(time.Minute)
	m.wall = m.wall.Add(8 * time.Hour)
	was := c.Now()
	m.pass(Trust)
	if got := c.Now(); got != m.wall || !c.Sure().IsZero() {
		t.Errorf("%v, sure %v at %v; it was %v", got, c.Sure(), m.wall, was)
	}
	m.pass(Trust)
	if c.Sure() != m.wall {
		t.Error("never sure again")
	}
}

// A clock that is set right in small steps, or runs a little fast, is followed.
func TestDrift(t *testing.T) {
	m := &machine{wall: noon}
	c := m.clock()
	for range 100_000 {
		m.pass(time.Second)
		m.wall = m.wall.Add(time.Millisecond)
		if c.Now() != m.wall {
			t.Fatalf("%v at %v", c.Now(), m.wall)
		}
	}
	m.wall = m.wall.Add(Step - time.Millisecond)
	if c.Sure() != m.wall {
		t.Errorf("sure of %v at %v", c.Sure(), m.wall)
	}
}

func TestRealClock(t *testing.T) {
	c := New(slog.New(slog.DiscardHandler))
	if d := time.Since(c.Now()).Abs(); d > time.Second {
		t.Errorf("%v off", d)
	}
	if n := testing.AllocsPerRun(100, func() { c.Now() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
