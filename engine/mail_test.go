package engine

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"azira/proto"
)

// A postman is an owner that posts numbered frames, the next when the last is taken.
type postman struct {
	*owner
	e       *Engine
	size    int
	handle  atomic.Uint64
	next    atomic.Int64
	refused atomic.Int64
	last    atomic.Int64
}

func (x *postman) Opened(handle uint64) {
	x.handle.Store(handle)
	x.owner.Opened(handle)
	x.post()
}

func (x *postman) Took(all bool) {
	if all {
		x.next.Add(1)
	} else {
		x.refused.Add(1)
	}
	if x.next.Load() < x.last.Load() {
		go x.post()
	}
}

func (x *postman) post() {
	text := fmt.Sprintf(`{"type":"msg","n":%d,"fill":%q}`, x.next.Load(), strings.Repeat("x", x.size))
	x.e.Post(x.handle.Load(), proto.AppendFrame(nil, proto.OpText, []byte(text)))
}

func (x *postman) Ack(id uint64) bool  { return id == 7 }
func (x *postman) Roster(on bool) bool { return on }

// Posted frames come whole, in order and once, beside ticks, to a reader that stops and
// goes on; while it stops, it holds none of them.
func TestPost(t *testing.T) {
	t.Parallel()
	for name, sealed := range map[string]bool{"plain": false, "sealed": true} {
		t.Run(name, func(t *testing.T) { post(t, sealed) })
	}
}

// goOn publishes ticks until it is told to end.
func goOn(pub *Publisher, tokens int) (end func()) {
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for n := 1; ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			for i := range tokens {
				publish(pub, tokenName(i), n)
			}
			pub.Flush()
			time.Sleep(2 * time.Millisecond)
		}
	}()
	return func() { close(stop); <-done }
}

func post(t *testing.T, sealed bool) {
	const tokens, frames = 20, 100
	e := newEngine(t, Options{Loops: 1, RingBytes: 1 << 20, MaxLagBytes: 64 << 10})
	pub := e.Publisher()
	var names []string
	for i := range tokens {
		names = append(names, tokenName(i))
		publish(pub, tokenName(i), 0)
	}
	pub.Flush()
	x := &postman{owner: newOwner(), e: e, size: 4000}
	x.last.Store(frames)
	s := Stream{Owner: x}
	if sealed {
		s.Sealer = &plainSealer{}
	}
	p := connect(t, e, s)
	p.owner = x.owner
	p.conn.SetReadBuffer(32 << 10)
	p.text("subscribe|" + strings.Join(names, ","))
	end := goOn(pub, tokens)
	want := 0
	read := func(upto int) {
		t.Helper()
		for want < upto {
			op, text, err := p.next()
			if op == proto.OpPing {
				continue
			}
			if err != nil || op != proto.OpText {
				t.Fatalf("%d %q %v", op, text, err)
			}
			if !strings.HasPrefix(text, `{"type":"msg"`) {
				continue
			}
			if !strings.HasPrefix(text, fmt.Sprintf(`{"type":"msg","n":%d,`, want)) {
				t.Fatalf("message %d is %.40q", want, text)
			}
			want++
		}
	}
	read(30)
	eventually(t, "it is parked, and has been for a while", func() bool {
		since := x.parked.Load()
		return since != 0 && time.Now().Unix()-since > 2
	})
	at := x.next.Load()
	time.Sleep(300 * time.Millisecond)
	if x.next.Load() != at {
		t.Error("frames are taken from a postman whose stream takes none")
	}
	if held := e.loops[0].partialNow(); held > 4000+200 {
		t.Errorf("%d bytes are held", held)
	}
	read(frames)
	end()
	if e.loops[0].partialNow() != 0 {
		t.Errorf("%d bytes are still counted", e.loops[0].partialNow())
	}
}

// Frames for a stream that has taken nothing for a while are refused and forgotten, and
// its owner hears when it takes some again.
func TestPostRefused(t *testing.T) {
	t.Parallel()
	e := newEngine(t, Options{Loops: 1, RingBytes: 1 << 20, MaxLagBytes: 64 << 10})
	pub := e.Publisher()
	publish(pub, tokenName(0), 0)
	pub.Flush()
	x := &postman{owner: newOwner(), e: e, size: 10}
	p := connect(t, e, Stream{Owner: x})
	p.owner = x.owner
	p.shrink()
	x.last.Store(0)
	p.want(`{"type":"msg","n":0,"fill":"xxxxxxxxxx"}`)
	p.subscribe(tokenName(0))
	for n := 1; x.parked.Load() == 0 || time.Now().Unix()-x.parked.Load() < 3; n++ {
		publish(pub, tokenName(0), n)
		pub.Flush()
		time.Sleep(100 * time.Microsecond)
	}
	x.post()
	time.Sleep(50 * time.Millisecond)
	if x.refused.Load() != 0 || x.next.Load() != 1 {
		t.Fatalf("told %d refusals, %d taken", x.refused.Load(), x.next.Load())
	}
	if held := e.loops[0].partialNow(); held != 0 {
		t.Errorf("%d bytes are held", held)
	}
	x.last.Store(2)
	for {
		_, text, err := p.next()
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(text, `{"type":"msg","n":1,`) {
			break
		}
	}
	if x.refused.Load() == 0 {
		t.Error("its owner was not told to post again")
	}
}

// partialNow is partial, asked on the loop.
func (l *loop) partialNow() (n int) {
	done := make(chan struct{})
	_ = l.do(func() { n = l.partial; close(done) })
	<-done
	return n
}

// Acknowledgements and rosters are the owner's affair, on streams that have messages.
func TestRecipientRequests(t *testing.T) {
	e := newEngine(t, Options{})
	has := connect(t, e, Stream{Kind: JSON, Owner: &postman{owner: newOwner(), e: e}})
	hasNot := connect(t, e, Stream{Kind: JSON})
	text := connect(t, e, Stream{Owner: &postman{owner: newOwner(), e: e}})
	ask := func(p *peer, request, want string) {
		t.Helper()
		p.text(request)
		for {
			_, got, err := p.next()
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(got, `{"type":"ack"`) || strings.HasPrefix(got, `{"type":"error"`) ||
				!strings.HasPrefix(got, "{") {
				if !strings.Contains(got, want) {
					t.Errorf("%s: %s", request, got)
				}
				return
			}
		}
	}
	ask(has, `{"op":"ack","id":1,"message":7}`, `{"type":"ack","id":1,"op":"ack","ok":[]`)
	ask(has, `{"op":"ack","id":1,"message":8}`, `"code":107`)
	ask(has, `{"op":"ack","id":1,"message":"x"}`, `"code":107`)
	ask(has, `{"op":"roster","id":2}`, `"op":"roster"`)
	ask(hasNot, `{"op":"ack","id":1,"message":7}`, `"code":103`)
	ask(hasNot, `{"op":"roster"}`, `"code":103`)
	ask(text, `ack|7`, "Acknowledged messages up to: 7")
	ask(text, `ack|x`, "Error: ")
}
