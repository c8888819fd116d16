package auth

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"azira/store"
)

// Register makes an account and its first session. Of several calls with one
// name exactly one succeeds, the others get ErrTaken. After nil the account
// survives a crash. Besides: *FieldError, ErrBusy, the error of ctx.
func (s *Service) Register(ctx context.Context, username, password string) (Grant, error) {
	name, err := ParseUsername(username)
	if err != nil {
		return Grant{}, err
	}
	if err := checkNewName(name); err != nil {
		return Grant{}, err
	}
	if err := checkPassword(password); err != nil {
		return Grant{}, err
	}
	if _, err := s.account(name); err == nil {
		return Grant{}, ErrTaken // before the dear part
	} else if !errors.Is(err, store.ErrNotFound) {
		return Grant{}, err
	}
	c, err := s.hasher.make(ctx, password)
	if err != nil {
		return Grant{}, err
	}
	defer s.lockName(name).Unlock()
	if _, err := s.account(name); err == nil {
		return Grant{}, ErrTaken
	} else if !errors.Is(err, store.ErrNotFound) {
		return Grant{}, err
	}
	a := accountRecord{created: s.now(), credential: c}
	if a.id, err = s.numbers.next(s.st); err != nil {
		return Grant{}, err
	}
	rand.Read(a.client[:])
	var b store.Batch
	b.Set(store.TableAccounts, []byte(name), appendAccount(nil, &a))
	return s.begin(&b, name, &a)
}

// Login checks the password and begins a session. A wrong name and a wrong
// password are alike in error and time: ErrCredentials. A disabled account
// answers the same.
func (s *Service) Login(ctx context.Context, username, password string) (Grant, error) {
	g, err := s.login(ctx, username, password)
	if errors.Is(err, errChanged) { // perhaps only by a login that renewed the hash
		g, err = s.login(ctx, username, password)
	}
	return g, err
}

func (s *Service) login(ctx context.Context, username, password string) (Grant, error) {
	name, a, err := s.authenticate(ctx, username, password)
	if err != nil {
		return Grant{}, err
	}
	var fresh *credential
	if a.credential.cost != s.hasher.cost {
		c, err := s.hasher.make(ctx, password)
		if err != nil {
			return Grant{}, err
		}
		fresh = &c
	}
	defer s.lockName(name).Unlock()
	if err := s.unchanged(name, &a); err != nil {
		return Grant{}, err
	}
	var b store.Batch
	if fresh != nil {
		a.credential = *fresh
		b.Set(store.TableAccounts, []byte(name), appendAccount(nil, &a))
	}
	return s.begin(&b, name, &a)
}

// ChangePassword ends all sessions of the account and begins one: whoever else knew the
// old password, or has a bearer or refresh token, is out. The caller's own streams become
// those of the new session and stay open; the others are closed.
func (s *Service) ChangePassword(
	ctx context.Context, id Identity, old, new string,
) (Grant, error) {
	if err := checkPassword(new); err != nil {
		return Grant{}, err
	}
	name, a, err := s.authenticateID(ctx, id, old)
	if err != nil {
		return Grant{}, err
	}
	c, err := s.hasher.make(ctx, new)
	if err != nil {
		return Grant{}, err
	}
	defer s.lockName(name).Unlock()
	if err := s.unchanged(name, &a); err != nil {
		return Grant{}, err
	}
	if _, err := s.session(a.id, id.Session); errors.Is(err, store.ErrNotFound) {
		return Grant{}, ErrRevoked // meanwhile
	} else if err != nil {
		return Grant{}, err
	}
	a.credential = c
	var b store.Batch
	b.Set(store.TableAccounts, []byte(name), appendAccount(nil, &a))
	return s.beginAlone(&b, name, &a, id.Session)
}

// DeleteAccount removes the account with all its sessions, what was set for it, and, of a
// vendor, its keys and its group. The name is free again.
func (s *Service) DeleteAccount(ctx context.Context, id Identity, password string) error {
	name, a, err := s.authenticateID(ctx, id, password)
	if err != nil {
		return err
	}
	defer s.lockName(name).Unlock()
	if err := s.unchanged(name, &a); err != nil {
		return err
	}
	return s.remove(name, &a)
}

// remove ends an account. The name's lock is held.
func (s *Service) remove(name string, a *accountRecord) error {
	var b store.Batch
	b.Delete(store.TableAccounts, []byte(name))
	putRule(&b, name, rule{})
	v := s.vendor(name)
	if v != nil {
		s.putGone(&b, v)
	}
	alone, err := s.putAlone(&b, name)
	if err != nil {
		return err
	}
	err = s.endAll(&b, name, a.id)
	if err != nil && v != nil {
		v.doubted.Store(true)
	}
	if err != nil {
		return err
	}
	alone()
	s.rules.set(name, rule{})
	s.o.Removed(name)
	if v == nil {
		return nil
	}
	return s.gone(v)
}

// authenticate returns the account if password is right. It makes one hash of
// the same cost whatever is wrong.
func (s *Service) authenticate(
	ctx context.Context, username, password string,
) (string, accountRecord, error) {
	name, err := ParseUsername(username)
	known := err == nil && len(password) <= passwordBytesMax
	var a accountRecord
	if known {
		a, err = s.account(name)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return "", accountRecord{}, err
		}
		known = err == nil
	}
	c := &s.hasher.dummy
	if known {
		c = &a.credential
	}
	right, err := s.hasher.check(ctx, password[:min(len(password), passwordBytesMax)], c)
	if err != nil {
		return "", accountRecord{}, err
	}
	if !known || !right || a.off() {
		return "", accountRecord{}, ErrCredentials
	}
	return name, a, nil
}

// authenticateID is authenticate for somebody already known.
func (s *Service) authenticateID(
	ctx context.Context, id Identity, password string,
) (string, accountRecord, error) {
	if id.foreign {
		return "", accountRecord{}, ErrForeign
	}
	name, a, err := s.authenticate(ctx, id.Username, password)
	if err != nil {
		return "", accountRecord{}, err
	}
	if a.id != id.Account {
		return "", accountRecord{}, ErrRevoked // deleted and made anew since
	}
	return name, a, nil
}

// unchanged says, under the name's lock, whether the account is still the one
// whose password was checked.
func (s *Service) unchanged(name string, a *accountRecord) error {
	is, err := s.account(name)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if err != nil || is != *a {
		return errChanged
	}
	return nil
}

func (s *Service) account(name string) (accountRecord, error) {
	v, err := s.st.Get(store.TableAccounts, []byte(name))
	if err != nil {
		return accountRecord{}, fmt.Errorf("auth: read account: %w", err)
	}
	return parseAccount(v)
}
