package auth

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"azira/store"
)

// This file holds what operators do to accounts: nobody shows a password. Names are of
// own accounts or of the issuer's users, for whom ErrIssuers says what cannot be done here.

// An AccountInfo is what operators see of an account.
type AccountInfo struct {
	Username string
	ID       uint64    // 0 for an issuer's user
	Created  time.Time // zero for an issuer's user
	Disabled bool
	Limit    int // of streams: 0 = as the settings say; Unlimited
	Streams  int // open
	Sessions int // logged in; 0 for an issuer's user
}

// Issuers says whether the account is an issuer's user.
func (a *AccountInfo) Issuers() bool { return isIssuers(a.Username) }

// Accounts lists up to n accounts with names beyond after, by name: all own ones, and
// those of the issuer's users that have open streams or were ever touched by an operator.
// more says whether there are others behind them. Sessions are not counted.
func (s *Service) Accounts(after string, n int) (list []AccountInfo, more bool, err error) {
	names := append(s.rules.issuers(), s.openIssuers()...)
	slices.Sort(names)
	names = slices.Compact(names)
	for _, name := range names {
		if name > after {
			list = append(list, s.infoOf(name, nil))
		}
	}
	own := 0
	err = s.st.ScanFrom(store.TableAccounts, nil, []byte(after), func(k, v []byte) error {
		if string(k) == after {
			return nil
		}
		if own++; own > n+1 {
			return store.ErrStop
		}
		a, err := parseAccount(v)
		if err == nil {
			list = append(list, s.infoOf(string(k), &a))
		}
		return err
	})
	if err != nil {
		return nil, false, err
	}
	slices.SortFunc(list, func(a, b AccountInfo) int {
		return strings.Compare(a.Username, b.Username)
	})
	return list[:min(n, len(list))], len(list) > n, nil
}

// Account is what is known of one; ErrNoAccount if there is none of that name.
func (s *Service) Account(username string) (AccountInfo, error) {
	name, a, err := s.find(username)
	if err != nil {
		return AccountInfo{}, err
	}
	i := s.infoOf(name, a)
	if a == nil {
		return i, nil
	}
	now := s.now().Unix()
	err = s.st.Scan(store.TableSessions, sessionKey(a.id, 0)[:8], func(_, v []byte) error {
		r, err := parseSession(v)
		if err == nil && r.expires > now {
			i.Sessions++
		}
		return err
	})
	return i, err
}

// Disable ends all sessions and streams of an account and refuses its logins, or the
// bearers of an issuer's user, until it is enabled again.
func (s *Service) Disable(_ context.Context, username string) error {
	return s.setDisabled(username, true)
}

// Enable takes Disable, and a vendor's Suspend, back. Ended sessions stay ended.
func (s *Service) Enable(_ context.Context, username string) error {
	return s.setDisabled(username, false)
}

func (s *Service) setDisabled(username string, disabled bool) error {
	return s.operate(username, func(name string, a *accountRecord) error {
		if a == nil {
			r := s.rules.of(name)
			r.disabled = disabled
			return s.setRule(name, r)
		}
		if !disabled && !a.off() {
			return nil
		}
		a.disabled, a.suspended = disabled, a.suspended && disabled
		return s.switchOff(name, a)
	})
}

// SetStreamLimit lets the account have n streams open, whatever the settings say; 0 is as
// they say, Unlimited any number. Those open beyond it stay.
func (s *Service) SetStreamLimit(_ context.Context, username string, n int) error {
	if n < Unlimited || n > streamsMax {
		return ErrOptions
	}
	return s.operate(username, func(name string, _ *accountRecord) error {
		r := s.rules.of(name)
		r.streams = n
		return s.setRule(name, r)
	})
}

// SetPassword gives an account another password and ends all its sessions and streams.
// The error may be a *FieldError.
func (s *Service) SetPassword(ctx context.Context, username, password string) error {
	if err := checkPassword(password); err != nil {
		return err
	}
	if _, a, err := s.find(username); err != nil || a == nil {
		return orIssuers(err)
	}
	c, err := s.hasher.make(ctx, password)
	if err != nil {
		return err
	}
	return s.operate(username, func(name string, a *accountRecord) error {
		if a == nil {
			return ErrIssuers
		}
		a.credential = c
		var b store.Batch
		b.Set(store.TableAccounts, []byte(name), appendAccount(nil, a))
		return errors.Join(s.endAll(&b, name, a.id), s.endTickets(name))
	})
}

// EndSessions logs an account out everywhere.
func (s *Service) EndSessions(_ context.Context, username string) error {
	return s.operate(username, func(name string, a *accountRecord) error {
		if a == nil {
			return ErrIssuers
		}
		var b store.Batch
		return errors.Join(s.endAll(&b, name, a.id), s.endTickets(name))
	})
}

// EndStreams closes all open streams of an account, with 3501, and says how many.
func (s *Service) EndStreams(_ context.Context, username string) (n int, err error) {
	name, _, err := s.find(username)
	if err != nil {
		return 0, err
	}
	list := s.Streams(name)
	s.closeAll(list, CodeEnded)
	return len(list), nil
}

// RemoveAccount is DeleteAccount by an operator.
func (s *Service) RemoveAccount(_ context.Context, username string) error {
	return s.operate(username, func(name string, a *accountRecord) error {
		if a == nil {
			return ErrIssuers
		}
		return s.remove(name, a)
	})
}

// operate runs change on an account under its name's lock; a is nil for an issuer's user.
func (s *Service) operate(
	username string, change func(name string, a *accountRecord) error,
) error {
	name, err := ParseAccountName(username)
	if err != nil {
		return ErrNoAccount
	}
	defer s.lockName(name).Unlock()
	name, a, err := s.find(name)
	if err != nil {
		return err
	}
	return change(name, a)
}

// find is the account of a name; its record is nil if it is one of the issuer's users, all
// of whom there are as soon as the issuer is.
func (s *Service) find(username string) (string, *accountRecord, error) {
	name, err := ParseAccountName(username)
	if err != nil {
		return "", nil, ErrNoAccount
	}
	if !isIssuers(name) {
		a, err := s.account(name)
		if errors.Is(err, store.ErrNotFound) {
			err = ErrNoAccount
		}
		return name, &a, err
	}
	x := s.verifiers.Load().issuer
	if x != nil && strings.HasPrefix(name, x.host+"/") ||
		s.rules.of(name) != (rule{}) || len(s.Streams(name)) > 0 {
		return name, nil, nil
	}
	return "", nil, ErrNoAccount
}

// setRule commits a rule. One that disables closes what is open.
func (s *Service) setRule(name string, r rule) error {
	var b store.Batch
	putRule(&b, name, r)
	if err := s.st.Commit(&b); err != nil {
		return err
	}
	s.rules.set(name, r)
	if r.disabled {
		numbers, err := s.numbersOf(name)
		if err != nil {
			return err
		}
		s.endNumbers(name, numbers)
		s.forget(issuerNumber(name))
		s.closeAll(s.Streams(name), CodeEnded)
	}
	return nil
}

// infoOf is what memory and the record say of an account.
func (s *Service) infoOf(name string, a *accountRecord) AccountInfo {
	r := s.rules.of(name)
	i := AccountInfo{
		Username: name, Disabled: r.disabled, Limit: r.streams, Streams: s.Connections(name),
	}
	if a != nil {
		i.ID, i.Created, i.Disabled = a.id, a.created, a.off()
	}
	return i
}

func orIssuers(err error) error {
	if err == nil {
		return ErrIssuers
	}
	return err
}

// openIssuers are the issuer's users with open streams.
func (s *Service) openIssuers() (names []string) {
	for i := range s.slots {
		l := &s.slots[i]
		l.mu.Lock()
		for name := range l.accounts {
			if isIssuers(name) {
				names = append(names, name)
			}
		}
		l.mu.Unlock()
	}
	return names
}
