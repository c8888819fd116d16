package inbox

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"
)

// After an acknowledgement that could not be stored (the disk failed for a moment), a new
// stream of an account that has another open gets its messages.
func TestSeatAfterFailedAck(t *testing.T) {
	var bad atomic.Bool
	s := open(t, Options{Groups: func(string) ([]Membership, error) {
		if bad.Load() {
			return nil, errors.New("no disk")
		}
		return nil, nil
	}})
	a := sit(t, s, "ann")
	x := s.mustSend(t, "ann", "1")
	eventually(t, "1", func() bool { return len(ids(a)) == 1 })
	bad.Store(true)
	a.seat.Ack(x)
	time.Sleep(100 * time.Millisecond)
	bad.Store(false)
	y := s.mustSend(t, "ann", "2")
	b := sit(t, s, "ann")
	for end := time.Now().Add(3 * time.Second); len(ids(b)) == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the second stream has %v, want %d", ids(b), y)
		}
	}
}

// From "one" to "all": what comes again is marked.
func TestAgainIsMarked(t *testing.T) {
	s := open(t, Options{})
	_ = s.SetTurns(context.Background(), "w", true)
	a := sit(t, s, "w")
	s.mustSend(t, "w", "x")
	eventually(t, "given", func() bool { return len(ids(a)) == 1 })
	_ = s.SetTurns(context.Background(), "w", false)
	eventually(t, "given anew", func() bool { return len(ids(a)) == 2 })
	if !a.all()[1].Redelivered {
		t.Error("not marked")
	}
}

// A gap of a quiet group is told though the own log has several pages.
func TestGapQuietGroup(t *testing.T) {
	var ahead atomic.Int64
	s := open(t, Options{Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) },
		Groups: func(string) ([]Membership, error) { return []Membership{{Group: "v"}}, nil }})
	_ = s.Regroup(context.Background(), "ann")
	for range 5 {
		_, _ = s.SendGroup(context.Background(), "v", Draft{From: "v", Content: []byte("x")})
	}
	ahead.Add(int64(8 * 24 * time.Hour))
	for range 30 {
		s.mustSend(t, "ann", string(make([]byte, 1000)))
	}
	a := sit(t, s, "ann")
	eventually(t, "30", func() bool { return len(ids(a)) == 30 })
	time.Sleep(100 * time.Millisecond)
	if gaps(a) != 5 {
		t.Errorf("told of %d gone, want 5", gaps(a))
	}
}
