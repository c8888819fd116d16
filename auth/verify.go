package auth

import (
	"crypto/sha256"
	"errors"
	"time"

	"azira/store"
)

// An Identity is who a bearer or ticket speaks for.
type Identity struct {
	Account  uint64
	Username string
	Session  uint64
	Expires  time.Time // of the bearer, or the API key; zero = never
	Scopes   Scope     // of an API key; 0 = it is none, and may do all that the account may

	epoch   uint32 // of the session when it was seen alive
	foreign bool   // of another store of the fleet, or of an issuer: no record here
	via     string // the vendor that minted the ticket; Session is the membership's number
}

// Verify says who the bearer is, if it is whole, in time and its session has
// not ended: else ErrBearer, ErrExpired or ErrRevoked. A bearer seen before
// costs no disk and no memory. Safe for any goroutine; not for an event loop.
func (s *Service) Verify(bearer string) (Identity, error) {
	if bearer == "" || len(bearer) > bearerBytesMax {
		return Identity{}, ErrBearer
	}
	var buf [bearerBytesMax]byte
	key := sha256.Sum256(buf[:copy(buf[:], bearer)])
	e := s.cache.get(&key)
	if e.epoch == 0 || e.epoch != s.epochOf(e.session).Load() {
		return s.verifyNew(bearer, &key)
	}
	if s.now().Unix() >= e.expires {
		return Identity{}, ErrExpired
	}
	s.hits.Add(1)
	return Identity{
		Account:  e.account,
		Username: e.name,
		Session:  e.session,
		Expires:  time.Unix(e.expires, 0),
		epoch:    e.epoch,
		foreign:  e.foreign,
	}, nil
}

// verifyNew checks the signature, and the session in the store.
func (s *Service) verifyNew(bearer string, key *[32]byte) (Identity, error) {
	s.misses.Add(1)
	for {
		v := s.verifiers.Load()
		id, err := v.parse(bearer, s.o.Fleet)
		if err != nil {
			s.askForKey(err)
			return Identity{}, err
		}
		if err := s.alive(&id); err != nil {
			return Identity{}, err
		}
		if s.verifiers.Load() != v {
			continue // its key may be gone, and the epoch be one after that
		}
		s.cache.put(cached{
			key: *key, account: id.Account, session: id.Session, expires: id.Expires.Unix(),
			name: id.Username, epoch: id.epoch, foreign: id.foreign,
		})
		return id, nil
	}
}

// alive looks the session up in the store, unless nothing was revoked since id
// was seen alive, and notes that it was.
func (s *Service) alive(id *Identity) error {
	epoch := s.epochOf(id.Session).Load() // before the look, so that no end is missed
	if id.epoch == epoch {
		return nil
	}
	switch {
	case id.via != "":
		if err := s.belongs(id); err != nil {
			return err
		}
	case id.foreign:
		if s.rules.of(id.Username).disabled {
			return ErrRevoked
		}
	default:
		r, err := s.session(id.Account, id.Session)
		if errors.Is(err, store.ErrNotFound) {
			return ErrRevoked
		}
		if err != nil {
			return err
		}
		if r.username != id.Username || s.now().Unix() >= r.expires {
			return ErrRevoked
		}
	}
	id.epoch = epoch
	return nil
}
