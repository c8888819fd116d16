package auth

import (
	"cmp"
	"context"
	"errors"

	"azira/store"
)

// This file holds what a vendor does for one of its clients, and how that ends.
//
// Tickets that a vendor mints belong to the membership as others do to a login session:
// it has a number as those have, and what ends it (leaving, withdrawn consent, either
// account disabled, the vendor removed) voids them and closes their streams.

// Suspend disables an account that the vendor created, as Disable does. ErrNoVendor,
// ErrNoClient, ErrNotCreated.
func (s *Service) Suspend(_ context.Context, vendor, client string) error {
	return s.setSuspended(vendor, client, true)
}

// Resume takes Suspend back; ErrDisabled if an operator has disabled the account too.
func (s *Service) Resume(_ context.Context, vendor, client string) error {
	return s.setSuspended(vendor, client, false)
}

func (s *Service) setSuspended(vendor, client string, suspended bool) error {
	_, name, m, unlock, err := s.lockMember(vendor, client)
	if err != nil {
		return err
	}
	defer unlock()
	if !m.created {
		return ErrNotCreated
	}
	a, err := s.account(name)
	if err != nil {
		return orNoClient(err)
	}
	if !suspended && a.disabled {
		return ErrDisabled
	}
	if !suspended && !a.suspended {
		return nil
	}
	a.suspended = suspended
	return s.switchOff(name, &a)
}

// switchOff commits an account that was disabled or enabled, ends all that it has, and
// tells its vendor part. The name's lock is held.
func (s *Service) switchOff(name string, a *accountRecord) error {
	numbers, err := s.numbersOf(name)
	if err != nil {
		return err
	}
	var b store.Batch
	b.Set(store.TableAccounts, []byte(name), appendAccount(nil, a))
	err = s.endAll(&b, name, a.id)
	s.endNumbers(name, numbers)
	if err != nil {
		if v := s.vendors.of(name); v != nil {
			v.doubted.Store(true)
		}
		return err
	}
	return s.setVendorDisabled(name, a.off())
}

// MintTicketFor makes a ticket for a client of a vendor's group: as MintTicket, but that
// it belongs to the membership. ErrNoVendor, ErrNoClient, ErrNoConsent, ErrDisabled,
// ErrTicketLimit.
func (s *Service) MintTicketFor(vendor, client string) (string, error) {
	v, err := s.named(vendor)
	if err != nil {
		return "", err
	}
	name, err := ParseAccountName(client)
	if err != nil {
		return "", ErrNoClient
	}
	m, err := s.member(v.name, name)
	if err != nil {
		return "", orNoClient(err)
	}
	if !m.admits() {
		return "", ErrNoConsent
	}
	id := Identity{Username: name, Session: m.number, via: v.name, foreign: isIssuers(name)}
	if id.foreign {
		id.Account = issuerNumber(name) | issuerAccountMark
	} else {
		a, err := s.account(name)
		if err != nil {
			return "", orNoClient(err)
		}
		id.Account = a.id
	}
	if off, err := s.isOff(name); err != nil || off {
		return "", cmp.Or(err, ErrDisabled)
	}
	if err := s.alive(&id); err != nil {
		return "", err
	}
	return s.MintTicket(id)
}

// belongs is alive for who came by a vendor's ticket.
func (s *Service) belongs(id *Identity) error {
	v := s.vendor(id.via)
	if v == nil || v.disabled.Load() {
		return ErrRevoked
	}
	m, err := s.member(id.via, id.Username)
	if errors.Is(err, store.ErrNotFound) {
		return ErrRevoked
	}
	if err != nil {
		return err
	}
	off, err := s.isOff(id.Username)
	if err != nil {
		return err
	}
	if off || !m.admits() || m.number != id.Session {
		return ErrRevoked
	}
	return nil
}

// endNumbers ends what tickets of the memberships of one client have opened, and may.
func (s *Service) endNumbers(client string, numbers []uint64) {
	for _, n := range numbers {
		s.forget(n)
	}
	if len(numbers) > 0 {
		s.closeSessions(client, numbers)
	}
}

// numbersOf are those of a client's memberships.
func (s *Service) numbersOf(client string) (numbers []uint64, err error) {
	err = s.st.Scan(store.TableVendors, clientKey(client, ""), func(k, p []byte) error {
		if e, err := parseClientKey(k); err != nil || e.ended {
			return err
		}
		m, err := parseMember(p)
		numbers = append(numbers, m.number)
		return err
	})
	return numbers, err
}

// endTickets closes what vendors' tickets have opened for a client.
func (s *Service) endTickets(client string) error {
	numbers, err := s.numbersOf(client)
	if err == nil {
		s.endNumbers(client, numbers)
	}
	return err
}

// putAlone adds to b that an account that is deleted is nobody's client any more, and
// returns how to go on when that is committed. The name's lock is held.
func (s *Service) putAlone(b *store.Batch, name string) (committed func(), err error) {
	var numbers []uint64
	var vendors []string
	err = s.st.Scan(store.TableVendors, clientKey(name, ""), func(k, p []byte) error {
		e, err := parseClientKey(k)
		if err != nil {
			return err
		}
		b.Delete(store.TableVendors, k)
		if e.ended {
			return nil
		}
		m, err := parseMember(p)
		if err != nil {
			return err
		}
		deleteMember(b, e.vendor, name, &m)
		numbers, vendors = append(numbers, m.number), append(vendors, e.vendor)
		return nil
	})
	return func() {
		s.endNumbers(name, numbers)
		for _, vendor := range vendors {
			if v := s.vendor(vendor); v != nil {
				v.clients.Add(-1)
			}
			s.regrouped(vendor, name, false)
		}
	}, err
}

// creator is the vendor that made an account, nil if none did or it has left its group.
func (s *Service) creator(name string) (*vendor, error) {
	if isIssuers(name) || !s.vendors.any() {
		return nil, nil
	}
	p, err := s.st.Get(store.TableVendors, nameKey(recCreator, name))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return s.vendor(string(p)), nil
}

// place takes a place among the open streams of a vendor's accounts, if need be that of a
// stream that makes room: so their number never exceeds the limit. v may be nil.
func (v *vendor) place(st, evicted *Stream) error {
	if v == nil {
		return nil
	}
	limits := v.limits.Load()
	st.tokensMax = int32(limits.Tokens)
	if evicted != nil && evicted.vendor == v {
		st.vendor, evicted.vendor = v, nil
		return nil
	}
	for {
		n := v.streams.Load()
		if limits.Streams != 0 && n >= int64(limits.Streams) {
			return &VendorLimitError{limits.Streams}
		}
		if v.streams.CompareAndSwap(n, n+1) {
			st.vendor = v
			return nil
		}
	}
}

// leave gives the place of a stream back, if it has one.
func (st *Stream) leave() {
	if st.vendor != nil {
		st.vendor.streams.Add(-1)
		st.vendor = nil
	}
}
