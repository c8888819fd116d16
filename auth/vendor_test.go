package auth

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"azira/store"
)

// broker makes an account a vendor.
func broker(t testing.TB, s *Service, name string) {
	t.Helper()
	if _, err := s.Account(name); errors.Is(err, ErrNoAccount) {
		register(t, s, name)
	}
	if err := s.SetVendor(bg, name, func(*VendorLimits) {}); err != nil {
		t.Fatal(err)
	}
}

func join(t testing.TB, s *Service, vendor, client string, tickets bool) {
	t.Helper()
	if _, err := s.Join(bg, vendor, client, &tickets, 0); err != nil {
		t.Fatal(err)
	}
}

func create(t testing.TB, s *Service, vendor, client string) {
	t.Helper()
	if _, err := s.CreateClient(bg, vendor, client, nil, 0); err != nil {
		t.Fatal(err)
	}
}

func newKey(t testing.TB, s *Service, vendor string, sc Scope, ttl time.Duration) (string, APIKey) {
	t.Helper()
	text, k, err := s.NewKey(bg, vendor, "label", sc, ttl)
	if err != nil {
		t.Fatal(err)
	}
	return text, k
}

func wantKey(t testing.TB, s *Service, text string, want error) {
	t.Helper()
	if _, err := s.VerifyKey(text); err != want {
		t.Errorf("key: %v, want %v", err, want)
	}
}

// names are those of a group, by pages of two.
func names(t testing.TB, s *Service, vendor string) (list []string) {
	t.Helper()
	for after, more := "", true; more; {
		page, again, err := s.ClientsOf(vendor, after, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range page {
			list = append(list, m.Client)
			after = m.Client
		}
		more = again
	}
	return list
}

func TestVendorRole(t *testing.T) {
	s := serve(t, cheap())
	register(t, s, "ann")
	if _, err := s.Vendor("ann"); err != ErrNoVendor {
		t.Errorf("a plain account: %v", err)
	}
	for name, want := range map[string]error{"nobody": ErrNoAccount, "a\x00": ErrNoAccount} {
		if err := s.SetVendor(bg, name, func(*VendorLimits) {}); err != want {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, n := range []int{-1, VendorLimitMax + 1} {
		err := s.SetVendor(bg, "ann", func(l *VendorLimits) { l.Tokens = n })
		if err != ErrOptions {
			t.Errorf("limit %d: %v", n, err)
		}
	}
	broker(t, s, "Zoe\u0308") // decomposed
	broker(t, s, "ann")
	_ = s.SetVendor(bg, "ann", func(l *VendorLimits) { l.Streams, l.Bytes = 7, 8 })
	_ = s.SetVendor(bg, "ann", func(l *VendorLimits) { l.Streams = 9 })
	i, err := s.Vendor("ann")
	if err != nil || i.Limits != (VendorLimits{Streams: 9, Bytes: 8}) {
		t.Errorf("%+v %v", i, err)
	}
	list, more := s.Vendors("", 1)
	if len(list) != 1 || !more || list[0].Vendor != "Zoë" {
		t.Errorf("%+v %v", list, more)
	}
	if list, more = s.Vendors("Zoë", 5); len(list) != 1 || more || list[0].Vendor != "ann" {
		t.Errorf("%+v %v", list, more)
	}
	if err := s.RemoveVendor(bg, "ann"); err != nil {
		t.Fatal(err)
	}
	if err := s.RemoveVendor(bg, "ann"); err != ErrNoVendor {
		t.Errorf("twice: %v", err)
	}
	login(t, s, "ann") // still an account
}

func TestAPIKeys(t *testing.T) {
	c := newClock()
	o := cheap()
	o.Now = c.now
	s := serve(t, o)
	broker(t, s, "ann")
	broker(t, s, "bob")
	forever, k := newKey(t, s, "ann", ScopeSend|ScopeTickets, 0)
	brief, _ := newKey(t, s, "ann", ScopeAll, time.Minute)
	id, err := s.VerifyKey(forever)
	if err != nil || id.Username != "ann" || id.Scopes != ScopeSend|ScopeTickets ||
		!id.Expires.IsZero() || !strings.HasPrefix(forever, "azk_"+k.ID+"_") {
		t.Fatalf("%+v %v", id, err)
	}
	if _, _, err := s.OpenStream(id, StreamInfo{}); err != ErrRevoked {
		t.Errorf("a stream by a key: %v", err)
	}
	if ticket, err := s.MintTicket(id); err == nil {
		if _, err = s.RedeemTicket(ticket); err != ErrRevoked {
			t.Errorf("a ticket by a key: %v", err)
		}
	}
	wantVerify(t, s, forever, ErrBearer)
	last := forever[:len(forever)-1]
	for _, text := range []string{"", "azk_", last, last + "_", forever + "A", "azk_" + k.ID + "_",
		strings.Replace(forever, k.ID, strings.ToUpper(k.ID), 1), brief[:21] + forever[21:],
		strings.TrimPrefix(forever, "azk_"), strings.Replace(forever, "azk", "AZK", 1)} {
		if text != forever {
			wantKey(t, s, text, ErrBearer)
		}
	}
	c.pass(time.Minute)
	wantKey(t, s, brief, ErrExpired)
	wantKey(t, s, forever, nil)
}

func TestAPIKeysEnd(t *testing.T) {
	s := serve(t, cheap())
	broker(t, s, "ann")
	broker(t, s, "bob")
	forever, k := newKey(t, s, "ann", ScopeAll, 0)
	newKey(t, s, "ann", ScopeAll, time.Hour)
	wantKey(t, s, forever, nil)
	if err := s.DeleteKey(bg, "bob", k.ID); err != ErrNoKey {
		t.Errorf("another's key: %v", err)
	}
	for _, bad := range []string{"", "x", "0123456789abcdef", k.ID + "00"} {
		if err := s.DeleteKey(bg, "ann", bad); err != ErrNoKey {
			t.Errorf("%q: %v", bad, err)
		}
	}
	list, err := s.VendorKeys("ann")
	if err != nil || len(list) != 2 || list[0].Used.IsZero() != (list[0].ID != k.ID) {
		t.Errorf("%+v %v", list, err)
	}
	if err := s.Disable(bg, "ann"); err != nil {
		t.Fatal(err)
	}
	wantKey(t, s, forever, ErrRevoked)
	if err := s.Enable(bg, "ann"); err != nil {
		t.Fatal(err)
	}
	wantKey(t, s, forever, nil)
	if err := s.DeleteKey(bg, "ann", k.ID); err != nil {
		t.Fatal(err)
	}
	wantKey(t, s, forever, ErrBearer)
	for range keysPerVendorMax - 1 {
		newKey(t, s, "ann", ScopeSend, 0)
	}
	if _, _, err := s.NewKey(bg, "ann", "", ScopeSend, 0); err != ErrKeyLimit {
		t.Errorf("one too many: %v", err)
	}
	for _, bad := range []func() (string, APIKey, error){
		func() (string, APIKey, error) { return s.NewKey(bg, "bob", "a\n", ScopeSend, 0) },
		func() (string, APIKey, error) { return s.NewKey(bg, "bob", "", 0, 0) },
		func() (string, APIKey, error) { return s.NewKey(bg, "bob", "", ScopeAll+1, 0) },
		func() (string, APIKey, error) { return s.NewKey(bg, "bob", "", 1, -1) },
		func() (string, APIKey, error) { return s.NewKey(bg, "bob", "", 1, keyTTLMax+1) },
	} {
		if _, _, err := bad(); err != ErrOptions {
			t.Errorf("%v", err)
		}
	}
}

// A key costs neither the disk nor memory.
func TestVerifyKeyAllocatesNothing(t *testing.T) {
	s := serve(t, cheap())
	broker(t, s, "ann")
	text, _ := newKey(t, s, "ann", ScopeAll, 0)
	if n := testing.AllocsPerRun(100, func() { _, _ = s.VerifyKey(text) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestScopes(t *testing.T) {
	for _, bad := range [][]string{nil, {}, {"all"}, {"send", ""}} {
		if _, err := ParseScopes(bad); err != ErrScope {
			t.Errorf("%q: %v", bad, err)
		}
	}
	sc, err := ParseScopes([]string{"presence", "send", "send"})
	if err != nil || !slices.Equal(sc.Names(), []string{"send", "presence"}) {
		t.Errorf("%v %v", sc.Names(), err)
	}
}

// What was answered is there after a restart: keys, their last use, groups, limits; and a
// vendor whose removal was cut short is none, and its group is gone.
func TestVendorsAfterRestart(t *testing.T) {
	dir := t.TempDir()
	st := openStore(t, dir)
	s := openService(t, st, cheap())
	for _, name := range []string{"ann", "bob"} {
		broker(t, s, name)
		create(t, s, name, name+"-made")
		register(t, s, name+"-come")
		join(t, s, name, name+"-come", true)
	}
	_ = s.SetVendor(bg, "ann", func(l *VendorLimits) { l.Messages = 5 })
	_ = s.Disable(bg, "bob-come")
	key, _ := newKey(t, s, "ann", ScopeSend, 0)
	wantKey(t, s, key, nil)
	if err := s.saveUsed(); err != nil {
		t.Fatal(err)
	}
	var b store.Batch
	s.putGone(&b, s.vendor("bob"))
	if err := st.Commit(&b); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	st = openStore(t, dir)
	defer st.Close()
	s = openService(t, st, cheap())
	defer s.Close()
	wantKey(t, s, key, nil)
	i, err := s.Vendor("ann")
	if err != nil || i.Limits.Messages != 5 || i.Usage.Clients != 2 || i.Usage.Keys != 1 {
		t.Errorf("%+v %v", i, err)
	}
	if l, _ := s.VendorKeys("ann"); len(l) != 1 || l[0].Used.IsZero() {
		t.Errorf("%+v", l)
	}
	if got := names(t, s, "ann"); !slices.Equal(got, []string{"ann-come", "ann-made"}) {
		t.Errorf("%q", got)
	}
	if m, err := s.Client("ann", "ann-made"); err != nil || !m.Created || !m.Tickets {
		t.Errorf("%+v %v", m, err)
	}
	if _, err := s.Vendor("bob"); err != ErrNoVendor {
		t.Errorf("removed: %v", err)
	}
	wantGroups(t, s, "ann", 2)
}

// wantGroups says that the records of groups agree, that there are n, of one vendor.
func wantGroups(t *testing.T, s *Service, vendor string, n int) {
	t.Helper()
	by := map[byte]map[string]bool{recMember: {}, recClient: {}}
	creators := 0
	err := s.st.Scan(store.TableVendors, nil, func(k, p []byte) error {
		f := strings.Split(string(k[1:]), "\x00")
		switch k[0] {
		case recMember:
			by[k[0]][f[0]+"/"+f[1]+fmt.Sprintf("%x", p)] = true
			if f[0] != vendor {
				t.Errorf("of another vendor: %q", k)
			}
			if m, _ := parseMember(p); m.created {
				creators++
			}
		case recClient:
			if e, err := parseClientKey(k); err != nil || !e.ended {
				by[k[0]][f[1]+"/"+f[0]+fmt.Sprintf("%x", p)] = true
			}
		case recCreator:
			creators--
		case recGone:
			t.Errorf("a note is left: %q", k)
		}
		return nil
	})
	if err != nil || creators != 0 || len(by[recMember]) != n || len(by[recClient]) != n {
		t.Errorf("%v; %d creators too many; %d and %d records, want %d", err, creators,
			len(by[recMember]), len(by[recClient]), n)
	}
	for k := range by[recMember] {
		if !by[recClient][k] {
			t.Errorf("%q is not there by client", k)
		}
	}
}
