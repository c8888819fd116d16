package auth

import (
	"errors"
	"testing"
	"time"
	"unsafe"
)

// jumped is t on a machine whose wall clock was set by d meanwhile: its monotonic part,
// the second word of a Time, stays.
func jumped(t time.Time, d time.Duration) time.Time {
	t = t.Add(d)
	*(*int64)(unsafe.Add(unsafe.Pointer(&t), 8)) -= int64(d)
	return t
}

// Which stream is dead, and which ticket has expired, does not change when somebody sets
// the wall clock.
func TestWallClockJumps(t *testing.T) {
	for _, jump := range []time.Duration{time.Hour, -time.Hour} {
		began := time.Now()
		now := began
		o := cheap()
		o.Now = func() time.Time { return now }
		s := serve(t, o)
		if d := jumped(began, jump).Sub(began); d != 0 {
			t.Skipf("a Time is made otherwise here: %v", d)
		}
		id := verify(t, s, register(t, s, "ann").AccessToken)
		var last *Stream
		for i := range 3 {
			st, _, err := s.OpenStream(id, StreamInfo{})
			if err != nil {
				t.Fatal(err)
			}
			st.Opened(uint64(i))
			last = st
		}
		ticket, err := s.MintTicket(id)
		if err != nil {
			t.Fatal(err)
		}
		last.Parked(s.steady())
		now = jumped(began.Add(5*time.Second), jump)
		if _, _, err := s.OpenStream(id, StreamInfo{}); !errors.Is(err, ErrStreamLimit) {
			t.Errorf("%v: a stream is dead after 5 s: %v", jump, err)
		}
		now = jumped(began.Add(11*time.Second), jump)
		if _, evicted, err := s.OpenStream(id, StreamInfo{}); err != nil || evicted != last {
			t.Errorf("%v: no stream is dead after 11 s: %v", jump, err)
		}
		if _, err := s.RedeemTicket(ticket); err != nil {
			t.Errorf("%v: the ticket: %v", jump, err)
		}
		ticket, _ = s.MintTicket(id)
		now = jumped(now.Add(61*time.Second), -jump)
		if _, err := s.RedeemTicket(ticket); !errors.Is(err, ErrTicket) {
			t.Errorf("%v: the ticket lives on: %v", jump, err)
		}
	}
}
