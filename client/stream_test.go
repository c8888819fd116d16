package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
)

func TestStreamTicks(t *testing.T) {
	f := newFake(t, "NSE:1", "NSE:2")
	s := f.open(f.options())
	if err := s.Subscribe(t.Context(), " NSE:1", "NSE:2", "NSE:1"); err != nil {
		t.Fatal(err)
	}
	if got := f.requests(); !slices.Equal(got, []string{"subscribe|NSE:1,NSE:2"}) {
		t.Fatalf("sent %q", got)
	}
	f.tick("NSE:2", 7)
	got := receive(t, s.Ticks())
	if got.Token != "NSE:2" || string(got.Data) != `{"ltp":7,"token":"NSE:2"}` {
		t.Fatalf("got %q %s", got.Token, got.Data)
	}
	if q, err := got.Quote(); err != nil || q.Last != "7" || q.Bid != "" {
		t.Fatalf("quote %+v %v", q, err)
	}
	if err := s.Unsubscribe(t.Context(), "NSE:2"); err != nil {
		t.Fatal(err)
	}
	f.tick("NSE:2", 8)
	f.tick("NSE:1", 9)
	if got := receive(t, s.Ticks()); got.Token != "NSE:1" {
		t.Fatalf("got a tick of %q after unsubscribing it", got.Token)
	}
	if got := s.Tokens(); !slices.Equal(got, []string{"NSE:1"}) {
		t.Fatalf("holds %q", got)
	}
	s.Close()
	finished(t, s.Ticks())
	if !errors.Is(s.Err(), ErrClosed) {
		t.Fatalf("Err = %v", s.Err())
	}
	if err := s.Subscribe(t.Context(), "NSE:1"); !errors.Is(err, ErrClosed) {
		t.Fatalf("subscribe after Close: %v", err)
	}
	if got := s.Stats(); got.Ticks != 2 || got.Connects != 1 {
		t.Fatalf("stats %+v", got)
	}
}

func TestStreamPath(t *testing.T) {
	f := newFake(t)
	o := f.options()
	o.Username = "Zoë/ b"
	f.open(o).Close()
	o.Username, o.Server = "", o.Server+"/"
	f.open(o).Close()
	want := []string{"/api/trigger/ws/Zoë/ b", "/api/v1/stream"}
	if !slices.Equal(f.paths, want) {
		t.Fatalf("asked for %q", f.paths)
	}
}

func TestStreamRefusedUpgrade(t *testing.T) {
	f := newFake(t)
	o := f.options()
	o.Bearer = Fixed("wrong-secret")
	_, err := OpenStream(t.Context(), o)
	var refused *Error
	if !errors.As(err, &refused) || !errors.Is(err, ErrUnauthorized) ||
		refused.Detail != "Invalid token" || refused.Status != 401 {
		t.Fatalf("err = %#v", err)
	}
	if strings.Contains(err.Error(), "wrong-secret") {
		t.Fatal("the error shows the bearer")
	}
	f.accept = func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusServiceUnavailable)
		return false
	}
	_, err = OpenStream(t.Context(), f.options())
	if !errors.As(err, &refused) || !errors.Is(err, ErrBusy) || refused.RetryAfter != 7*time.Second {
		t.Fatalf("err = %#v", err)
	}
}

func TestStreamRefusedToken(t *testing.T) {
	f := newFake(t, "A")
	s := f.open(f.options())
	err := s.Subscribe(t.Context(), "A", "X", "Y")
	var refused *RefusedError
	if !errors.As(err, &refused) || !errors.Is(err, ErrUnknownToken) ||
		!slices.Equal(refused.Tokens, []string{"X", "Y"}) || refused.Op != "subscribe" {
		t.Fatalf("err = %#v", err)
	}
	finished(t, s.Ticks())
	if !errors.Is(s.Err(), ErrUnknownToken) || len(s.Tokens()) != 0 {
		t.Fatalf("Err = %v, holds %q", s.Err(), s.Tokens())
	}
}

func TestStreamConnectionLimit(t *testing.T) {
	f := newFake(t, "A")
	f.greet = func(c *websocket.Conn) bool {
		c.Close(1008, "connection limit 3 reached")
		return false
	}
	s := f.open(f.options())
	finished(t, s.Ticks())
	err := s.Subscribe(t.Context(), "A")
	if !errors.Is(err, ErrConnectionLimit) || !errors.Is(s.Err(), ErrConnectionLimit) {
		t.Fatalf("err = %v", err)
	}
	if s.Stats().Connects != 1 {
		t.Fatal("it tried again")
	}
}

// Which closes bring a reconnect is the protocol's list.
func TestStreamCloseCodes(t *testing.T) {
	for _, code := range []int{1001, 1006, 1011, 1012, 1013, 3005, 3008} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			t.Parallel()
			f := newFake(t, "A", "B")
			var back atomic.Int32
			o := f.options()
			o.Notify = func(c Change) {
				if c.Connected {
					back.Add(1)
				}
			}
			s := f.open(o)
			if err := s.Subscribe(t.Context(), "A", "B"); err != nil {
				t.Fatal(err)
			}
			f.end(code, "later")
			eventually(t, "reconnect", func() bool { return back.Load() == 1 })
			f.tick("B", 1)
			if got := receive(t, s.Ticks()); got.Token != "B" {
				t.Fatalf("got %q", got.Token)
			}
			if want := []string{"subscribe|A,B", "subscribe|A,B"}; !slices.Equal(f.requests(), want) {
				t.Fatalf("sent %q", f.requests())
			}
		})
	}
	for _, code := range []int{1000, 1002, 1003, 1007, 1008, 1009, 3501, 3503, 3507, 4000} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			t.Parallel()
			f := newFake(t, "A")
			s := f.open(f.options())
			if err := s.Subscribe(t.Context(), "A"); err != nil {
				t.Fatal(err)
			}
			f.end(code, "go away\x1b[2J")
			finished(t, s.Ticks())
			var closed *CloseError
			if !errors.As(s.Err(), &closed) || closed.Code != code {
				t.Fatalf("Err = %v", s.Err())
			}
			if strings.ContainsRune(closed.Reason, '\x1b') {
				t.Fatal("the reason still has control characters")
			}
		})
	}
}

func TestStreamNoReconnect(t *testing.T) {
	f := newFake(t, "A")
	o := f.options()
	o.NoReconnect = true
	s := f.open(o)
	eventually(t, "stream", func() bool { return len(f.all()) == 1 })
	f.end(1012, "restart")
	finished(t, s.Ticks())
	var closed *CloseError
	if !errors.As(s.Err(), &closed) || closed.Code != 1012 || s.Stats().Connects != 1 {
		t.Fatalf("Err = %v after %d connects", s.Err(), s.Stats().Connects)
	}
}

// A subscribe under way when the connection breaks is put to the next one.
func TestStreamSubscribeThroughReconnect(t *testing.T) {
	f := newFake(t, "A")
	refusals := 3
	f.greet = func(c *websocket.Conn) bool {
		f.mu.Lock()
		refusals--
		left := refusals
		f.mu.Unlock()
		if left >= 0 {
			c.Close(1013, "try later")
			return false
		}
		return true
	}
	s := f.open(f.options())
	if err := s.Subscribe(t.Context(), "A"); err != nil {
		t.Fatal(err)
	}
	if got := s.Stats().Connects; got != 4 {
		t.Fatalf("%d connects", got)
	}
}

// A bearer refused on the way back ends the Stream; an overloaded server does not.
func TestStreamBearerEnds(t *testing.T) {
	f := newFake(t, "A")
	var asked, busy atomic.Int32
	o := f.options()
	o.Bearer = func(context.Context) (string, error) {
		if asked.Add(1) > 1 && busy.Load() >= 2 {
			return "old", nil
		}
		return f.bearer, nil
	}
	s := f.open(o)
	f.mu.Lock()
	f.accept = func(w http.ResponseWriter, r *http.Request) bool {
		if busy.Add(1) <= 2 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return false
		}
		return true
	}
	f.mu.Unlock()
	eventually(t, "stream", func() bool { return len(f.all()) == 1 })
	f.end(3005, "expired")
	finished(t, s.Ticks())
	if !errors.Is(s.Err(), ErrUnauthorized) || busy.Load() != 3 {
		t.Fatalf("Err = %v after %d attempts", s.Err(), busy.Load())
	}
}

func TestStreamContext(t *testing.T) {
	f := newFake(t, "A")
	gate := make(chan struct{})
	f.accept = func(http.ResponseWriter, *http.Request) bool { <-gate; return true }
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := OpenStream(ctx, f.options())
	close(gate)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("open: %v", err)
	}

	s := f.open(f.options())
	eventually(t, "stream", func() bool { return len(f.all()) == 1 })
	f.mu.Lock() // the fake does not answer while it is held
	ctx, cancel = context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	err = s.Subscribe(ctx, "A")
	f.mu.Unlock()
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("subscribe: %v", err)
	}
	// The confirmation still comes, and counts.
	eventually(t, "late confirmation", func() bool { return len(s.Tokens()) == 1 })
}

// A consumer that does not read stops neither the reader nor pongs, and gets the
// newest tick of each token in the end.
func TestStreamSlowConsumer(t *testing.T) {
	f := newFake(t, "A", "B")
	o := f.options()
	o.Buffer = 16
	s := f.open(o)
	if err := s.Subscribe(t.Context(), "A", "B"); err != nil {
		t.Fatal(err)
	}
	const each = 500
	for i := range each {
		f.tick("A", i)
		f.tick("B", i)
	}
	eventually(t, "all received", func() bool { return s.Stats().Ticks == 2*each })
	for _, c := range f.all() {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := c.ws.Ping(ctx); err != nil {
			t.Fatalf("no pong: %v", err)
		}
	}
	seen, last := map[string]uint64{}, map[string]string{}
	for last["A"] != "499" || last["B"] != "499" {
		tick := receive(t, s.Ticks())
		q, err := tick.Quote()
		if err != nil {
			t.Fatal(err)
		}
		seen[tick.Token] += 1 + tick.Missed
		last[tick.Token] = q.Last.String()
	}
	if seen["A"] != each || seen["B"] != each {
		t.Fatalf("received + missed = %v, want %d each", seen, each)
	}
	if s.Stats().Conflated == 0 {
		t.Fatal("nothing counted as conflated")
	}
}

func TestStreamClosesWhileLost(t *testing.T) {
	f := newFake(t)
	o := f.options()
	o.BackoffMin, o.BackoffMax = time.Hour, time.Hour
	lost := make(chan Change, 1)
	o.Notify = func(c Change) { lost <- c }
	s := f.open(o)
	f.srv.CloseClientConnections()
	eventually(t, "stream", func() bool { f.end(closeLost, ""); return len(lost) == 1 })
	if c := <-lost; c.Err == nil || c.Retry < time.Minute {
		t.Fatalf("told %+v", c)
	}
	s.Close()
	finished(t, s.Ticks())
}

func TestSubscribeChecksNames(t *testing.T) {
	f := newFake(t)
	s := f.open(f.options())
	for _, bad := range [][]string{{"A,B"}, {"A|B"}, {""}, {strings.Repeat("x", 65)}, {"a\x00"}} {
		if err := s.Subscribe(t.Context(), bad...); !errors.Is(err, ErrToken) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if err := s.Subscribe(t.Context()); !errors.Is(err, ErrNoTokens) {
		t.Errorf("none: %v", err)
	}
	if len(f.requests()) != 0 {
		t.Errorf("sent %q", f.requests())
	}
}

func TestSplit(t *testing.T) {
	var tokens []string
	for i := range 3000 {
		tokens = append(tokens, fmt.Sprintf(`%062d"\`, i))
	}
	for _, v := range []verb{subscribe, unsubscribe} {
		most := map[verb]int{subscribe: 128 << 10, unsubscribe: 4 << 10}[v]
		var got []string
		for part := range split(tokens, most-requestBytesRest) {
			got = append(got, part...)
			r := &request{id: "18446744073709551615", verb: v, tokens: part,
				o: SubscribeOptions{ModeLTP, 123.456, true}}
			for range part {
				if v == subscribe {
					r.from, r.epoch = append(r.from, numberMax), numberMax
				}
			}
			for _, w := range []wire{&text{}, &typed{}} {
				if size := len(w.appendRequest(nil, r)); size > most {
					t.Errorf("%T %s: a request of %d bytes", w, v, size)
				}
			}
		}
		if !slices.Equal(got, tokens) {
			t.Errorf("%s: %d tokens came out of %d", v, len(got), len(tokens))
		}
	}
	for range split(nil, 100) {
		t.Error("a request for nothing")
	}
}
