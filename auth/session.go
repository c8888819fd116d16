package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"azira/store"
)

// A Grant is what a login gives.
type Grant struct {
	Username     string
	UserID       uint64
	ID           uint64 // of the session; below 2⁵³, so that JavaScript can count it
	ClientID     string // of the account, a UUID
	CreatedAt    time.Time
	AccessToken  string
	RefreshToken string
	ExpiresIn    time.Duration
}

// A refresh token: which session, a secret that all tokens of the session
// share (who shows it had one of them), and one that only the newest has.
//
//	account 8 │ session 8 │ family 16 │ current 32      base64url, 86 characters
const refreshBytes = 8 + 8 + 16 + 32

type refreshToken [refreshBytes]byte

func (r *refreshToken) account() uint64   { return binary.BigEndian.Uint64(r[:]) }
func (r *refreshToken) session() uint64   { return binary.BigEndian.Uint64(r[8:]) }
func (r *refreshToken) family() [32]byte  { return sha256.Sum256(r[16:32]) }
func (r *refreshToken) current() [32]byte { return sha256.Sum256(r[32:]) }
func (r *refreshToken) String() string    { return base64.RawURLEncoding.EncodeToString(r[:]) }

// renew makes the next token of the family.
func (r *refreshToken) renew() { rand.Read(r[32:]) }

func newRefreshToken(account, session uint64) (r refreshToken) {
	binary.BigEndian.PutUint64(r[:], account)
	binary.BigEndian.PutUint64(r[8:], session)
	rand.Read(r[16:]) // never fails
	return r
}

func parseRefreshToken(s string) (r refreshToken, err error) {
	if len(s) != base64.RawURLEncoding.EncodedLen(refreshBytes) {
		return r, ErrRefresh
	}
	n, err := base64.RawURLEncoding.Strict().Decode(r[:], []byte(s))
	if err != nil || n != refreshBytes {
		return r, ErrRefresh
	}
	return r, nil
}

// begin adds a session to the changes in b and commits them. The name's lock
// is held.
func (s *Service) begin(b *store.Batch, name string, a *accountRecord) (Grant, error) {
	if err := s.makeRoom(name, a.id); err != nil {
		return Grant{}, err
	}
	now := s.now()
	t := s.add(b, name, a.id, now)
	if err := s.st.Commit(b); err != nil {
		return Grant{}, err
	}
	return s.grant(name, a, &t, now)
}

// add adds a new session to b.
func (s *Service) add(b *store.Batch, name string, account uint64, now time.Time) refreshToken {
	t := newRefreshToken(account, newSessionID())
	r := sessionRecord{
		created: now, expires: now.Add(s.o.RefreshTTL).Unix(),
		family: t.family(), current: t.current(), username: name,
	}
	b.Set(store.TableSessions, sessionKey(account, t.session()), appendSession(nil, &r))
	return t
}

// newSessionID is random, so that a number lost with damaged records is not
// given again while bearers of it are about.
func newSessionID() uint64 {
	var p [8]byte
	for {
		rand.Read(p[:])
		if n := binary.BigEndian.Uint64(p[:]) >> 11; n != 0 {
			return n
		}
	}
}

func (s *Service) grant(
	name string, a *accountRecord, t *refreshToken, now time.Time,
) (Grant, error) {
	bearer, err := s.verifiers.Load().own.mint(name, a.id, t.session(), now, now.Add(s.o.AccessTTL))
	if err != nil {
		return Grant{}, err
	}
	c := a.client
	c[6], c[8] = c[6]&0x0f|0x40, c[8]&0x3f|0x80 // RFC 9562 §5.4
	return Grant{
		Username:     name,
		UserID:       a.id,
		ID:           t.session(),
		ClientID:     fmt.Sprintf("%x-%x-%x-%x-%x", c[:4], c[4:6], c[6:8], c[8:10], c[10:]),
		CreatedAt:    now,
		AccessToken:  bearer,
		RefreshToken: t.String(),
		ExpiresIn:    s.o.AccessTTL,
	}, nil
}

// Refresh gives a new pair for a refresh token, which is then spent. A spent
// one shown again means that somebody has a copy: it ends the session. All
// failures are ErrRefresh.
func (s *Service) Refresh(ctx context.Context, token string) (Grant, error) {
	t, err := parseRefreshToken(token)
	if err != nil {
		return Grant{}, err
	}
	if err := ctx.Err(); err != nil {
		return Grant{}, fmt.Errorf("auth: refresh: %w", err)
	}
	r, err := s.session(t.account(), t.session()) // for the name to lock
	if err == nil {
		defer s.lockName(r.username).Unlock()
		r, err = s.session(t.account(), t.session())
	}
	if errors.Is(err, store.ErrNotFound) {
		return Grant{}, ErrRefresh
	}
	if err != nil {
		return Grant{}, err
	}
	family, current, now := t.family(), t.current(), s.now()
	if subtle.ConstantTimeCompare(family[:], r.family[:]) != 1 || now.Unix() >= r.expires {
		return Grant{}, ErrRefresh
	}
	if subtle.ConstantTimeCompare(current[:], r.current[:]) != 1 {
		s.log.Warn("auth: spent refresh token shown again; its session is ended",
			"account", t.account(), "session", t.session())
		var b store.Batch
		return Grant{}, errors.Join(ErrRefresh,
			s.end(&b, r.username, t.account(), []uint64{t.session()}))
	}
	return s.rotate(&t, &r, now)
}

func (s *Service) rotate(t *refreshToken, r *sessionRecord, now time.Time) (Grant, error) {
	a, err := s.account(r.username)
	if errors.Is(err, store.ErrNotFound) || err == nil && a.id != t.account() {
		return Grant{}, ErrRefresh
	}
	if err != nil {
		return Grant{}, err
	}
	t.renew()
	r.current, r.expires = t.current(), now.Add(s.o.RefreshTTL).Unix()
	var b store.Batch
	b.Set(store.TableSessions, sessionKey(a.id, t.session()), appendSession(nil, r))
	if err := s.st.Commit(&b); err != nil {
		return Grant{}, err
	}
	return s.grant(r.username, &a, t, now)
}

// Logout ends the session of id: bearer, refresh token, tickets, streams. To
// end an ended one is no error.
func (s *Service) Logout(_ context.Context, id Identity) error {
	if id.foreign {
		return ErrForeign
	}
	defer s.lockName(id.Username).Unlock()
	var b store.Batch
	return s.end(&b, id.Username, id.Account, []uint64{id.Session})
}

// endAll ends all sessions of an account along with the changes in b. The
// name's lock is held.
func (s *Service) endAll(b *store.Batch, name string, account uint64) error {
	ids, err := s.sessionsOf(account)
	if err != nil {
		return err
	}
	return s.end(b, name, account, ids)
}

// beginAlone is begin for a session that takes the place of all others, and takes over
// the streams of one of them.
func (s *Service) beginAlone(
	b *store.Batch, name string, a *accountRecord, heir uint64,
) (Grant, error) {
	ids, err := s.sessionsOf(a.id)
	if err != nil {
		return Grant{}, err
	}
	now := s.now()
	t := s.add(b, name, a.id, now)
	if err := s.commitEnd(b, a.id, ids); err != nil {
		return Grant{}, err
	}
	s.moveStreams(name, heir, t.session())
	s.closeSessions(name, ids)
	return s.grant(name, a, &t, now)
}

// end commits the end of sessions, then lets nothing verified before pass, then
// closes what is open. The name's lock is held, so that no refresh brings a
// record back.
func (s *Service) end(b *store.Batch, name string, account uint64, sessions []uint64) error {
	if err := s.commitEnd(b, account, sessions); err != nil {
		return err
	}
	s.closeSessions(name, sessions)
	return nil
}

// commitEnd is end but for the streams. After a failure, too, what was verified before
// is looked up again: the end may be on the disk.
func (s *Service) commitEnd(b *store.Batch, account uint64, sessions []uint64) error {
	for _, id := range sessions {
		b.Delete(store.TableSessions, sessionKey(account, id))
	}
	err := s.st.Commit(b)
	for _, id := range sessions {
		s.forget(id)
	}
	return err
}

// sessionsOf are those of an account, also expired ones.
func (s *Service) sessionsOf(account uint64) (ids []uint64, err error) {
	err = s.st.Scan(store.TableSessions, sessionKey(account, 0)[:8],
		func(k, _ []byte) error {
			_, id, err := parseSessionKey(k)
			ids = append(ids, id)
			return err
		})
	return ids, err
}

// makeRoom ends sessions that have expired and, when there are too many, the
// one refreshed or begun longest ago, if possible without open streams.
func (s *Service) makeRoom(name string, account uint64) error {
	var gone []uint64
	var oldest struct {
		id      uint64
		expires int64
		created time.Time
		busy    bool
	}
	n, now := 0, s.o.Sure().Unix()
	busy := s.busySessions(name)
	err := s.st.Scan(store.TableSessions, sessionKey(account, 0)[:8],
		func(k, v []byte) error {
			_, id, err := parseSessionKey(k)
			if err != nil {
				return err
			}
			r, err := parseSession(v)
			if err != nil {
				return err
			}
			if r.expires <= now && !busy[id] {
				gone = append(gone, id)
				return nil
			}
			n++
			if oldest.id == 0 || oldest.busy && !busy[id] ||
				oldest.busy == busy[id] && (r.expires < oldest.expires ||
					r.expires == oldest.expires && r.created.Before(oldest.created)) {
				oldest.id, oldest.expires, oldest.created, oldest.busy =
					id, r.expires, r.created, busy[id]
			}
			return nil
		})
	if err != nil {
		return err
	}
	if n >= sessionsPerAccountMax {
		gone = append(gone, oldest.id)
	}
	if len(gone) == 0 {
		return nil
	}
	var b store.Batch
	return s.end(&b, name, account, gone)
}

func (s *Service) session(account, session uint64) (sessionRecord, error) {
	v, err := s.st.Get(store.TableSessions, sessionKey(account, session))
	if err != nil {
		return sessionRecord{}, fmt.Errorf("auth: read session: %w", err)
	}
	return parseSession(v)
}
