package client

import (
	"strings"
	"testing"
)

// A hole that the server no longer has ends in a gap.
func TestHoleGone(t *testing.T) {
	both(t, func(t *testing.T, d Dialect) {
		f := newTypedFake(t, "A")
		f.keep = 2
		s := f.hold(d, "A")
		f.publish("A", 1)
		receiveSeqs(t, s, "A", 1, 1)
		f.lose("A", 4)
		f.publish("A", 1)
		got := receive(t, s.Ticks())
		if got.Seq != 6 || !got.Snap || got.Gap == nil || *got.Gap != (Gap{"A", 2, 5, GapRing}) {
			t.Fatalf("%+v", got)
		}
		if p := f.proves(s, Complete); p.Received != 2 || p.Gapped != 4 || p.Lost != 0 {
			t.Fatalf("%+v", p)
		}
	})
}

// A resume that the server refuses leaves the token flowing, its loss told.
func TestHoleRefused(t *testing.T) {
	f := newTypedFake(t, "A", "B")
	s := f.hold(JSON, "A", "B")
	refused := make(chan struct{})
	f.mu.Lock()
	f.hijack = func(c *typedConn, q asked) bool {
		c.say(`{"type":"error","id":%q,"code":100,"error":"internal error"}`, q.ID)
		close(refused)
		return true
	}
	f.mu.Unlock()
	f.lose("A", 2)
	f.publish("A", 1)
	<-refused
	eventually(t, "giving up", func() bool {
		return len(s.book.accounts(func(e *entry) bool { return e.broken })) == 0
	})
	f.publish("A", 1)
	got := receive(t, s.Ticks())
	if got.Seq != 4 || got.Gap == nil || *got.Gap != (Gap{"A", 1, 3, GapLost}) {
		t.Fatalf("%+v", got)
	}
	if p := f.proves(s, Incomplete); p.Lost != 3 {
		t.Fatalf("%+v", p)
	}
	// What was lost stays lost, until the token begins anew.
	f.mu.Lock()
	f.hijack = nil
	f.mu.Unlock()
	if err := s.Unsubscribe(t.Context(), "A"); err != nil {
		t.Fatal(err)
	}
	if err := s.Subscribe(t.Context(), "A"); err != nil {
		t.Fatal(err)
	}
	f.proves(s, Complete)
}

// Whoever gives a token up while its hole is healed does not get it back.
func TestHoleUnsubscribed(t *testing.T) {
	f := newTypedFake(t, "A")
	s := f.hold(JSON, "A")
	s.asking <- struct{}{} // the healer waits for its turn
	f.lose("A", 2)
	f.publish("A", 1)
	told[Hole](t, s)
	x := s.live
	if _, err := x.ask(t.Context(), request{verb: unsubscribe, tokens: []string{"A"}}); err != nil {
		t.Fatal(err)
	}
	s.next()
	f.proves(s, Complete)
	for _, r := range f.requests() {
		if strings.Contains(r, `"from"`) {
			t.Fatalf("sent %s", r)
		}
	}
	if len(s.Tokens()) != 0 {
		t.Fatalf("holds %q", s.Tokens())
	}
}

// Events that nobody takes cost the oldest of them and nothing else.
func TestEventsNotTaken(t *testing.T) {
	f := newTypedFake(t, "A")
	s := f.hold(JSON, "A")
	for i := range 2 * eventsMax {
		f.tell(`{"type":"gap","token":"A","from":%d,"to":%d,"reason":"feed"}`, i, i)
	}
	f.publish("A", 1)
	receive(t, s.Ticks())
	if g := (<-s.Events()).(Gap); g.From < eventsMax || s.Stats().EventsLost < eventsMax {
		t.Fatalf("%+v, %d lost", g, s.Stats().EventsLost)
	}
}
