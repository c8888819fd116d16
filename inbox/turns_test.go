package inbox

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var bg = context.Background()

// A sender that has its receipt reads its message.
func TestReadYourWrites(t *testing.T) {
	s := open(t, Options{MessagesMax: 100})
	var missed, refused, all atomic.Int64
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Go(func() {
			name := fmt.Sprint("a", g)
			f := s.Sit(name, &fakeStream{t: t, shut: true})
			for range 200 {
				r, err := s.Send(bg, name, Draft{From: "x", Content: []byte("y")})
				if err != nil {
					t.Error(err)
				}
				if !f.Ack(r.ID) {
					refused.Add(1)
				}
				if _, err := s.Sender(name, r.ID); err != nil {
					missed.Add(1)
				}
				all.Add(1)
			}
			f.Ended()
		})
	}
	wg.Wait()
	if missed.Load()+refused.Load() > 0 {
		t.Errorf("of %d accepted messages %d were not there, %d acks refused", all.Load(), missed.Load(), refused.Load())
	}
}

func ids(f *fakeStream) (out []uint64) {
	for _, g := range f.all() {
		if g.Type == "msg" {
			out = append(out, g.ID)
		}
	}
	return out
}

// In turns: what came back from a stream that left and is given to one that has acknowledged
// greater ids is not acknowledged by that.
func TestTurnsBackBelowAck(t *testing.T) {
	s := open(t, Options{})
	if err := s.SetTurns(bg, "w", true); err != nil {
		t.Fatal(err)
	}
	a, b := sit(t, s, "w"), sit(t, s, "w")
	for range 6 {
		s.mustSend(t, "w", "x")
	}
	eventually(t, "3 each", func() bool { return len(ids(a)) == 3 && len(ids(b)) == 3 })
	bs := ids(b)
	last := max(ids(a)[2], bs[2])
	a.seat.Ack(last) // all it has, and beyond: cumulative
	time.Sleep(50 * time.Millisecond)
	b.end() // without an ack
	eventually(t, "a gets b's", func() bool { return len(ids(a)) == 6 })
	time.Sleep(200 * time.Millisecond)
	p, _ := s.Messages("w", Query{Limit: 100})
	if p.Acked >= bs[0] {
		t.Errorf("nobody has acknowledged %d, but the cursor is at %d", bs[0], p.Acked)
	}
	a.end()
	c := sit(t, s, "w")
	eventually(t, "c gets them again", func() bool { return len(ids(c)) >= 3 })
}

// The same with acks of own messages alone.
func TestTurnsBackBelowOwnAck(t *testing.T) {
	s := open(t, Options{})
	_ = s.SetTurns(bg, "w", true)
	a, b := sit(t, s, "w"), sit(t, s, "w")
	for range 6 {
		s.mustSend(t, "w", "x")
	}
	eventually(t, "3 each", func() bool { return len(ids(a)) == 3 && len(ids(b)) == 3 })
	bs, as := ids(b), ids(a)
	a.seat.Ack(as[2])
	time.Sleep(50 * time.Millisecond)
	b.end()
	eventually(t, "a gets b's", func() bool { return len(ids(a)) == 6 })
	time.Sleep(200 * time.Millisecond)
	if p, _ := s.Messages("w", Query{Limit: 100}); p.Acked >= bs[0] {
		t.Errorf("a was given %v and acked %d; then b's %v; cursor is at %d", as, as[2], bs, p.Acked)
	}
}

// In turns: what was acknowledged by HTTP does not come again when the stream leaves.
func TestTurnsHTTPAck(t *testing.T) {
	s := open(t, Options{})
	_ = s.SetTurns(bg, "w", true)
	a, b := sit(t, s, "w"), sit(t, s, "w")
	var last uint64
	for range 6 {
		last = s.mustSend(t, "w", "x")
	}
	eventually(t, "3 each", func() bool { return len(ids(a)) == 3 && len(ids(b)) == 3 })
	if err := s.Ack(bg, "w", last); err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond)
	b.end()
	time.Sleep(300 * time.Millisecond)
	if n := len(ids(a)); n != 3 {
		t.Errorf("a has %d: acknowledged messages came again", n)
	}
}

// In turns: memory of who never acknowledges is bounded by what its inbox keeps.
func TestTurnsHeld(t *testing.T) {
	s := open(t, Options{MessagesMax: 50})
	_ = s.SetTurns(bg, "w", true)
	a := sit(t, s, "w")
	for range 1000 {
		s.mustSend(t, "w", "x")
	}
	eventually(t, "given", func() bool { return len(ids(a)) > 900 })
	time.Sleep(300 * time.Millisecond)
	a.end()
	time.Sleep(100 * time.Millisecond)
	b := s.Sit("w", &fakeStream{t: t, shut: true}) // keeps the desk
	defer b.Ended()
	s.floor.mu.Lock()
	defer s.floor.mu.Unlock()
	if d := a.seat.desk; len(d.turns.back) > 100 || len(a.seat.held) > 100 {
		t.Errorf("%d ids came back to the desk of an inbox of 50", len(d.turns.back))
	}
}

// From "one" to "all": what came back and had not been given again is not skipped.
func TestTurnsToAll(t *testing.T) {
	s := open(t, Options{})
	_ = s.SetTurns(bg, "w", true)
	a, b := sit(t, s, "w"), sit(t, s, "w")
	for range 6 {
		s.mustSend(t, "w", "x")
	}
	eventually(t, "3 each", func() bool { return len(ids(a)) == 3 && len(ids(b)) == 3 })
	bs := ids(b)
	_ = s.SetTurns(bg, "w", false)
	b.end() // without having acknowledged
	last := s.mustSend(t, "w", "y")
	eventually(t, "a has the last", func() bool { l := ids(a); return l[len(l)-1] == last })
	a.seat.Ack(last)
	time.Sleep(50 * time.Millisecond)
	a.end()
	time.Sleep(50 * time.Millisecond)
	c := sit(t, s, "w")
	time.Sleep(200 * time.Millisecond)
	if len(ids(a)) != 10 {
		t.Errorf("b's %v were acknowledged by nobody who had them; a has %v, c has %v", bs, ids(a), ids(c))
	}
}

func gaps(f *fakeStream) (n uint64) {
	for _, g := range f.all() {
		n += g.Dropped
	}
	return n
}
