package auth

import (
	"errors"
	"time"

	"azira/store"
)

// sweepAll removes, a little at a time, sessions whose refresh token has
// expired, expired tickets, memberships that ended long ago, and what is left of
// vendors removed, until Close.
func (s *Service) sweepAll() {
	t := time.NewTicker(sweepEvery)
	defer t.Stop()
	var from, ended []byte
	for {
		select {
		case <-s.stop:
			return
		case <-t.C:
		}
		s.tickets.expire(s.now())
		s.retireKeys()
		var err error
		if from, err = s.sweepSessions(from); err != nil &&
			!errors.Is(err, store.ErrClosed) && !errors.Is(err, store.ErrUnwritable) {
			s.log.Error("auth: sweep sessions", "err", err)
		}
		if ended, err = s.sweepVendors(ended); err != nil &&
			!errors.Is(err, store.ErrClosed) && !errors.Is(err, store.ErrUnwritable) {
			s.log.Error("auth: sweep vendors", "err", err)
		}
	}
}

// sweepVendors is a sweep of what there is of vendors.
func (s *Service) sweepVendors(from []byte) (next []byte, err error) {
	if err := errors.Join(s.saveUsed(), s.endRemovals()); err != nil {
		return from, err
	}
	return s.sweepEnded(from)
}

// An expiredSession is one that a sweep found.
type expiredSession struct {
	account, session uint64
	name             string
}

// sweepSessions looks at the next sessions from a key on and returns where to
// go on; nil = at the beginning. A session with an open stream stays until
// that has ended.
func (s *Service) sweepSessions(from []byte) (next []byte, err error) {
	var found []expiredSession
	n, now := 0, s.o.Sure().Unix()
	err = s.st.ScanFrom(store.TableSessions, nil, from, func(k, v []byte) error {
		if n++; n > sweepRows {
			next = append(next, k...)
			return store.ErrStop
		}
		account, session, err := parseSessionKey(k)
		if err != nil {
			return err
		}
		r, err := parseSession(v)
		if err != nil {
			return err
		}
		if r.expires <= now {
			found = append(found, expiredSession{account, session, r.username})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, x := range found {
		if err := s.endExpired(x); err != nil {
			return nil, err
		}
	}
	return next, nil
}

// endExpired ends a session unless it was refreshed meanwhile or is in use.
func (s *Service) endExpired(x expiredSession) error {
	defer s.lockName(x.name).Unlock()
	r, err := s.session(x.account, x.session)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if r.expires > s.o.Sure().Unix() || s.busySessions(x.name)[x.session] {
		return nil
	}
	var b store.Batch
	return s.end(&b, x.name, x.account, []uint64{x.session})
}
