package inbox

import (
	"sync/atomic"
	"testing"
	"time"

	"azira/store"
)

// A second stream of an account is told of what is gone, as the first one is.
func TestGapSecondStream(t *testing.T) {
	s := open(t, Options{MessagesMax: 10})
	a := sit(t, s, "ann")
	x := s.mustSend(t, "ann", "1")
	eventually(t, "1", func() bool { return len(ids(a)) == 1 })
	a.seat.Ack(x)
	time.Sleep(50 * time.Millisecond)
	a.shutUp(true)
	for range 30 {
		s.mustSend(t, "ann", "x")
	}
	b := sit(t, s, "ann")
	eventually(t, "10", func() bool { return len(ids(b)) == 10 })
	if gaps(b) != 20 {
		t.Errorf("b was told of %d gone, want 20", gaps(b))
	}
	a.shutUp(false)
	eventually(t, "10", func() bool { return len(ids(a)) == 11 })
	if gaps(a) != 20 {
		t.Errorf("a was told of %d gone, want 20", gaps(a))
	}
}

// An ack by HTTP, or a group joined, does not hide from a slow stream what is gone.
func TestGapRegroup(t *testing.T) {
	for _, how := range []string{"ack", "regroup"} {
		t.Run(how, func(t *testing.T) {
			s := open(t, Options{MessagesMax: 10})
			a := sit(t, s, "ann")
			x := s.mustSend(t, "ann", "1")
			y := s.mustSend(t, "ann", "2")
			eventually(t, "2", func() bool { return len(ids(a)) == 2 })
			_ = y
			a.shutUp(true)
			for range 30 {
				s.mustSend(t, "ann", "x")
			}
			if how == "ack" {
				_ = s.Ack(bg, "ann", x)
			} else {
				_ = s.Regroup(bg, "ann")
			}
			time.Sleep(50 * time.Millisecond)
			a.shutUp(false)
			eventually(t, "10", func() bool { return len(ids(a)) == 12 })
			if gaps(a) != 20 {
				t.Errorf("told of %d gone, want 20", gaps(a))
			}
		})
	}
}

// Bytes kept count the content of messages to many; what is trimmed leaves no body.
func TestSharedBytes(t *testing.T) {
	s := open(t, Options{MessagesMax: 100, BytesMax: 50_000})
	for range 200 {
		_, err := s.SendMany(bg, []string{"a", "b"}, Draft{From: "v", Content: make([]byte, 10_000)})
		if err != nil {
			t.Fatal(err)
		}
	}
	p, _ := s.Messages("a", Query{Limit: 500})
	bytes := 0
	for _, m := range p.Messages {
		bytes += len(m.Content)
	}
	bodies := 0
	_ = s.store.Scan(store.TableInbox, []byte{keyBody}, func(_, _ []byte) error { bodies++; return nil })
	if bytes > 50_000 {
		t.Errorf("%d bytes are kept in a log of 50,000", bytes)
	}
	if bodies > 100 {
		t.Errorf("%d bodies are kept for %d messages", bodies, len(p.Messages))
	}
}

// Receipts go with the account.
func TestRemoveReceipts(t *testing.T) {
	s := open(t, Options{})
	d := Draft{From: "v", Content: []byte("x"), Key: "k"}
	r, _ := s.Send(bg, "ann", d)
	if err := s.Remove(bg, "v"); err != nil {
		t.Fatal(err)
	}
	if again, _ := s.Send(bg, "ann", d); again == r {
		t.Error("who has the name now got the receipt of who had it before")
	}
}

// A group whose vendor is gone is not read by who is still connected.
func TestGroupGone(t *testing.T) {
	var in atomic.Bool
	in.Store(true)
	s := open(t, Options{Groups: func(string) ([]Membership, error) {
		if in.Load() {
			return []Membership{{Group: "v"}}, nil
		}
		return nil, nil
	}})
	a := sit(t, s, "ann")
	s.mustSend(t, "ann", "1")
	eventually(t, "1", func() bool { return len(ids(a)) == 1 })
	in.Store(false)
	s.Regrouped("ann")
	_, _ = s.SendGroup(bg, "v", Draft{From: "v", Content: []byte("x")})
	time.Sleep(100 * time.Millisecond)
	if len(ids(a)) != 1 {
		t.Error("got a message of a group it is not in")
	}
}

// Gap of a group whose messages are all too old.
func TestGapGroupAge(t *testing.T) {
	var ahead atomic.Int64
	s := open(t, Options{Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) },
		Groups: func(string) ([]Membership, error) { return []Membership{{Group: "v"}}, nil }})
	_ = s.Regroup(bg, "ann")
	for range 5 {
		_, _ = s.SendGroup(bg, "v", Draft{From: "v", Content: []byte("x")})
		s.mustSend(t, "ann", "x")
	}
	ahead.Add(int64(8 * 24 * time.Hour))
	s.mustSend(t, "ann", "young")
	a := sit(t, s, "ann")
	eventually(t, "1", func() bool { return len(ids(a)) == 1 })
	time.Sleep(100 * time.Millisecond)
	if gaps(a) != 10 {
		t.Errorf("told of %d gone, want 10", gaps(a))
	}
}
