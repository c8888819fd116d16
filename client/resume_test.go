package client

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// After a cut every token goes on where it was, with the options it had.
func TestResume(t *testing.T) {
	both(t, func(t *testing.T, d Dialect) {
		f := newTypedFake(t, "A", "B", "C")
		s := f.hold(d, "A", "C")
		o := SubscribeOptions{Mode: ModeLTP, MaxRate: 2, NoSnapshot: true}
		if _, err := s.SubscribeWith(t.Context(), o, "B"); err != nil {
			t.Fatal(err)
		}
		f.publish("A", 3)
		f.publish("B", 1)
		receiveSeqs(t, s, "A", 1, 3)
		receiveSeqs(t, s, "B", 1, 1)
		f.proves(s, Complete)
		f.end(closeLost, "")
		f.publish("A", 4)
		f.publish("B", 2)
		receiveSeqs(t, s, "A", 4, 7)
		receiveSeqs(t, s, "B", 2, 3)
		if p := s.Complete(); p.State != Unproven {
			t.Fatalf("%+v before the connection's first heartbeat", p)
		}
		f.connected("B")
		f.publish("B", 1)
		receiveSeqs(t, s, "B", 4, 4)
		if p := f.proves(s, Complete); p.Received != 11 || p.Doubled+p.Lost+p.Gapped != 0 {
			t.Fatalf("%+v", p)
		}
		want := []string{
			fmt.Sprintf(`{"op":"subscribe","id":"1","epoch":%d,"from":{"A":3,"C":0}}`, f.epoch),
			fmt.Sprintf(`{"op":"subscribe","id":"2","mode":"ltp","max_rate":2,"snapshot":false,`+
				`"epoch":%d,"from":{"B":1}}`, f.epoch)}
		if got := f.requests(); !slices.Equal(got[2:], want) {
			t.Fatalf("sent %q", got[2:])
		}
	})
}

// A heartbeat before the resume has nothing to prove yet.
func TestResumeEarlyBeat(t *testing.T) {
	f := newTypedFake(t, "A")
	f.early = true
	s := f.hold(JSON, "A")
	f.publish("A", 1)
	receiveSeqs(t, s, "A", 1, 1)
	f.proves(s, Complete)
	f.mu.Lock()
	f.hijack = func(*typedConn, asked) bool { return true } // resumes are not answered
	f.mu.Unlock()
	f.end(closeLost, "")
	eventually(t, "resume", func() bool { return len(f.requests()) == 2 })
	if p := s.Complete(); p.State != Unproven {
		t.Fatalf("%+v", p)
	}
}

// Whenever the connection is cut, each tick comes once and in order.
func TestResumeCuts(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := rapid.SampledFrom([]Dialect{JSON, Binary}).Draw(rt, "dialect")
		f := newTypedFake(t, "A", "B")
		defer f.srv.Close()
		f.piece = 1
		s := f.hold(d, "A", "B")
		defer s.Close()
		for range rapid.IntRange(1, 20).Draw(rt, "steps") {
			token := rapid.SampledFrom([]string{"A", "B"}).Draw(rt, "token")
			switch n := rapid.IntRange(1, 5).Draw(rt, "n"); rapid.IntRange(0, 5).Draw(rt, "act") {
			case 0:
				f.end(closeLost, "")
			case 1:
				f.lose(token, n)
			case 2:
				f.beat("live", 0)
			default:
				f.publish(token, n)
			}
		}
		want := map[string]uint64{"A": f.seq("A"), "B": f.seq("B")}
		got := map[string]uint64{}
		for got["A"] < want["A"] || got["B"] < want["B"] {
			select {
			case x := <-s.Ticks():
				if got[x.Token]++; x.Seq != got[x.Token] && x.Gap == nil {
					rt.Fatalf("%+v after %d of its token", x, got[x.Token]-1)
				}
				got[x.Token] = x.Seq
			case <-time.After(20 * time.Millisecond):
				f.beat("live", 0) // what was lost last shows only then
			}
		}
	})
}

func TestResumeGap(t *testing.T) {
	both(t, func(t *testing.T, d Dialect) {
		f := newTypedFake(t, "A")
		s := f.hold(d, "A")
		f.publish("A", 2)
		receiveSeqs(t, s, "A", 1, 2)
		f.end(closeLost, "")
		f.keep = 3
		f.publish("A", 8)
		got := receive(t, s.Ticks())
		if got.Seq != 10 || !got.Snap || got.Gap == nil || *got.Gap != (Gap{"A", 3, 9, GapRing}) {
			t.Fatalf("%+v", got)
		}
		if g := told[Gap](t, s); g != *got.Gap {
			t.Fatalf("%+v", g)
		}
		f.publish("A", 1)
		receiveSeqs(t, s, "A", 11, 11)
		if p := f.proves(s, Complete); p.Received != 4 || p.Gapped != 7 || p.Lost != 0 {
			t.Fatalf("%+v", p)
		}
		a := s.Accounts()[0]
		if a.Last-a.Base != a.Received+a.Skipped+a.Gapped+a.Lost || a.Last != 11 {
			t.Fatalf("%+v", a)
		}
	})
}

// Another run of the server: what came between is unknown, and said so.
func TestResumeEpoch(t *testing.T) {
	both(t, func(t *testing.T, d Dialect) {
		f := newTypedFake(t, "A", "B", "C")
		f.publish("B", 50)
		s := f.hold(d, "A", "B", "C")
		receive(t, s.Ticks())
		f.publish("A", 5)
		receiveSeqs(t, s, "A", 1, 5)
		f.restart()
		f.publish("A", 4)
		f.publish("B", 1)
		f.end(1012, "restart")
		got := receive(t, s.Ticks())
		if got.Token != "A" || got.Seq != 4 || !got.Snap || got.Gap == nil || *got.Gap != (Gap{"A", 1, 3, GapEpoch}) {
			t.Fatalf("%+v", got)
		}
		got = receive(t, s.Ticks())
		if got.Token != "B" || got.Seq != 1 || !got.Snap || *got.Gap != (Gap{"B", 1, 0, GapEpoch}) {
			t.Fatalf("%+v", got)
		}
		f.connected("C")
		f.publish("C", 1)
		f.publish("A", 1)
		if got = receive(t, s.Ticks()); got.Token != "C" || got.Seq != 1 || got.Gap.Reason != GapEpoch {
			t.Fatalf("%+v", got)
		}
		receiveSeqs(t, s, "A", 5, 5)
		p := f.proves(s, Complete)
		if p.Received != 4 || p.Gapped != 3 || p.Lost != 0 || p.Epoch != f.epoch {
			t.Fatalf("%+v", p)
		}
		f.end(closeLost, "")
		f.publish("A", 1)
		receiveSeqs(t, s, "A", 6, 6) // resumed in the new run
	})
}

// A value kept over the restart comes as a snap with seq 0.
func TestResumeEpochKeptValue(t *testing.T) {
	f := newTypedFake(t, "A")
	s := f.hold(JSON, "A")
	f.publish("A", 5)
	receiveSeqs(t, s, "A", 1, 5)
	f.restart()
	f.hijack = func(c *typedConn, q asked) bool {
		c.subs["A"] = q
		c.ack(q, []map[string]any{{"token": "A", "ref": 0, "seq": 5}}, nil) // as in from
		c.say(`{"type":"gap","token":"A","from":1,"to":-1,"reason":"epoch"}`)
		c.say(`{"type":"snap","token":"A","seq":0,"ts":1,"data":{}}`)
		return true
	}
	f.end(closeLost, "")
	got := receive(t, s.Ticks())
	if got.Seq != 0 || !got.Snap || got.Gap == nil || got.Gap.Reason != GapEpoch {
		t.Fatalf("%+v", got)
	}
	f.publish("A", 1)
	receiveSeqs(t, s, "A", 1, 1)
	f.proves(s, Complete)
}

// Tokens that are gone are dropped; one that is beyond what was published begins anew.
func TestResumeFailures(t *testing.T) {
	f := newTypedFake(t, "A", "B", "C")
	s := f.hold(JSON, "A", "B", "C")
	f.publish("A", 1)
	f.publish("B", 5)
	receiveSeqs(t, s, "A", 1, 1)
	receiveSeqs(t, s, "B", 1, 5)
	f.mu.Lock()
	delete(f.tokens, "C")
	f.tokens["B"].seq, f.tokens["B"].ltp = 2, f.tokens["B"].ltp[:2]
	f.mu.Unlock()
	f.end(closeLost, "")
	if got := receive(t, s.Ticks()); got.Token != "B" || got.Seq != 2 || !got.Snap {
		t.Fatalf("%+v", got)
	}
	if e := told[Dropped](t, s); e.Token != "C" || e.Code != 102 {
		t.Fatalf("%+v", e)
	}
	if got := s.Tokens(); !slices.Equal(got, []string{"A", "B"}) {
		t.Fatalf("holds %q", got)
	}
	f.publish("B", 1)
	receiveSeqs(t, s, "B", 3, 3)
	f.proves(s, Complete)
}

func TestResumeInPieces(t *testing.T) {
	var tokens []string
	for i := range 3000 {
		tokens = append(tokens, fmt.Sprintf("%064d", i))
	}
	f := newTypedFake(t, tokens...)
	f.piece = 40
	s := f.hold(JSON, tokens...)
	f.end(closeLost, "")
	f.connected(tokens[2999])
	f.publish(tokens[0], 1)
	f.publish(tokens[2999], 1)
	receiveSeqs(t, s, tokens[0], 1, 1)
	receiveSeqs(t, s, tokens[2999], 1, 1)
	f.proves(s, Complete)
	resumes := 0
	for _, r := range f.requests() {
		if len(r) > 128<<10 {
			t.Fatalf("a request of %d bytes", len(r))
		}
		if strings.Contains(r, `"from"`) {
			resumes++
		}
	}
	if resumes != 2 || len(s.Tokens()) != 3000 {
		t.Fatalf("%d resumes of %d tokens", resumes, len(s.Tokens()))
	}
}

// A draining server gives the instant of return: not before, and not much later.
func TestDrain(t *testing.T) {
	f := newTypedFake(t, "A")
	changes := make(chan Change, 8)
	o := f.options(JSON)
	o.BackoffMin, o.BackoffMax = time.Hour, time.Hour
	o.Notify = func(c Change) { changes <- c }
	s := f.open(o)
	if err := s.Subscribe(t.Context(), "A"); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	f.tell(`{"type":"drain","reconnect_after_ms":300,"deadline_ms":100}`)
	if e := told[Drain](t, s); e.Again.Sub(began) < 300*time.Millisecond || !e.Ending.Before(e.Again) {
		t.Fatalf("%+v", e)
	}
	f.end(1012, "restart")
	f.connected("A")
	f.mu.Lock()
	back := f.opened[1].Sub(began)
	f.mu.Unlock()
	if back < 300*time.Millisecond || back > 2*time.Second {
		t.Fatalf("back after %v", back)
	}
	if c := <-changes; c.Connected || c.Retry > 300*time.Millisecond {
		t.Fatalf("%+v", c)
	}
}

func TestRetryAfter(t *testing.T) {
	f := newTypedFake(t, "A")
	s := f.hold(JSON, "A")
	f.mu.Lock()
	refusals := 1
	f.refuse = func(w http.ResponseWriter) bool {
		if refusals--; refusals < 0 {
			return false
		}
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(503)
		return true
	}
	f.mu.Unlock()
	f.end(1013, "try later")
	f.connected("A")
	if pause := f.opened[2].Sub(f.opened[1]); pause < time.Second || s.Stats().Connects != 2 {
		t.Fatalf("again after %v, %d connects", pause, s.Stats().Connects)
	}
}

func TestTypedCloseCodes(t *testing.T) {
	for _, code := range []int{1001, 1006, 1011, 1012, 1013, 3005, 3008} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			f := newTypedFake(t, "A")
			s := f.hold(Binary, "A")
			f.end(code, "later")
			f.publish("A", 1)
			receiveSeqs(t, s, "A", 1, 1)
		})
	}
	for _, code := range []int{1000, 1002, 1003, 1007, 1008, 1009, 3501, 3503, 3507} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			f := newTypedFake(t, "A")
			s := f.hold(Binary, "A")
			f.end(code, "go away")
			finished(t, s.Ticks())
			for range s.Events() { // ends too
			}
			var closed *CloseError
			if !errors.As(s.Err(), &closed) || closed.Code != code || len(f.opened) != 1 {
				t.Fatalf("Err = %v", s.Err())
			}
		})
	}
}

// Three heartbeats' time without a frame is a lost connection.
func TestTypedSilence(t *testing.T) {
	f := newTypedFake(t, "A")
	f.beatMS = 500
	lost := make(chan Change, 8)
	o := f.options(JSON)
	o.Notify = func(c Change) { lost <- c }
	began := time.Now()
	f.open(o)
	c := <-lost
	if took := time.Since(began); !errors.Is(c.Err, errSilent) || took < 1400*time.Millisecond ||
		took > 4*time.Second {
		t.Fatalf("%v after %v", c.Err, took)
	}
}

// An account that has too many streams learns so when it opens one.
func TestTypedConnectionLimit(t *testing.T) {
	f := newTypedFake(t, "A")
	f.full = true
	if _, err := OpenStream(t.Context(), f.options(JSON)); !errors.Is(err, ErrConnectionLimit) {
		t.Fatalf("err = %v", err)
	}
}
