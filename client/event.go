package client

import (
	"fmt"
	"sync"
	"time"
)

// An Event is what a typed dialect tells beside ticks and messages: Welcome, Feed,
// Drain, Gap, Hole, Dropped, Missed, Roster or Presence. Missed comes in Text too.
type Event interface{ event() }

// A Welcome is how a connection begins.
type Welcome struct {
	Conn     string // the server's name for the connection
	Username string
	Epoch    uint64        // of the server's run
	Beat     time.Duration // between heartbeats
	Resume   time.Duration // how far back a resume reaches, as of now
	Limits   Limits
	Expires  time.Time // of the bearer; zero if unknown
}

// Limits are the server's for a stream.
type Limits struct {
	Tokens         int     `json:"tokens"`
	Connections    int     `json:"connections"` // of the account; 0 = none
	OpsPerSecond   float64 `json:"ops_per_s"`
	OpsBurst       int     `json:"ops_burst"`
	FrameBytes     int     `json:"frame_bytes"`
	SubscribeBytes int     `json:"subscribe_bytes"`
}

// A Feed is the state of what feeds the server. It is told when it changes.
type Feed struct {
	State FeedState
	Age   time.Duration // of the newest tick; negative if none came in this run, or unknown
	At    time.Time     // when we heard of it
}

// A FeedState is what the server says of its feed.
type FeedState string

const (
	FeedUnknown FeedState = "" // until a connection's first heartbeat, and without one
	FeedLive    FeedState = "live"
	FeedStale   FeedState = "stale" // no tick for a while
	FeedDown    FeedState = "down"  // not connected
)

func (s FeedState) String() string {
	if s == FeedUnknown {
		return "unknown"
	}
	return string(s)
}

// A Drain says that the server is going. The Stream comes back by itself at the
// instant it was given.
type Drain struct {
	Again  time.Time // when to connect again
	Ending time.Time // when the server closes the connection
}

// A Gap is ticks that cannot be had any more. From and To are the ends of it,
// both missing; To < From says that nothing of this run was missed.
type Gap struct {
	Token    string
	From, To uint64
	Reason   GapReason
}

// A GapReason says how a Gap came to be.
type GapReason string

const (
	GapRing  GapReason = "ring"  // the server no longer has them
	GapEpoch GapReason = "epoch" // it is another run of the server: the time between is unknown
	GapFeed  GapReason = "feed"  // the feed's own numbers, From and To, have a hole
	GapLost  GapReason = "lost"  // the server said nothing of them: see Hole
)

// A Hole is what the proof found: ticks that should have come and did not. They
// are asked for again, at most once per heartbeat.
type Hole struct {
	Token    string // empty: found by a heartbeat's sum, on any token
	From, To uint64 // the ticks; without a token the sum we have and the server's
}

// Dropped is a token that was held and could not be subscribed again.
type Dropped struct{ Failure }

func (Welcome) event() {}
func (Feed) event()    {}
func (Drain) event()   {}
func (Gap) event()     {}
func (Hole) event()    {}
func (Dropped) event() {}

func (g Gap) String() string {
	switch {
	case g.Reason == GapEpoch && g.To < g.From:
		return fmt.Sprintf("gap in %s: another run of the server", g.Token)
	case g.Reason == GapEpoch:
		return fmt.Sprintf("gap in %s: another run of the server, %d to %d", g.Token, g.From, g.To)
	}
	return fmt.Sprintf("gap in %s: %d to %d (%s)", g.Token, g.From, g.To, g.Reason)
}

func (h Hole) String() string {
	if h.Token == "" {
		return fmt.Sprintf("hole: sum %d, the server has %d", h.From, h.To)
	}
	return fmt.Sprintf("hole in %s: %d to %d", h.Token, h.From, h.To)
}

func (d Dropped) String() string { return fmt.Sprintf("dropped %s", d.Failure) }

func (f Feed) String() string {
	switch {
	case f.State == FeedUnknown:
		return "feed is unknown"
	case f.Age < 0:
		return fmt.Sprintf("feed is %s, no tick yet", f.State)
	}
	return fmt.Sprintf("feed is %s, newest tick %v old", f.State, f.Age)
}

func (d Drain) String() string {
	return fmt.Sprintf("server is going, back at %s", d.Again.Format("15:04:05.000"))
}

func (w Welcome) String() string {
	return fmt.Sprintf("stream %s of %q, run %d", w.Conn, w.Username, w.Epoch)
}

// events is a channel that never makes its writer wait: the oldest gives way.
type events struct {
	out chan Event

	mu    sync.Mutex
	ended bool
	lost  uint64
}

func newEvents() *events { return &events{out: make(chan Event, eventsMax)} }

// tell hands an event over. Any goroutine.
func (v *events) tell(e Event) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for !v.ended {
		select {
		case v.out <- e:
			return
		default:
		}
		select {
		case <-v.out:
			v.lost++
		default:
		}
	}
}

func (v *events) end() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.ended {
		v.ended = true
		close(v.out)
	}
}

func (v *events) dropped() uint64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.lost
}
