package client

import (
	"net/http"
	"testing"
	"time"
)

// The server's wish is the pause, whatever the back-off has come to.
func TestRetryAfterIsThePause(t *testing.T) {
	b := backoff{min: 250 * time.Millisecond, max: 15 * time.Second}
	for range 10 {
		b.next(errSilent)
	}
	for range 100 {
		if d := b.next(&Error{Status: 503, RetryAfter: 2 * time.Second}); d < 2*time.Second ||
			d > 2500*time.Millisecond {
			t.Fatalf("pause %v", d)
		}
	}
	if d := b.next(&Error{Status: 503}); d < 15*time.Second/8 || d > 15*time.Second {
		t.Fatalf("pause %v", d)
	}
}

// Without a connection, and until the next one's first heartbeat, nothing is known of
// the feed and nothing is proved.
func TestNothingKnownWithoutConnection(t *testing.T) {
	both(t, func(t *testing.T, d Dialect) {
		f := newTypedFake(t, "A")
		s := f.hold(d, "A")
		if s.Feed().State != FeedUnknown || s.Feed().String() != "feed is unknown" {
			t.Fatalf("before any heartbeat: %v", s.Feed())
		}
		f.proves(s, Complete)
		if e := told[Feed](t, s); e.State != FeedLive || !s.LostAt().IsZero() {
			t.Fatalf("feed %+v, lost at %v", e, s.LostAt())
		}
		f.mu.Lock()
		down := true
		f.refuse = func(w http.ResponseWriter) bool {
			if down {
				w.WriteHeader(503)
			}
			return down
		}
		f.mu.Unlock()
		f.end(1012, "restart")
		if e := told[Feed](t, s); e.State != FeedUnknown || e.At.IsZero() || s.Feed() != e {
			t.Fatalf("feed %+v", e)
		}
		eventually(t, "lost", func() bool { return !s.LostAt().IsZero() })
		if p := s.Complete(); p.State != Unproven || !p.At.IsZero() || p.Tokens != 1 {
			t.Fatalf("proof %+v", p)
		}
		f.mu.Lock()
		down = false
		f.mu.Unlock()
		f.connected("A")
		eventually(t, "back", func() bool { return s.LostAt().IsZero() })
		if p := s.Complete(); p.State != Unproven || s.Feed().State != FeedUnknown {
			t.Fatalf("before the heartbeat: %+v, %v", p, s.Feed())
		}
		f.proves(s, Complete)
		if e := told[Feed](t, s); e.State != FeedLive {
			t.Fatalf("feed %+v", e)
		}
	})
}
