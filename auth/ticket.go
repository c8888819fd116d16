package auth

import (
	"crypto/rand"
	"encoding/base64"
	"sync"
	"time"
)

const ticketBytes = 32

type ticketKey [ticketBytes]byte

// tickets are the outstanding ones. All live equally long, so that they expire
// in the order in which they were made.
type tickets struct {
	mu      sync.Mutex
	max     int
	byKey   map[ticketKey]ticket
	of      map[uint64]int // outstanding by account
	queue   []queued       // in the order of expiry, spent ones too
	expired int            // of queue, at its front
}

type ticket struct {
	id      Identity
	expires time.Time
}

type queued struct {
	key     ticketKey
	expires time.Time
}

func (t *tickets) init(limit int) {
	t.max = limit
	t.byKey = make(map[ticketKey]ticket)
	t.of = make(map[uint64]int)
}

// MintTicket makes a ticket: whoever presents it first within 60 s is id, once.
// It belongs to the session of id and ends with it. ErrTicketLimit beyond 64
// outstanding of one account or 100,000 in all.
func (s *Service) MintTicket(id Identity) (string, error) {
	var key ticketKey
	rand.Read(key[:]) // never fails
	now := s.now()
	if !s.tickets.add(key, ticket{id, now.Add(s.o.TicketTTL)}, now) {
		return "", ErrTicketLimit
	}
	return base64.RawURLEncoding.EncodeToString(key[:]), nil
}

// RedeemTicket burns the ticket and says whom it speaks for: ErrTicket if it
// is unknown, spent or expired, ErrRevoked if its session has ended.
func (s *Service) RedeemTicket(text string) (Identity, error) {
	var key ticketKey
	if len(text) != base64.RawURLEncoding.EncodedLen(ticketBytes) {
		return Identity{}, ErrTicket
	}
	n, err := base64.RawURLEncoding.Strict().Decode(key[:], []byte(text))
	if err != nil || n != ticketBytes {
		return Identity{}, ErrTicket
	}
	t, ok := s.tickets.take(key)
	if !ok || !s.now().Before(t.expires) {
		return Identity{}, ErrTicket
	}
	if err := s.alive(&t.id); err != nil {
		return Identity{}, err
	}
	return t.id, nil
}

// add reports whether there was room.
func (t *tickets) add(key ticketKey, k ticket, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sweep(now)
	if len(t.byKey) >= t.max || t.of[k.id.Account] >= ticketsPerAccountMax {
		return false
	}
	// Spent ones leave the queue only with time: it must not outgrow the map.
	if len(t.queue)-t.expired >= 2*t.max {
		t.compact()
	}
	t.byKey[key] = k
	t.of[k.id.Account]++
	t.queue = append(t.queue, queued{key, k.expires})
	return true
}

func (t *tickets) take(key ticketKey) (ticket, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k, ok := t.byKey[key]
	if ok {
		t.remove(key, k.id.Account)
	}
	return k, ok
}

func (t *tickets) remove(key ticketKey, account uint64) {
	delete(t.byKey, key)
	if t.of[account]--; t.of[account] == 0 {
		delete(t.of, account)
	}
}

// sweep drops what has expired.
func (t *tickets) sweep(now time.Time) {
	for t.expired < len(t.queue) && !now.Before(t.queue[t.expired].expires) {
		q := &t.queue[t.expired]
		if k, ok := t.byKey[q.key]; ok {
			t.remove(q.key, k.id.Account)
		}
		t.expired++
	}
	if t.expired == len(t.queue) {
		t.queue, t.expired = nil, 0
	} else if t.expired > len(t.queue)/2 {
		t.compact()
	}
}

// compact leaves only outstanding tickets in the queue.
func (t *tickets) compact() {
	kept := make([]queued, 0, len(t.byKey)+1)
	for _, q := range t.queue[t.expired:] {
		if _, ok := t.byKey[q.key]; ok {
			kept = append(kept, q)
		}
	}
	t.queue, t.expired = kept, 0
}

func (t *tickets) len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.byKey)
}

func (t *tickets) expire(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sweep(now)
}
