package feed

import (
	"testing"
	"time"
)

const hour = int64(time.Hour / time.Microsecond)

func TestClockNeverGoesBack(t *testing.T) {
	var c clock
	c.sync()
	before := c.now()
	c.jump.Store(-hour)
	c.sync()
	if now := c.now(); now < before {
		t.Errorf("%d after %d", now, before)
	}
	c.jump.Store(0)
	c.sync()
	if now := c.now(); now-before > hour/2 {
		t.Errorf("%d after %d", now, before)
	}
}

// TestClockFollows holds that a wall clock set forwards is taken up without a new
// connection.
func TestClockFollows(t *testing.T) {
	var c clock
	c.sync()
	before := c.now()
	c.jump.Store(hour)
	if now := c.now(); now-before > hour/2 {
		t.Error("before it was looked at")
	}
	c.start = c.start.Add(-clockSync) // so much later
	if now := c.now(); now-before < hour {
		t.Errorf("%d after %d", now, before)
	}
}

// TestWallClockJumps sets the wall clock an hour off, both ways, while ticks come and
// when they stop: whether the feed is stale does not depend on it.
func TestWallClockJumps(t *testing.T) {
	for _, jump := range []int64{hour, -hour} {
		p := newRawPub(t, "127.0.0.1:0")
		c := &counter{burst: make(chan int, 1000)}
		s := start(t, p.endpoint(), c, SubscriberOptions{})
		conn, _ := p.serve(1)
		tick := func() {
			if _, err := conn.Write(one(`NSE:1 & {"ltp":1}`)); err != nil {
				t.Fatal(err)
			}
			<-c.burst
		}
		state := func() State { return StateOf([]Status{s.Status()}, 300*time.Millisecond) }
		until := func(want State) {
			t.Helper()
			for end := time.Now().Add(10 * time.Second); state() != want; time.Sleep(time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("stays %s, want %s", state(), want)
				}
			}
		}
		tick()
		until(Live)
		s.clock.jump.Store(jump)
		for range 3 {
			tick()
			until(Live)
		}
		until(Stale)
		tick()
		until(Live)
	}
}
