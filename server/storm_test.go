package server

import (
	"net/netip"
	"strconv"
	"testing"
	"time"
)

// later moves the clock of a storm.
func (s *storm) later(d time.Duration) { s.start = s.start.Add(-d) }

// What is possible is let in, however much it is.
func TestStormIsLetIn(t *testing.T) {
	s := newStorm(rate{})
	for i := range 15_000 {
		if _, ok := s.admit(time.Duration(i%2000) * time.Millisecond); !ok {
			t.Fatalf("client %d was turned away", i)
		}
	}
}

// Clients that all wait too long are too many; who is served at once never is one.
func TestStormTooLarge(t *testing.T) {
	s := newStorm(rate{})
	for range 3 {
		for range 100 {
			s.admit(2 * stormWaitMax)
		}
		s.later(stormLook)
	}
	if _, ok := s.admit(2 * stormWaitMax); ok {
		t.Error("a standing queue is let grow")
	}
}

func TestStormSparesTheQuick(t *testing.T) {
	s := newStorm(rate{})
	for range 50 {
		s.admit(2 * stormWaitMax) // somebody slow, who would have all others refused
		s.later(stormLook)
		if _, ok := s.admit(time.Millisecond); !ok {
			t.Fatal("who did not wait was turned away")
		}
	}
}

// Each client turned away is told an instant of its own, at the rate of those let in.
func TestStormSpreads(t *testing.T) {
	s := newStorm(rate{100, time.Second})
	taken, told := 0, map[int]int{}
	for range 1100 {
		back, ok := s.admit(0)
		if ok {
			taken++
			continue
		}
		n, err := strconv.Atoi(back)
		if err != nil || n < stormBackMin || n > stormBackMax {
			t.Fatalf("Retry-After %q", back)
		}
		told[n]++
	}
	if taken < 100 || taken > 110 {
		t.Errorf("%d were let in at once", taken)
	}
	for n, count := range told {
		if n < stormBackMax && count > 250 {
			t.Errorf("%d are to come back in second %d", count, n)
		}
	}
	if len(told) < 8 {
		t.Errorf("all come back at once: %v", told)
	}
}

// One address may not hold all connections.
func TestCrowd(t *testing.T) {
	c := newCrowd(200, prefixes{netip.MustParsePrefix("10.0.0.0/8")})
	a, b := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2")
	n := 0
	for ; n < 1000 && c.enter(a); n++ {
	}
	if n != 50 || c.enter(b) || !c.enter(netip.MustParseAddr("192.0.2.1")) {
		t.Errorf("%d connections of one address", n)
	}
	for range 1000 {
		if !c.enter(netip.MustParseAddr("10.1.1.1")) {
			t.Fatal("one who is exempt is refused")
		}
	}
	c.leave(a)
	if !c.enter(b) {
		t.Error("no room after one left")
	}
	for range n {
		c.leave(a)
	}
	c.leave(netip.MustParseAddr("192.0.2.1"))
	if len(c.of) != 0 {
		t.Errorf("%d addresses are left", len(c.of))
	}
}
