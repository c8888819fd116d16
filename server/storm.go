package server

import (
	"math/rand/v2"
	"strconv"
	"sync"
	"time"
)

// A storm is many clients that come back at once. As long as they are served within
// stormWaitMax of being accepted they are all let in, however many they are: the fewer
// have to come again, the sooner it is over. Beyond that, and beyond --rate-accept, each
// is told an instant of its own at which there will be room, by the rate at which others
// are let in now.
type storm struct {
	// Fixed.
	rate  rate // of --rate-accept
	start time.Time

	mu     sync.Mutex
	full   time.Duration // when the bucket of rate is full again, since start
	booked time.Duration // up to when clients were told to come back

	span  time.Duration // when this span began
	taken int           // in this span
	least time.Duration // waited by everybody in it
	every time.Duration // between two that were taken, lately
	late  bool          // everybody in the last span waited too long
}

func newStorm(r rate) *storm {
	return &storm{rate: r, start: time.Now(), every: time.Millisecond}
}

// admit lets a client in that has waited so long, or says in how many seconds it is to
// come back.
func (s *storm) admit(waited time.Duration) (back string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Since(s.start)
	s.look(now, waited)
	if s.late && waited > stormWaitMax {
		return s.book(now, s.every), false
	}
	if s.rate.count > 0 {
		every := s.rate.every()
		full := max(s.full, now) + every
		if full-now > max(time.Second, every) {
			return s.book(now, every), false
		}
		s.full = full
	}
	s.taken++
	return "", true
}

// soon is when to come back where nothing tells how many others will: 1 to 5 seconds, so
// that they do not come all at once.
func soon() string { return strconv.Itoa(stormBackMin + rand.IntN(stormSoonMax)) }

// look keeps account of a span.
func (s *storm) look(now, waited time.Duration) {
	if d := now - s.span; d >= stormLook {
		if s.taken > 0 {
			s.every = d / time.Duration(s.taken)
		}
		s.late = s.least > stormWaitMax && d < 2*stormLook
		s.span, s.taken, s.least = now, 0, waited
	}
	s.least = min(s.least, waited)
}

// book is the next free instant, spread by a quarter so that what is told in whole
// seconds does not come in lumps.
func (s *storm) book(now, every time.Duration) string {
	s.booked = min(max(s.booked, now)+every, now+stormBackMax*time.Second)
	d := (s.booked - now).Seconds()
	d += rand.Float64() * max(d/4, stormBackMin)
	return strconv.Itoa(min(stormBackMin+int(d), stormBackMax))
}
