package auth

import (
	"hash/maphash"
	"slices"
	"sync"
	"time"
)

// slots are the open streams of the accounts whose names fall into one shard.
// What has a slot counts, from OpenStream on; the limit holds at every moment
// because counting, evicting and adding happen under one lock.
type slots struct {
	service  *Service
	mu       sync.Mutex
	accounts map[string]*account // those with open streams
}

// An account with open streams.
type account struct {
	name  string
	slots *slots
	first *Stream // the newest; a list by next and prev
	n     int
}

// OpenStream takes a slot for a stream of id, which Verify or RedeemTicket just
// returned. If all are taken, a stream that is known to be dead makes room, or,
// with ReplaceOldest, the oldest: it is returned as evicted, is told to close
// (3507) and no longer counts. Else ErrStreamLimit; ErrRevoked if the session
// has ended since.
//
// An account that a vendor created needs a place among that vendor's streams too: else the
// error is a *VendorLimitError.
func (s *Service) OpenStream(id Identity, i StreamInfo) (st, evicted *Stream, err error) {
	st = s.newStream(&id, i)
	v, err := s.creator(id.Username)
	if err != nil {
		return nil, nil, err
	}
	l := s.slotsOf(id.Username)
	for {
		if err := s.alive(&id); err != nil { // may read the disk: not under the lock
			return nil, nil, err
		}
		l.mu.Lock()
		if s.epochOf(id.Session).Load() == id.epoch {
			break // whoever ends the session from now on finds st
		}
		l.mu.Unlock()
	}
	a := l.accounts[id.Username]
	if a == nil {
		a = &account{name: id.Username, slots: l}
	}
	if limit := s.streamLimit(id.Username); limit != Unlimited && a.n >= limit {
		if evicted = s.victim(a); evicted == nil {
			l.mu.Unlock()
			return nil, nil, ErrStreamLimit
		}
	}
	if err := v.place(st, evicted); err != nil {
		l.mu.Unlock()
		return nil, nil, err
	}
	if evicted != nil {
		l.remove(evicted)
	}
	l.add(a, st)
	tell := evicted != nil && l.ask(evicted, CodeReplaced)
	l.mu.Unlock()
	s.o.Changed(a.name)
	if tell {
		s.tellClose(evicted, CodeReplaced)
	}
	return st, evicted, nil
}

// RenewStream makes a stream one of the session of a bearer of the same account, with
// which it ends from then on. ErrNotYours if the bearer is of another account, else
// what Verify finds wrong with it.
func (s *Service) RenewStream(st *Stream, bearer string) (Identity, error) {
	id, err := s.Verify(bearer)
	if err != nil {
		return Identity{}, err
	}
	if id.Username != st.Username() {
		return Identity{}, ErrNotYours
	}
	l := s.slotsOf(id.Username)
	for {
		if err := s.alive(&id); err != nil {
			return Identity{}, err
		}
		l.mu.Lock()
		if s.epochOf(id.Session).Load() == id.epoch {
			break // whoever ends the session from now on finds st
		}
		l.mu.Unlock()
	}
	defer l.mu.Unlock()
	st.session.Store(id.Session)
	return id, nil
}

// victim is the stream that makes room for another of a: the one dead longest,
// or, if so configured, the oldest; nil if none does.
func (s *Service) victim(a *account) *Stream {
	now, after := s.steady(), int64((s.o.DeadAfter+time.Second-1)/time.Second)
	var dead, oldest *Stream
	for st := a.first; st != nil; st = st.next {
		oldest = st
		if st.dead(now, after) && (dead == nil || st.ParkedSince() < dead.ParkedSince()) {
			dead = st
		}
	}
	if dead != nil || !s.o.ReplaceOldest {
		return dead
	}
	return oldest
}

// steady is Unix time in seconds that goes on evenly, whoever sets the wall clock.
func (s *Service) steady() int64 {
	return s.opened.Unix() + int64(s.now().Sub(s.opened)/time.Second)
}

// Streams returns the open streams of an account, the oldest first.
func (s *Service) Streams(username string) []*Stream {
	l := s.slotsOf(username)
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.accounts[username]
	if a == nil {
		return nil
	}
	list := make([]*Stream, 0, a.n)
	for st := a.first; st != nil; st = st.next {
		list = append(list, st)
	}
	slices.Reverse(list)
	return list
}

// Connections is how many streams an account has open. It may be called from event loops.
func (s *Service) Connections(username string) int {
	l := s.slotsOf(username)
	l.mu.Lock()
	defer l.mu.Unlock()
	if a := l.accounts[username]; a != nil {
		return a.n
	}
	return 0
}

// EndStream asks for the end of one stream of an account, with 3501. Its slot
// is free when it has ended. ErrNoStream if there is none of that number.
func (s *Service) EndStream(username string, id uint64) error {
	for _, st := range s.Streams(username) {
		if st.ID == id {
			s.closeAll([]*Stream{st}, CodeEnded)
			return nil
		}
	}
	return ErrNoStream
}

// closeSessions asks for the end of all streams of the sessions.
func (s *Service) closeSessions(name string, sessions []uint64) {
	var list []*Stream
	for _, st := range s.Streams(name) {
		if slices.Contains(sessions, st.Session()) {
			list = append(list, st)
		}
	}
	s.closeAll(list, CodeEnded)
}

// moveStreams makes the streams of one session of an account those of another. The first
// has ended: it gets no more.
func (s *Service) moveStreams(name string, from, to uint64) {
	l := s.slotsOf(name)
	l.mu.Lock()
	defer l.mu.Unlock()
	if a := l.accounts[name]; a != nil {
		for st := a.first; st != nil; st = st.next {
			st.session.CompareAndSwap(from, to)
		}
	}
}

// busySessions are those with open streams.
func (s *Service) busySessions(name string) map[uint64]bool {
	busy := make(map[uint64]bool)
	for _, st := range s.Streams(name) {
		busy[st.Session()] = true
	}
	return busy
}

// closeAll asks each stream of one account to close. One without a handle
// closes when it gets it.
func (s *Service) closeAll(list []*Stream, code int) {
	if len(list) == 0 {
		return
	}
	l := list[0].account.slots
	var tell []*Stream
	l.mu.Lock()
	for _, st := range list {
		if l.ask(st, code) {
			tell = append(tell, st)
		}
	}
	l.mu.Unlock()
	for _, st := range tell {
		s.tellClose(st, code)
	}
}

// ask notes that st must close and reports whether to tell so now. The first
// who asks decides the code.
func (l *slots) ask(st *Stream, code int) bool {
	if st.closing != 0 || st.state == streamEnded {
		return false
	}
	st.closing = uint16(code)
	return st.state == streamOpen
}

func (s *Service) tellClose(st *Stream, code int) {
	if s.o.CloseStream == nil {
		return
	}
	reason := "session ended"
	if code == CodeReplaced {
		reason = "replaced"
	}
	s.o.CloseStream(st, code, reason)
}

// add gives st a slot in front of a's list.
func (l *slots) add(a *account, st *Stream) {
	if a.n == 0 {
		l.accounts[a.name] = a
	}
	st.account, st.next = a, a.first
	if a.first != nil {
		a.first.prev = st
	}
	a.first = st
	a.n++
	l.service.open.Add(1)
}

// remove takes the slot of st back, and says whether it had one.
func (l *slots) remove(st *Stream) bool {
	a := st.account
	if a.first != st && st.prev == nil {
		return false // removed before
	}
	if a.first == st {
		a.first = st.next
	} else {
		st.prev.next = st.next
	}
	if st.next != nil {
		st.next.prev = st.prev
	}
	st.prev, st.next = nil, nil
	st.leave()
	if a.n--; a.n == 0 {
		delete(l.accounts, a.name)
	}
	l.service.open.Add(-1)
	return true
}

func (l *slots) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.accounts)
}

func (s *Service) slotsOf(name string) *slots {
	return &s.slots[maphash.String(s.seed, name)&(slotShards-1)]
}
