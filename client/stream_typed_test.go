package client

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// both runs a test in each typed dialect.
func both(t *testing.T, test func(*testing.T, Dialect)) {
	for _, d := range []Dialect{JSON, Binary} {
		t.Run(string(d), func(t *testing.T) { test(t, d) })
	}
}

func TestTypedStream(t *testing.T) {
	both(t, func(t *testing.T, d Dialect) {
		f := newTypedFake(t, "A", "B", "C")
		f.publish("A", 41)
		s := f.hold(d, "A", "B")
		snap := receive(t, s.Ticks())
		if !snap.Snap || snap.Token != "A" || snap.Seq != 41 || snap.Missed+snap.Skipped != 0 ||
			!snap.Time.Equal(time.UnixMicro(int64(f.epoch+41000))) {
			t.Fatalf("snap %+v", snap)
		}
		f.publish("A", 2)
		f.publish("B", 1)
		f.publish("C", 1)
		receiveSeqs(t, s, "A", 42, 43)
		got := receive(t, s.Ticks())
		q, err := got.Quote()
		if got.Token != "B" || got.Seq != 1 || got.Snap || err != nil || q.Last != "1.50" {
			t.Fatalf("tick %+v, quote %+v %v", got, q, err)
		}
		if d == Binary && (got.Data != nil || !got.Quoted || got.Bid != (Decimal{149, -2}) || q.Ask != "1.51") {
			t.Fatalf("tick %+v", got)
		}
		if d == JSON && (string(got.Data) != `{"token":"B","ltp":1.50}` || got.Priced) {
			t.Fatalf("tick %+v", got)
		}
		if p := s.Complete(); p.State != Unproven {
			t.Fatalf("before any heartbeat: %+v", p)
		}
		p := f.proves(s, Complete)
		want := Proof{State: Complete, At: p.At, Epoch: f.epoch, Tokens: 2, Proven: 2,
			Totals: Totals{Received: 3}}
		if p != want {
			t.Fatalf("proof %+v", p)
		}
		if w := told[Welcome](t, s); w.Username != "zoe" || w.Beat != 5*time.Second ||
			w.Resume != 10*time.Minute || w.Limits.OpsBurst != 50 || w.Expires.IsZero() || w != s.Welcome() {
			t.Fatalf("welcome %+v", w)
		}
		if e := told[Feed](t, s); e.State != FeedLive || e.Age != 12*time.Millisecond {
			t.Fatalf("feed %+v", e)
		}
		f.beat("stale", 0)
		if e := told[Feed](t, s); e.State != FeedStale || s.Feed() != e {
			t.Fatalf("feed %+v", e)
		}
		if bad := s.Stats().Bad; bad != 0 {
			t.Fatalf("%d messages were not understood", bad)
		}
	})
}

func TestTypedRequestsAnswered(t *testing.T) {
	both(t, func(t *testing.T, d Dialect) {
		f := newTypedFake(t, "A", "B", "C", "D")
		f.piece = 1
		f.publish("B", 7)
		s := f.open(f.options(d))
		ctx := t.Context()
		o := SubscribeOptions{Mode: ModeLTP, MaxRate: 4}
		a, err := s.SubscribeWith(ctx, o, "B", "A", "X", "Y")
		if err != nil || len(a.OK) != 2 || len(a.Failed) != 2 || a.Count != 2 || a.Limit != 3000 {
			t.Fatalf("%+v %v", a, err)
		}
		if a.OK[1] != (Held{Token: "B", Ref: 1, Seq: 7}) ||
			a.Failed[0] != (Failure{"X", 102, "unknown token"}) {
			t.Fatalf("%+v", a)
		}
		if got := receive(t, s.Ticks()); got.LTP.String() != "7.50" || !got.Priced || got.Quoted || got.Data != nil {
			t.Fatalf("%+v", got)
		}
		err = s.Subscribe(ctx, "C", "X")
		var refused *RefusedError
		if !errors.As(err, &refused) || !errors.Is(err, ErrUnknownToken) ||
			!slices.Equal(refused.Tokens, []string{"X"}) || err.Error() != "subscribe: X: unknown token (102)" {
			t.Fatalf("%v", err)
		}
		if got := s.Tokens(); !slices.Equal(got, []string{"A", "B", "C"}) || s.Err() != nil {
			t.Fatalf("holds %q, %v", got, s.Err())
		}
		held, err := s.List(ctx)
		slices.SortFunc(held, func(a, b Held) int { return strings.Compare(a.Token, b.Token) })
		if err != nil || len(held) != 3 || held[1] != (Held{"B", 1, 7, ModeLTP, 4}) ||
			held[2].Mode != ModeFull {
			t.Fatalf("%+v %v", held, err)
		}
		if p, err := s.Ping(ctx); err != nil || p.RoundTrip <= 0 || p.Server != time.UnixMicro(1764289349123456) {
			t.Fatalf("%+v %v", p, err)
		}
		if ends, err := s.Renew(ctx, "x.y.z"); err != nil || time.Until(ends) < 29*time.Minute {
			t.Fatalf("%v %v", ends, err)
		}
		if _, err := s.Renew(ctx, "bad"); !errors.As(err, &refused) || refused.Code != 101 || refused.Op != "auth" {
			t.Fatalf("%v", err)
		}
	})
}

func TestTypedUnsubscribe(t *testing.T) {
	both(t, func(t *testing.T, d Dialect) {
		f := newTypedFake(t, "A", "B", "C", "D")
		f.publish("B", 7)
		s := f.hold(d, "A", "B", "C")
		ctx := t.Context()
		f.proves(s, Complete)
		if p := s.Complete(); p.Proven != 3 {
			t.Fatalf("%+v", p)
		}
		if _, err := s.SubscribeWith(ctx, SubscribeOptions{}, "D"); err != nil || s.Complete().State != Unproven {
			t.Fatalf("%v, a new token: %+v", err, s.Complete())
		}
		if err := s.Unsubscribe(ctx, "A", "D"); err != nil || len(s.Tokens()) != 2 {
			t.Fatalf("%v, holds %q", err, s.Tokens())
		}
		f.proves(s, Complete)
		if err := s.Unsubscribe(ctx, All); err != nil || len(s.Tokens()) != 0 {
			t.Fatalf("%v, holds %q", err, s.Tokens())
		}
		if p := f.proves(s, Complete); p.Tokens != 0 || p.Totals != (Totals{}) {
			t.Fatalf("%+v", p)
		}
	})
}

func TestTypedNotInText(t *testing.T) {
	f := newFake(t, "A")
	s := f.open(f.options())
	ctx := t.Context()
	if _, err := s.SubscribeWith(ctx, SubscribeOptions{Mode: ModeLTP}, "A"); !errors.Is(err, ErrUntold) {
		t.Error(err)
	}
	if _, err := s.List(ctx); !errors.Is(err, ErrUntold) {
		t.Error(err)
	}
	if _, err := s.SubscribeWith(ctx, SubscribeOptions{MaxRate: 0.01}, "A"); !errors.Is(err, ErrOption) {
		t.Error(err)
	}
	if _, err := s.SubscribeWith(ctx, SubscribeOptions{Mode: "half"}, "A"); !errors.Is(err, ErrOption) {
		t.Error(err)
	}
	o := f.options()
	o.Beat = time.Millisecond
	if _, err := OpenStream(ctx, o); !errors.Is(err, ErrOption) {
		t.Error(err)
	}
	if a, err := s.SubscribeWith(ctx, SubscribeOptions{}, "A"); err != nil || len(a.OK) != 1 {
		t.Errorf("%+v %v", a, err)
	}
	if err := s.Unsubscribe(ctx, All); err != nil || len(s.Tokens()) != 0 {
		t.Errorf("%v, holds %q", err, s.Tokens())
	}
	if p := s.Complete(); p.State != Unproven || s.Feed().State != "" || s.Welcome() != (Welcome{}) {
		t.Errorf("%+v", p)
	}
}

func TestTypedTooMany(t *testing.T) {
	f := newTypedFake(t, "A")
	refusals := 2
	f.hijack = func(c *typedConn, q asked) bool {
		if refusals--; refusals < 0 {
			return false
		}
		c.say(`{"type":"error","id":%q,"code":111,"error":"too many requests","retry_ms":120}`, q.ID)
		return true
	}
	began := time.Now()
	f.hold(JSON, "A")
	if took := time.Since(began); took < 240*time.Millisecond || len(f.requests()) != 3 {
		t.Fatalf("%d requests within %v", len(f.requests()), took)
	}
}

func TestTypedSkip(t *testing.T) {
	both(t, func(t *testing.T, d Dialect) {
		f := newTypedFake(t, "A")
		f.publish("A", 10)
		s := f.hold(d, "A")
		receive(t, s.Ticks())
		f.conflate("A", 3, 3)
		f.publish("A", 1)
		if got := receive(t, s.Ticks()); got.Seq != 14 || got.Skipped != 3 || got.Missed != 0 {
			t.Fatalf("%+v", got)
		}
		f.publish("A", 1)
		receiveSeqs(t, s, "A", 15, 15)
		p := f.proves(s, Complete)
		if p.Received != 2 || p.Skipped != 3 {
			t.Fatalf("%+v", p)
		}
	})
}

// A tick out of turn is noticed at once, and what it lacks is had again, once.
func TestTypedHole(t *testing.T) {
	both(t, func(t *testing.T, d Dialect) {
		f := newTypedFake(t, "A", "B")
		s := f.hold(d, "A", "B")
		f.publish("A", 2)
		f.lose("A", 3)
		f.publish("A", 2)
		receiveSeqs(t, s, "A", 1, 7)
		if h := told[Hole](t, s); h != (Hole{"A", 3, 5}) {
			t.Fatalf("%+v", h)
		}
		f.publish("A", 1)
		receiveSeqs(t, s, "A", 8, 8)
		if p := f.proves(s, Complete); p.Received != 8 || p.Lost+p.Doubled+p.Gapped != 0 {
			t.Fatalf("%+v", p)
		}
		want := fmt.Sprintf(`{"op":"subscribe","id":"2","epoch":%d,"from":{"A":2}}`, f.epoch)
		if got := f.requests(); len(got) != 2 || got[1] != want {
			t.Fatalf("sent %q", got)
		}
	})
}

// A hole of the same token before the next heartbeat is not asked for, but told.
func TestTypedHoleTwice(t *testing.T) {
	f := newTypedFake(t, "A")
	s := f.hold(JSON, "A")
	f.lose("A", 1)
	f.publish("A", 1)
	receiveSeqs(t, s, "A", 1, 2)
	f.lose("A", 2)
	f.publish("A", 1)
	got := receive(t, s.Ticks())
	if got.Seq != 5 || got.Gap == nil || *got.Gap != (Gap{"A", 3, 4, GapLost}) {
		t.Fatalf("%+v", got)
	}
	f.conflate("A", 3, 1) // the server forgot two of them
	f.publish("A", 1)
	got = receive(t, s.Ticks())
	if got.Seq != 9 || got.Skipped != 1 || got.Gap == nil || *got.Gap != (Gap{"A", 6, 7, GapLost}) {
		t.Fatalf("%+v", got)
	}
	if p := f.proves(s, Incomplete); p.Received != 4 || p.Lost != 4 || p.Skipped != 1 || len(f.requests()) != 2 {
		t.Fatalf("%+v, sent %q", p, f.requests())
	}
	f.lose("A", 1)
	f.publish("A", 1)
	receiveSeqs(t, s, "A", 10, 11)
}

// A last tick lost shows in the heartbeat's sum, and all tokens are resumed.
func TestTypedBeatMismatch(t *testing.T) {
	both(t, func(t *testing.T, d Dialect) {
		f := newTypedFake(t, "A", "B")
		s := f.hold(d, "A", "B")
		f.publish("A", 1)
		f.lose("B", 2)
		receiveSeqs(t, s, "A", 1, 1)
		f.beat("live", 0)
		if h := told[Hole](t, s); h != (Hole{"", 1, 3}) {
			t.Fatalf("%+v", h)
		}
		receiveSeqs(t, s, "B", 1, 2)
		if p := f.proves(s, Complete); p.Received != 3 || p.Lost+p.Doubled != 0 {
			t.Fatalf("%+v", p)
		}
		// A sum that is wrong stays wrong, but harms no tick.
		f.beat("live", 5)
		eventually(t, "hole", func() bool { return s.Complete().State == Incomplete })
		f.publish("A", 1)
		receiveSeqs(t, s, "A", 2, 2)
	})
}

// Pending ticks are the server's to send: they are not missing.
func TestTypedPending(t *testing.T) {
	f := newTypedFake(t, "A")
	s := f.hold(JSON, "A")
	f.lose("A", 4)
	f.tell(`{"type":"hb","ts":1,"sum":4,"pending":4,"feed":"live","age_ms":null}`)
	eventually(t, "proof", func() bool { return s.Complete().State == Complete })
	if p := s.Complete(); p.Pending != 4 || s.Feed().Age >= 0 {
		t.Fatalf("%+v, feed %+v", p, s.Feed())
	}
}

func TestTypedFeedGap(t *testing.T) {
	f := newTypedFake(t, "A")
	s := f.hold(JSON, "A")
	f.tell(`{"type":"gap","token":"A","from":700,"to":702,"reason":"feed"}`)
	f.publish("A", 1)
	if got := receive(t, s.Ticks()); got.Seq != 1 || got.Gap == nil || *got.Gap != (Gap{"A", 700, 702, GapFeed}) {
		t.Fatalf("%+v", got)
	}
	if g := told[Gap](t, s); g.Reason != GapFeed {
		t.Fatalf("%+v", g)
	}
	if p := f.proves(s, Complete); p.Gapped != 0 {
		t.Fatalf("%+v", p)
	}
}

// A consumer that does not read costs the proof nothing, and is told all.
func TestTypedSlowConsumer(t *testing.T) {
	both(t, func(t *testing.T, d Dialect) {
		f := newTypedFake(t, "A", "B")
		f.publish("A", 1)
		o := f.options(d)
		o.Buffer = 8
		s := f.open(o)
		if err := s.Subscribe(t.Context(), "A", "B"); err != nil {
			t.Fatal(err)
		}
		for range 100 {
			f.publish("A", 1)
			f.conflate("B", 2, 2)
			f.publish("B", 1)
		}
		if p := f.proves(s, Complete); p.Received != 200 || p.Skipped != 200 {
			t.Fatalf("%+v", p)
		}
		last, missed, counted := map[string]uint64{}, uint64(0), map[string]uint64{"A": 1}
		for last["A"] != 101 || last["B"] != 300 {
			x := receive(t, s.Ticks())
			last[x.Token] = x.Seq
			counted[x.Token] += x.Missed + x.Skipped
			if !x.Snap {
				counted[x.Token]++
			}
			missed += x.Missed
			if counted[x.Token] != x.Seq {
				t.Fatalf("at %d of %s after %d received, missed and skipped", x.Seq, x.Token, counted[x.Token])
			}
		}
		// The snap may be one of them.
		if lost := s.Stats().Conflated; missed == 0 || lost < missed || lost > missed+1 {
			t.Fatalf("missed %d, conflated %d", missed, lost)
		}
	})
}

func TestTypedRefusedUpgrade(t *testing.T) {
	f := newTypedFake(t, "A")
	f.refuse = func(w http.ResponseWriter) bool { w.WriteHeader(403); return true }
	if _, err := OpenStream(t.Context(), f.options(JSON)); !errors.Is(err, ErrUnauthorized) {
		t.Fatal(err)
	}
	f.refuse = nil
	o := f.options(Binary)
	o.Beat = 1500 * time.Millisecond
	f.open(o)
	if got := f.queries[1]; got != "hb_ms=1500" {
		t.Fatalf("asked for %q", got)
	}
}
