package auth

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"time"

	"azira/store"
)

// A Member is a client as its vendor sees it.
type Member struct {
	Client   string
	Created  bool // the vendor made the account
	Tickets  bool // the vendor may mint tickets for it
	Disabled bool
	Joined   time.Time
	Mark     uint64 // as Join was given
}

// A Membership is a time that a client is, or was, in a vendor's group.
type Membership struct {
	Vendor  string
	Created bool
	Tickets bool
	At      time.Time // when it joined, or, if it left, when that was
	Joined  uint64    // mark
	Left    uint64    // mark; 0 = it is in the group
}

// Join puts a client into a vendor's group, or changes its consent to tickets; nil leaves
// that as it is. The caller has seen to it that the client or an operator wants it. mark
// is the newest message there is. ErrNoVendor, ErrNoAccount, ErrOwnClient, ErrGroupFull.
func (s *Service) Join(
	_ context.Context, vendor, client string, tickets *bool, mark uint64,
) (Member, error) {
	v, err := s.named(vendor)
	if err != nil {
		return Member{}, err
	}
	name, _, err := s.find(client)
	if err != nil {
		return Member{}, err
	}
	if name == v.name {
		return Member{}, ErrOwnClient
	}
	defer s.lockNames(v.name, name)()
	if s.vendor(v.name) != v {
		return Member{}, ErrNoVendor
	}
	if _, _, err := s.find(name); err != nil {
		return Member{}, err
	}
	m, err := s.member(v.name, name)
	if err == nil {
		return s.consent(v, name, m, tickets)
	}
	if !errors.Is(err, store.ErrNotFound) {
		return Member{}, err
	}
	if full, err := s.full(v, name); err != nil || full {
		return Member{}, cmp.Or(err, ErrGroupFull)
	}
	m = memberRecord{
		number: newSessionID(), joined: mark, at: s.now(), tickets: tickets != nil && *tickets,
	}
	var b store.Batch
	putMember(&b, v.name, name, &m)
	if err := s.st.Commit(&b); err != nil {
		return Member{}, err
	}
	s.joined(v, name)
	return s.seenMember(name, &m)
}

// full says whether the group, or the number of the client's vendors, is at its limit.
func (s *Service) full(v *vendor, client string) (bool, error) {
	if v.clients.Load() >= clientsPerVendorMax {
		return true, nil
	}
	list, _, err := s.entries(client)
	return len(list) >= vendorsPerClientMax, err
}

// consent changes a membership that there is. Who withdraws its consent has the streams
// of the vendor's tickets closed. Both names' locks are held.
func (s *Service) consent(
	v *vendor, client string, m memberRecord, tickets *bool,
) (Member, error) {
	if tickets == nil || *tickets == m.tickets {
		return s.seenMember(client, &m)
	}
	old, admitted := m.number, m.admits()
	m.tickets = *tickets
	if admitted && !m.admits() {
		m.number = newSessionID()
	}
	var b store.Batch
	putMember(&b, v.name, client, &m)
	err := s.st.Commit(&b)
	if m.number != old {
		s.endNumbers(client, []uint64{old})
	}
	if err != nil {
		return Member{}, err
	}
	return s.seenMember(client, &m)
}

// CreateClient makes an account in a vendor's group. Without a password nobody can log in:
// only tickets let it in. Errors are those of Register and Join.
func (s *Service) CreateClient(
	ctx context.Context, vendor, username string, password *string, mark uint64,
) (Member, error) {
	v, err := s.named(vendor)
	if err != nil {
		return Member{}, err
	}
	name, err := ParseUsername(username)
	if err == nil {
		err = checkNewName(name)
	}
	if err == nil && password != nil {
		err = checkPassword(*password)
	}
	if err != nil {
		return Member{}, err
	}
	if _, err := s.account(name); err == nil {
		return Member{}, ErrTaken // before the dear part
	}
	c, err := s.newCredential(ctx, password)
	if err != nil {
		return Member{}, err
	}
	defer s.lockNames(v.name, name)()
	if s.vendor(v.name) != v {
		return Member{}, ErrNoVendor
	}
	if _, err := s.account(name); !errors.Is(err, store.ErrNotFound) {
		return Member{}, cmp.Or(err, ErrTaken)
	}
	if v.clients.Load() >= clientsPerVendorMax {
		return Member{}, ErrGroupFull
	}
	a := accountRecord{created: s.now(), credential: c}
	if a.id, err = s.numbers.next(s.st); err != nil {
		return Member{}, err
	}
	rand.Read(a.client[:])
	m := memberRecord{created: true, number: newSessionID(), joined: mark, at: a.created}
	var b store.Batch
	b.Set(store.TableAccounts, []byte(name), appendAccount(nil, &a))
	b.Set(store.TableVendors, nameKey(recCreator, name), []byte(v.name))
	putMember(&b, v.name, name, &m)
	if err := s.st.Commit(&b); err != nil {
		return Member{}, err
	}
	s.joined(v, name)
	return s.seenMember(name, &m)
}

// newCredential is of a password; without one, what no password hashes to.
func (s *Service) newCredential(ctx context.Context, password *string) (c credential, err error) {
	if password != nil {
		return s.hasher.make(ctx, *password)
	}
	c.cost = s.hasher.cost
	rand.Read(c.salt[:])
	rand.Read(c.hash[:])
	return c, nil
}

// lockMember finds a client of a vendor, and holds the locks of both names until unlock.
// ErrNoVendor, ErrNoClient.
func (s *Service) lockMember(vendor, client string) (
	v *vendor, name string, m memberRecord, unlock func(), err error,
) {
	if v, err = s.named(vendor); err != nil {
		return nil, "", m, nil, err
	}
	if name, err = ParseAccountName(client); err != nil {
		return nil, "", m, nil, ErrNoClient
	}
	unlock = s.lockNames(v.name, name)
	if s.vendor(v.name) != v {
		err = ErrNoVendor
	} else if m, err = s.member(v.name, name); err != nil {
		err = orNoClient(err)
	}
	if err != nil {
		unlock()
	}
	return v, name, m, unlock, err
}

// Leave takes a client out of a vendor's group and closes the streams of the vendor's
// tickets. An account that the vendor created is its no longer. mark is the newest message
// there is. ErrNoVendor, ErrNoClient.
func (s *Service) Leave(_ context.Context, vendor, client string, mark uint64) error {
	v, name, m, unlock, err := s.lockMember(vendor, client)
	if err != nil {
		return err
	}
	defer unlock()
	var b store.Batch
	deleteMember(&b, v.name, name, &m)
	if mark > m.joined { // there was something to see
		if err := s.putEnded(&b, v.name, name, &m, mark); err != nil {
			return err
		}
	}
	err = s.st.Commit(&b)
	s.endNumbers(name, []uint64{m.number})
	if err != nil {
		return err
	}
	v.clients.Add(-1)
	s.regrouped(v.name, name, false)
	return nil
}

// putEnded remembers a membership that ends, in the place of the oldest if there are
// many. The client's lock is held.
func (s *Service) putEnded(
	b *store.Batch, vendor, client string, m *memberRecord, mark uint64,
) error {
	_, ended, err := s.entries(client)
	if err != nil {
		return err
	}
	if len(ended) >= endedPerClientMax {
		old := slices.MinFunc(ended, func(a, b Membership) int {
			return cmp.Compare(a.Left, b.Left)
		})
		b.Delete(store.TableVendors, endedKey(client, old.Vendor, old.Joined))
	}
	b.Set(store.TableVendors, endedKey(client, vendor, m.joined),
		appendEnded(nil, endedRecord{left: mark, at: s.now().Unix()}))
	return nil
}

// VendorsOf are the vendors in whose groups a client is, and was in the last 7 days, as of
// one moment.
func (s *Service) VendorsOf(client string) ([]Membership, error) {
	name, err := ParseAccountName(client)
	if err != nil {
		return nil, nil
	}
	in, ended, err := s.entries(name)
	if err != nil {
		return nil, err
	}
	list := append(in, ended...)
	return slices.DeleteFunc(list, func(m Membership) bool {
		return s.vendor(m.Vendor) == nil
	}), nil
}

// entries are the memberships of a client, and those that ended.
func (s *Service) entries(client string) (in, ended []Membership, err error) {
	err = s.st.Scan(store.TableVendors, clientKey(client, ""), func(k, p []byte) error {
		e, err := parseClientKey(k)
		if err != nil {
			return err
		}
		if e.ended {
			r, err := parseEnded(p)
			ended = append(ended, Membership{
				Vendor: e.vendor, At: time.Unix(r.at, 0), Joined: e.joined, Left: r.left})
			return err
		}
		m, err := parseMember(p)
		in = append(in, Membership{
			Vendor: e.vendor, Created: m.created, Tickets: m.admits(), At: m.at, Joined: m.joined})
		return err
	})
	return in, ended, err
}

// InGroup says whether a client is in a vendor's group. Names of neither are in none.
func (s *Service) InGroup(vendor, client string) (bool, error) {
	v, err := s.named(vendor)
	if err != nil {
		return false, nil
	}
	name, err := ParseAccountName(client)
	if err != nil {
		return false, nil
	}
	_, err = s.member(v.name, name)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Client is one of a vendor's group. ErrNoVendor, ErrNoClient.
func (s *Service) Client(vendor, client string) (Member, error) {
	v, err := s.named(vendor)
	if err != nil {
		return Member{}, err
	}
	name, err := ParseAccountName(client)
	if err != nil {
		return Member{}, ErrNoClient
	}
	m, err := s.member(v.name, name)
	if err != nil {
		return Member{}, orNoClient(err)
	}
	return s.seenMember(name, &m)
}

// ClientsOf lists up to n clients of a vendor with names beyond after, by name. more says
// whether there are others behind them. ErrNoVendor.
func (s *Service) ClientsOf(vendor, after string, n int) (list []Member, more bool, err error) {
	v, err := s.named(vendor)
	if err != nil {
		return nil, false, err
	}
	more, err = s.scanGroup(v.name, after, n, func(client string, p []byte) error {
		m, err := parseMember(p)
		if err != nil {
			return err
		}
		seen, err := s.seenMember(client, &m)
		list = append(list, seen)
		return err
	})
	return list, more, err
}

func (s *Service) member(vendor, client string) (memberRecord, error) {
	p, err := s.st.Get(store.TableVendors, groupKey(vendor, client))
	if err != nil {
		return memberRecord{}, err
	}
	return parseMember(p)
}

// seenMember looks up what the record does not say.
func (s *Service) seenMember(client string, m *memberRecord) (Member, error) {
	off, err := s.isOff(client)
	return Member{
		Client: client, Created: m.created, Tickets: m.admits(), Disabled: off,
		Joined: m.at, Mark: m.joined,
	}, err
}

// isOff says whether an account is disabled.
func (s *Service) isOff(client string) (bool, error) {
	if isIssuers(client) {
		return s.rules.of(client).disabled, nil
	}
	a, err := s.account(client)
	if errors.Is(err, store.ErrNotFound) {
		return true, nil // it goes at this moment
	}
	return a.off(), err
}

// joined notes that a client is in a group.
func (s *Service) joined(v *vendor, client string) {
	v.clients.Add(1)
	s.regrouped(v.name, client, true)
}

func (s *Service) regrouped(vendor, client string, in bool) {
	if s.o.Regrouped != nil {
		s.o.Regrouped(vendor, client, in)
	}
}

func orNoClient(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return ErrNoClient
	}
	return err
}
