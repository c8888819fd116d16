package engine

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"azira/proto"
)

// TestTextDialect goes through the requests of the text dialect and their answers.
func TestTextDialect(t *testing.T) {
	e := newEngine(t, Options{Loops: 2, TokensPerStream: 3})
	pub := e.Publisher()
	for _, token := range []string{"A", "B", "C", "D"} {
		publish(pub, token, 0)
	}
	pub.Flush()
	p := connect(t, e, Stream{})
	for _, c := range []struct{ request, answer string }{
		{"subscribe|A,B", "Subscribed to tokens: A, B"},
		{"subscribe| A , B ", "Subscribed to tokens: A, B"},
		{"foo|A", "Unknown action: foo"},
		{"subscribe", "Error: expected subscribe|TOKEN,TOKEN or unsubscribe|TOKEN,TOKEN"},
		{"subscribe|A,,B", "Error: empty token name; expected names separated by commas"},
		{"subscribe|C,D", "Error: at most 3 tokens per stream"},
		{"unsubscribe|B,X", "Unsubscribed from tokens: B, X"},
		{"subscribe|C", "Subscribed to tokens: C"},
	} {
		p.text(c.request)
		p.want(c.answer)
	}
	p.send(frame(true, proto.OpBinary, "subscribe|A"))
	p.want(string(answerBinary))
	if n := p.owner.tokens.Load(); n != 2 {
		t.Errorf("the stream holds %d tokens, want 2", n)
	}
	for i, token := range []string{"B", "D", "A", "C"} {
		publish(pub, token, i+1)
	}
	pub.Flush()
	p.want(tick("A", 3))
	p.want(tick("C", 4))
	p.send(frame(true, proto.OpPing, "hi"))
	if op, got, err := p.next(); op != proto.OpPong || got != "hi" {
		t.Fatalf("ping answered with %d %q %v", op, got, err)
	}
	p.send(frame(true, proto.OpClose, "\x03\xe8bye"))
	p.wantClose(1000)
	eventually(t, "no stream is left", func() bool { return e.Streams() == 0 })
}

// TestUnknownToken holds that a refused subscribe is answered, closed, and leaves
// nothing behind in the fan-out.
func TestUnknownToken(t *testing.T) {
	e := newEngine(t, Options{Loops: 1})
	pub := e.Publisher()
	publish(pub, "A", 0)
	pub.Flush()
	p := connect(t, e, Stream{})
	p.text("subscribe|A,X,Y")
	p.want("Tokens not found: X, Y")
	p.wantClose(1008)
	eventually(t, "the stream is gone", func() bool { return e.Streams() == 0 })
	publish(pub, "A", 1)
	pub.Flush()
	eventually(t, "the tick is drained", func() bool { return e.Stats().Drained == 2 })
	if n := e.Stats().FramesOut; n != 0 {
		t.Errorf("%d frames sent to nobody", n)
	}
}

// TestGreatUnknownToken holds that nothing great is echoed.
func TestGreatUnknownToken(t *testing.T) {
	e := newEngine(t, Options{Loops: 1})
	p := connect(t, e, Stream{})
	p.text("subscribe|" + strings.Repeat("x", subscribeBytes-10))
	if _, got, err := p.next(); err != nil || len(got) > 200 {
		t.Fatalf("answered with %d bytes, %v", len(got), err)
	}
	p.wantClose(1008)
}

// TestBrokenRequests holds what each breach of the protocol is closed with, that
// its owner is told, and that others live on.
func TestBrokenRequests(t *testing.T) {
	e := newEngine(t, Options{Loops: 1})
	pub := e.Publisher()
	publish(pub, "A", 0)
	pub.Flush()
	other := connect(t, e, Stream{})
	other.subscribe("A")
	for _, c := range []struct {
		name  string
		bytes []byte
		code  int
	}{
		{"unmasked", []byte("\x81\x05hello"), 1002},
		{"reserved opcode", frame(true, 3, ""), 1002},
		{"not UTF-8", frame(true, proto.OpText, "\xff"), 1007},
		{"half a rune at once", frame(false, proto.OpText, "\xff"), 1007},
		{"close of one byte", frame(true, proto.OpClose, "x"), 1002},
		{"close with 1005", frame(true, proto.OpClose, "\x03\xed"), 1002},
		{"long request", frame(true, proto.OpText, strings.Repeat("x", requestBytes+1)), 1009},
		{"long request in pieces", frame(false, proto.OpText, strings.Repeat("x", requestBytes+1)), 1009},
		{"declared length", frame(true, proto.OpText, strings.Repeat("x", subscribeBytes+1))[:14], 1009},
		{"continuation", frame(true, proto.OpContinuation, "x"), 1002},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := connect(t, e, Stream{})
			p.send(c.bytes)
			p.wantClose(c.code)
		})
	}
	publish(pub, "A", 1)
	pub.Flush()
	other.want(tick("A", 1))
}

// TestFragments holds that a request may come in fragments, in bytes, with a
// ping in between, and together with others.
func TestFragments(t *testing.T) {
	e := newEngine(t, Options{Loops: 1})
	pub := e.Publisher()
	publish(pub, "A", 0)
	pub.Flush()
	p := connect(t, e, Stream{Early: frame(true, proto.OpText, "subscribe|A")})
	p.want("Subscribed to tokens: A")
	all := frame(false, proto.OpText, "unsub")
	all = append(all, frame(true, proto.OpPing, "")...)
	all = append(all, frame(true, proto.OpContinuation, "scribe|A")...)
	all = append(all, frame(true, proto.OpText, "subscribe|A")...)
	for _, b := range all {
		p.send([]byte{b})
		time.Sleep(200 * time.Microsecond)
	}
	if op, _, err := p.next(); op != proto.OpPong {
		t.Fatalf("%d %v instead of a pong", op, err)
	}
	p.want("Unsubscribed from tokens: A")
	p.want("Subscribed to tokens: A")
}

// TestRequestRate holds that requests beyond the rate are refused, and that who
// does not stop is closed.
func TestRequestRate(t *testing.T) {
	e := newEngine(t, Options{Loops: 1})
	p := connect(t, e, Stream{})
	var all []byte
	for range requestsBurst + 2*refusedMax {
		all = append(all, frame(true, proto.OpText, "foo|A")...)
	}
	p.send(all)
	for range requestsBurst {
		p.want("Unknown action: foo")
	}
	for {
		op, got, err := p.next()
		if err != nil {
			t.Fatal(err)
		}
		if op == proto.OpClose {
			if got[:2] != "\x0d\xaf" {
				t.Fatalf("closed with %x %q, want 3503", got[:2], got[2:])
			}
			return
		}
		if got != "Error: "+e.loops[0].tooFast() && got != "Unknown action: foo" {
			t.Fatalf("got %q", got)
		}
	}
}

// TestEcho holds that an echo stream gives great and fragmented messages back.
func TestEcho(t *testing.T) {
	e := newEngine(t, Options{Loops: 1})
	p := connect(t, e, Stream{Kind: Echo})
	great := strings.Repeat("0123456789abcdef", 1<<18) // 4 MiB
	go p.conn.Write(append(frame(false, proto.OpBinary, great), frame(true, proto.OpContinuation, "end")...))
	if op, got, err := p.next(); err != nil || op != proto.OpBinary || got != great+"end" {
		t.Fatalf("%d, %d bytes, %v", op, len(got), err)
	}
	p.text("€")
	p.want("€")
}

// TestRefusal holds that a stream attached only to be refused says why.
func TestRefusal(t *testing.T) {
	e := newEngine(t, Options{Loops: 1})
	p := connect(t, e, Stream{Refuse: &Refusal{1008, "connection limit 3 reached"}})
	op, got, err := p.next()
	if err != nil || op != proto.OpClose || got != "\x03\xf0connection limit 3 reached" {
		t.Fatalf("%d %q %v", op, got, err)
	}
	p.wantEnded(1008)
}

// TestCloseByHandle holds that a stream can be ended from outside, once, and that
// a handle never ends another that got its descriptor.
func TestCloseByHandle(t *testing.T) {
	e := newEngine(t, Options{Loops: 2})
	p := connect(t, e, Stream{})
	h := <-p.owner.handle
	e.Close(h, 3501, "logged out")
	p.wantClose(3501)
	eventually(t, "it is gone", func() bool { return e.Streams() == 0 })
	q := connect(t, e, Stream{})
	e.Close(h, 3501, "logged out")
	e.Close(<-q.owner.handle, 3507, "replaced")
	q.wantClose(3507)
	if n := p.owner.ends.Load(); n != 1 {
		t.Errorf("the owner was told %d times", n)
	}
}

// TestAbruptEnd holds that a reset and an end without a close frame free a stream.
func TestAbruptEnd(t *testing.T) {
	e := newEngine(t, Options{Loops: 1})
	p, q := connect(t, e, Stream{}), connect(t, e, Stream{})
	p.conn.SetLinger(0)
	p.conn.Close()
	p.wantEnded(1006)
	q.conn.CloseWrite()
	q.wantEnded(1006)
	eventually(t, "both are gone", func() bool { return e.Streams() == 0 })
}

// TestExpiry holds that a stream ends with its bearer, where so configured.
func TestExpiry(t *testing.T) {
	t.Parallel()
	e := newEngine(t, Options{Loops: 1, CloseOnExpiry: true})
	p := connect(t, e, Stream{Expires: time.Now().Add(1500 * time.Millisecond)})
	p.wantClose(3005)
}

// TestPing holds that an idle stream is pinged and lives without ever sending.
func TestPing(t *testing.T) {
	t.Parallel()
	e := newEngine(t, Options{Loops: 1, PingEvery: time.Second, DeadAfter: time.Second})
	p := connect(t, e, Stream{})
	for range 3 {
		if op, _, err := p.next(); op != proto.OpPing {
			t.Fatalf("%d %v instead of a ping", op, err)
		}
	}
}

// TestDrain holds that all streams are ended with 1012, and later ones too.
func TestDrain(t *testing.T) {
	e := newEngine(t, Options{Loops: 2})
	var peers []*peer
	for range 50 {
		peers = append(peers, connect(t, e, Stream{}))
	}
	done := make(chan error)
	go func() { done <- e.Drain(t.Context(), 300*time.Millisecond, 0) }()
	for _, p := range peers {
		p.wantClose(1012)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	connect(t, e, Stream{}).wantClose(1012)
	if err := e.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := e.Responsive(time.Second); err == nil {
		t.Error("a stopped engine is responsive")
	}
}

// A loop that does not come round is told of, until it does.
func TestStuckLoopIsTold(t *testing.T) {
	e := newEngine(t, Options{Loops: 2})
	if err := e.Responsive(5 * time.Second); err != nil {
		t.Fatal(err)
	}
	hold := make(chan struct{})
	release := sync.OnceFunc(func() { close(hold) })
	t.Cleanup(release)
	go e.loops[1].do(func() { <-hold })
	eventually(t, "it is told", func() bool {
		return errors.Is(e.Responsive(50*time.Millisecond), errSilent)
	})
	release()
	if err := e.Responsive(5 * time.Second); err != nil {
		t.Error(err)
	}
}
