package client

import (
	"slices"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// What a test has a typedFake do. All may be called without mu.

// publish publishes n ticks of a token: ltp is seq + 0.5 in each.
func (f *typedFake) publish(token string, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for range n {
		f.add(token)
		for c := range f.conns {
			if _, held := c.subs[token]; held && !f.silent {
				c.send("tick", token, f.tokens[token].seq)
			}
		}
	}
}

func (f *typedFake) add(token string) {
	k := f.tokens[token]
	k.seq++
	k.ltp = append(k.ltp, int64(k.seq)*100+50)
	k.ltp = k.ltp[max(0, len(k.ltp)-f.keep):]
}

// lose publishes n ticks and forgets to send them.
func (f *typedFake) lose(token string, n int) {
	f.mu.Lock()
	f.silent = true
	f.mu.Unlock()
	f.publish(token, n)
	f.mu.Lock()
	f.silent = false
	f.mu.Unlock()
}

// conflate publishes n ticks and sends a skip that counts told of them.
func (f *typedFake) conflate(token string, n, told int) {
	f.lose(token, n)
	f.tell(`{"type":"skip","token":%q,"count":%d,"seq":%d}`, token, told, f.seq(token)+1)
}

func (f *typedFake) tell(form string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.conns {
		c.say(form, args...)
	}
}

// beat sends a heartbeat whose sum is off by so many.
func (f *typedFake) beat(feed string, off int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.conns {
		sum := off
		for token := range c.subs {
			sum += int(f.tokens[token].seq)
		}
		c.say(`{"type":"hb","ts":1764289349123456,"sum":%d,"pending":0,"feed":%q,"age_ms":12}`, sum, feed)
	}
}

// restart is another run of the server, in which the tokens have no ticks.
func (f *typedFake) restart() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.epoch += 60e6
	for _, k := range f.tokens {
		k.seq, k.ref, k.ltp = 0, k.ref+100, nil
	}
}

func (f *typedFake) seq(token string) uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.tokens[token].seq
}

// end closes all connections, and is done when the fake has seen them go.
func (f *typedFake) end(code int, reason string) {
	f.mu.Lock()
	all := make([]*typedConn, 0, len(f.conns))
	for c := range f.conns {
		all = append(all, c)
		delete(f.conns, c)
	}
	f.mu.Unlock()
	for _, c := range all {
		if code == closeLost {
			c.ws.CloseNow()
			continue
		}
		c.ws.Close(websocket.StatusCode(code), reason)
	}
}

func (f *typedFake) requests() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.heard)
}

func (f *typedFake) options(d Dialect) StreamOptions {
	return StreamOptions{Server: f.srv.URL, Bearer: Fixed("good.bearer"), Dialect: d,
		BackoffMin: 5 * time.Millisecond, BackoffMax: 50 * time.Millisecond}
}

func (f *typedFake) open(o StreamOptions) *Stream {
	f.t.Helper()
	s, err := OpenStream(f.t.Context(), o)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { s.Close() })
	return s
}

// hold opens a stream and subscribes tokens, of which none has failed.
func (f *typedFake) hold(d Dialect, tokens ...string) *Stream {
	f.t.Helper()
	s := f.open(f.options(d))
	if err := s.Subscribe(f.t.Context(), tokens...); err != nil {
		f.t.Fatal(err)
	}
	return s
}

// connected waits until the fake has so many connections that hold a token.
func (f *typedFake) connected(token string) {
	f.t.Helper()
	eventually(f.t, "connection that holds "+token, func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		for c := range f.conns {
			if _, held := c.subs[token]; held {
				return true
			}
		}
		return false
	})
}

// receiveSeqs takes ticks of a token and wants them in this order.
func receiveSeqs(t *testing.T, s *Stream, token string, from, to uint64) {
	t.Helper()
	for seq := from; seq <= to; seq++ {
		if got := receive(t, s.Ticks()); got.Token != token || got.Seq != seq || got.Snap ||
			got.Gap != nil || got.Skipped != 0 {
			t.Fatalf("got %+v, want tick %d of %s", got, seq, token)
		}
	}
}

// told waits for an event of a kind.
func told[E Event](t *testing.T, s *Stream) E {
	t.Helper()
	late := time.After(5 * time.Second)
	for {
		select {
		case e, ok := <-s.Events():
			if want, is := e.(E); is {
				return want
			}
			if !ok {
				t.Fatal("the events have ended")
			}
		case <-late:
			var want E
			t.Fatalf("no %T within 5 s", want)
		}
	}
}

// proves beats and waits for a state.
func (f *typedFake) proves(s *Stream, want ProofState) Proof {
	f.t.Helper()
	f.beat("live", 0)
	eventually(f.t, "proof "+want.String(), func() bool { return s.Complete().State == want })
	return s.Complete()
}
