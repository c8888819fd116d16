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

// An ack that is further on than what was told of a token held tells of a hole, as does
// the snap behind it. What was published meanwhile is had again, in the new mode.
func TestHoleAtOptions(t *testing.T) {
	both(t, func(t *testing.T, d Dialect) {
		for _, none := range []bool{false, true} {
			f := newTypedFake(t, "A")
			s := f.hold(d, "A")
			f.publish("A", 1)
			receiveSeqs(t, s, "A", 1, 1)
			f.lose("A", 3)
			o := SubscribeOptions{Mode: ModeLTP, NoSnapshot: none}
			if _, err := s.SubscribeWith(t.Context(), o, "A"); err != nil {
				t.Fatal(err)
			}
			if h := told[Hole](t, s); h != (Hole{"A", 2, 4}) {
				t.Fatalf("%+v", h)
			}
			f.publish("A", 1)
			for seq := uint64(2); seq <= 5; seq++ {
				got := receive(t, s.Ticks())
				if got.Seq != seq || got.Snap || got.Gap != nil || got.Skipped != 0 || got.Data != nil {
					t.Fatalf("got %+v, want tick %d", got, seq)
				}
			}
			if p := f.proves(s, Complete); p.Received != 5 || p.Skipped+p.Lost != 0 {
				t.Fatalf("%+v", p)
			}
		}
	})
}

// Where it was asked for in vain, what lacks at an ack or a snap is lost.
func TestHoleAtOptionsTwice(t *testing.T) {
	f := newTypedFake(t, "A")
	s := f.hold(JSON, "A")
	f.lose("A", 1)
	f.publish("A", 1)
	receiveSeqs(t, s, "A", 1, 2)
	f.lose("A", 3)
	if err := s.Subscribe(t.Context(), "A"); err != nil {
		t.Fatal(err)
	}
	got := receive(t, s.Ticks())
	if got.Seq != 5 || !got.Snap || got.Gap == nil || *got.Gap != (Gap{"A", 3, 5, GapLost}) {
		t.Fatalf("%+v", got)
	}
	f.lose("A", 3)
	f.tell(`{"type":"snap","token":"A","seq":8,"ts":1,"data":{}}`)
	got = receive(t, s.Ticks())
	if got.Seq != 8 || !got.Snap || got.Gap == nil || *got.Gap != (Gap{"A", 6, 7, GapLost}) {
		t.Fatalf("%+v", got)
	}
	if p := f.proves(s, Incomplete); p.Received != 3 || p.Lost != 5 || p.Skipped != 0 {
		t.Fatalf("%+v", p)
	}
}

// Options changed while a token waits for its resume do not end the wait.
func TestHoleAcrossOptions(t *testing.T) {
	f := newTypedFake(t, "A")
	s := f.hold(JSON, "A")
	s.asking <- struct{}{} // the healer waits for its turn
	f.lose("A", 2)
	f.publish("A", 1)
	told[Hole](t, s)
	r := request{verb: subscribe, tokens: []string{"A"}, o: SubscribeOptions{Mode: ModeLTP}}
	if _, err := s.live.ask(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	s.next()
	receiveSeqs(t, s, "A", 1, 3)
	if p := f.proves(s, Complete); p.Received != 3 || p.Skipped+p.Lost != 0 {
		t.Fatalf("%+v", p)
	}
}

// What the server says must join on to what was told before.
func TestHoleUnjoined(t *testing.T) {
	for _, words := range []string{
		`{"type":"snap","token":"A","seq":4,"ts":1,"data":{}}`,
		`{"type":"skip","token":"A","count":2,"seq":5}`,
		`{"type":"skip","token":"A","count":4,"seq":5}`,
		`{"type":"gap","token":"A","from":3,"to":4,"reason":"ring"}`,
	} {
		f := newTypedFake(t, "A")
		s := f.hold(JSON, "A")
		f.publish("A", 1)
		f.lose("A", 3)
		f.tell("%s", words)
		f.publish("A", 1)
		receiveSeqs(t, s, "A", 1, 5)
		if p := f.proves(s, Complete); p.Received != 5 || p.Skipped+p.Gapped+p.Lost != 0 {
			t.Fatalf("after %s: %+v", words, p)
		}
	}
}

// A snap that had to wait follows a skip, and lacks nothing.
func TestSnapBehindSkip(t *testing.T) {
	f := newTypedFake(t, "A")
	f.hijack = func(c *typedConn, q asked) bool {
		c.subs["A"] = q
		c.ack(q, []map[string]any{{"token": "A", "ref": 0, "seq": 0}}, nil)
		for range 3 {
			f.add("A")
		}
		c.say(`{"type":"skip","token":"A","count":2,"seq":3}`)
		c.send("snap", "A", 3)
		return true
	}
	s := f.hold(JSON, "A")
	if got := receive(t, s.Ticks()); got.Seq != 3 || !got.Snap || got.Skipped != 2 || got.Gap != nil {
		t.Fatalf("%+v", got)
	}
	if p := f.proves(s, Complete); p.Received != 1 || p.Skipped != 2 {
		t.Fatalf("%+v", p)
	}
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
