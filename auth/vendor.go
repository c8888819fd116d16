package auth

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"azira/store"
)

// This file holds vendors: accounts that an operator lets have a group of clients.
//
//	operator ──▶ vendor ─┬▶ API keys ──▶ Identity with scopes        apikey.go
//	                     ├▶ group: accounts it made, and those       group.go
//	                     │  that consent ─▶ tickets for them         member.go
//	                     └▶ limits: streams, tokens, messages/s …    spend.go
//
// All vendors and keys are in memory beside the store; groups are in the store alone.
//
// Locks: a membership is changed under the names' locks of both, taken in the order of
// the locks (lockNames). So who holds one of them sees no change of any of its pairs.

// VendorLimits are what a vendor may use; 0 = no limit.
type VendorLimits struct {
	Streams  int // open of all accounts that it created together
	Tokens   int // of each of these streams
	Messages int // a second
	Bytes    int // of content, a second
}

// all are the limits in the order of their record.
func (l *VendorLimits) all() [4]*int {
	return [...]*int{&l.Streams, &l.Tokens, &l.Messages, &l.Bytes}
}

func (l *VendorLimits) good() bool {
	for _, n := range l.all() {
		if *n < 0 || *n > VendorLimitMax {
			return false
		}
	}
	return true
}

// A VendorInfo is what operators and the vendor itself see of it.
type VendorInfo struct {
	Vendor   string
	Disabled bool
	Limits   VendorLimits
	Usage    VendorUsage
}

// VendorUsage is what a vendor has, and has sent since the server's start.
type VendorUsage struct {
	Clients, Keys, Streams int
	Spent
}

// vendors are all there are, in memory: operators make each of them.
type vendors struct {
	mu     sync.RWMutex
	byName map[string]*vendor
	keys   map[keyID]*apiKey
}

// A vendor in memory.
type vendor struct {
	// Fixed.
	name    string
	account uint64

	// Shared.
	limits   atomic.Pointer[VendorLimits]
	disabled atomic.Bool  // its account is
	doubted  atomic.Bool  // a change of it failed, and may be on the disk
	clients  atomic.Int64 // in its group
	streams  atomic.Int64 // open, of accounts that it created
	purse    purse
}

// of is the vendor of a name; nil if that is none.
func (vs *vendors) of(name string) *vendor {
	vs.mu.RLock()
	defer vs.mu.RUnlock()
	return vs.byName[name]
}

func (vs *vendors) any() bool {
	vs.mu.RLock()
	defer vs.mu.RUnlock()
	return len(vs.byName) > 0
}

// keysOf are a vendor's, in no order.
func (vs *vendors) keysOf(v *vendor) (list []*apiKey) {
	vs.mu.RLock()
	defer vs.mu.RUnlock()
	for _, k := range vs.keys {
		if k.vendor == v {
			list = append(list, k)
		}
	}
	return list
}

// drop takes a vendor and its keys out of memory.
func (vs *vendors) drop(v *vendor) {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	if vs.byName[v.name] == v {
		delete(vs.byName, v.name)
	}
	maps.DeleteFunc(vs.keys, func(_ keyID, k *apiKey) bool { return k.vendor == v })
}

// loadVendors reads all vendors and keys, counts groups, and ends what a crash left of
// those removed.
func (s *Service) loadVendors() error {
	vs := &s.vendors
	vs.byName, vs.keys = make(map[string]*vendor), make(map[keyID]*apiKey)
	err := s.st.Scan(store.TableVendors, []byte{recVendor}, func(k, p []byte) error {
		r, err := parseVendor(p)
		if err != nil {
			return err
		}
		a, err := s.account(string(k[1:]))
		if errors.Is(err, store.ErrNotFound) || err == nil && a.id != r.account {
			s.log.Warn("auth: a vendor without its account", "vendor", string(k[1:]))
			return nil
		}
		if err != nil {
			return err
		}
		v := s.newVendor(string(k[1:]), &r)
		v.disabled.Store(a.off())
		vs.byName[v.name] = v
		return nil
	})
	if err == nil {
		err = s.loadKeys()
	}
	if err == nil {
		err = s.countGroups()
	}
	if err == nil {
		err = s.endRemovals()
	}
	return err
}

func (s *Service) newVendor(name string, r *vendorRecord) *vendor {
	v := &vendor{name: name, account: r.account}
	v.limits.Store(&r.limits)
	v.purse.init(s.now())
	return v
}

// vendor is the vendor of a name that is canonical; nil if that is none. One of
// whom a change failed is believed as the store has it.
func (s *Service) vendor(name string) *vendor {
	v := s.vendors.of(name)
	if v == nil || !v.doubted.Load() {
		return v
	}
	p, err := s.st.Get(store.TableVendors, nameKey(recVendor, name))
	if errors.Is(err, store.ErrNotFound) {
		s.vendors.drop(v)
	}
	if err != nil {
		return nil
	}
	a, err := s.account(name)
	r, bad := parseVendor(p)
	if err != nil || bad != nil || r.account != a.id || a.id != v.account {
		return nil
	}
	v.disabled.Store(a.off())
	v.doubted.Store(false)
	return v
}

// named is vendor for a name as somebody spells it.
func (s *Service) named(vendor string) (*vendor, error) {
	name, err := ParseUsername(vendor)
	if err != nil {
		return nil, ErrNoVendor
	}
	v := s.vendor(name)
	if v == nil {
		return nil, ErrNoVendor
	}
	return v, nil
}

// IsVendor says whether an account is a vendor.
func (s *Service) IsVendor(username string) bool {
	_, err := s.named(username)
	return err == nil
}

// SetVendor makes an own account a vendor, or changes the limits of one. ErrNoAccount,
// ErrIssuers, or ErrOptions for limits out of range.
func (s *Service) SetVendor(
	_ context.Context, username string, change func(*VendorLimits),
) error {
	return s.operate(username, func(name string, a *accountRecord) error {
		if a == nil {
			return ErrIssuers
		}
		v := s.vendor(name)
		r := vendorRecord{account: a.id}
		if v != nil {
			r.limits = *v.limits.Load()
		} else if err := s.endRemoval(name); err != nil {
			return err
		}
		change(&r.limits)
		if !r.limits.good() {
			return ErrOptions
		}
		var b store.Batch
		b.Set(store.TableVendors, nameKey(recVendor, name), appendVendor(nil, &r))
		if err := s.st.Commit(&b); err != nil {
			return err
		}
		if v != nil {
			v.limits.Store(&r.limits)
			return nil
		}
		v = s.newVendor(name, &r)
		v.disabled.Store(a.off())
		s.vendors.mu.Lock()
		defer s.vendors.mu.Unlock()
		s.vendors.byName[name] = v
		return nil
	})
}

// RemoveVendor makes a vendor a plain account: its keys and its group are gone, and the
// streams of tickets that it minted. Accounts that it created stay.
func (s *Service) RemoveVendor(_ context.Context, username string) error {
	name, err := ParseUsername(username)
	if err != nil {
		return ErrNoVendor
	}
	defer s.lockName(name).Unlock()
	v := s.vendor(name)
	if v == nil {
		return ErrNoVendor
	}
	var b store.Batch
	s.putGone(&b, v)
	if err := s.st.Commit(&b); err != nil {
		v.doubted.Store(true)
		return err
	}
	return s.gone(v)
}

// Vendor is what is known of one; ErrNoVendor if there is none of that name.
func (s *Service) Vendor(username string) (VendorInfo, error) {
	v, err := s.named(username)
	if err != nil {
		return VendorInfo{}, err
	}
	return s.seenVendor(v), nil
}

// Vendors lists up to n vendors with names beyond after, by name. more says whether there
// are others behind them.
func (s *Service) Vendors(after string, n int) (list []VendorInfo, more bool) {
	s.vendors.mu.RLock()
	names := slices.Sorted(maps.Keys(s.vendors.byName))
	s.vendors.mu.RUnlock()
	for _, name := range names {
		if name <= after {
			continue
		}
		if len(list) == n {
			return list, true
		}
		if v := s.vendor(name); v != nil {
			list = append(list, s.seenVendor(v))
		}
	}
	return list, false
}

func (s *Service) seenVendor(v *vendor) VendorInfo {
	return VendorInfo{
		Vendor: v.name, Disabled: v.disabled.Load(), Limits: *v.limits.Load(),
		Usage: VendorUsage{
			Clients: int(v.clients.Load()), Keys: len(s.vendors.keysOf(v)),
			Streams: int(v.streams.Load()), Spent: v.purse.spent(s.now()),
		},
	}
}

// setVendorDisabled follows the account. The name's lock is held.
func (s *Service) setVendorDisabled(name string, disabled bool) error {
	v := s.vendor(name)
	if v == nil {
		return nil
	}
	v.disabled.Store(disabled) // before the streams are asked for: see OpenStream
	if !disabled {
		return nil
	}
	return s.eachMember(name, func(client string, m *memberRecord) error {
		s.endNumbers(client, []uint64{m.number})
		return nil
	})
}

// eachMember calls f for each membership of a vendor's group.
func (s *Service) eachMember(vendor string, f func(string, *memberRecord) error) error {
	prefix := groupKey(vendor, "")
	return s.st.Scan(store.TableVendors, prefix, func(k, p []byte) error {
		m, err := parseMember(p)
		if err != nil {
			return err
		}
		return f(string(k[len(prefix):]), &m)
	})
}

// countGroups tells each vendor how many clients it has.
func (s *Service) countGroups() error {
	for name, v := range s.vendors.byName {
		prefix, n := groupKey(name, ""), int64(0)
		err := s.st.Scan(store.TableVendors, prefix, func(_, _ []byte) error {
			n++
			return nil
		})
		if err != nil {
			return fmt.Errorf("auth: count clients: %w", err)
		}
		v.clients.Store(n)
	}
	return nil
}
