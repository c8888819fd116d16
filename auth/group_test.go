package auth

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"azira/store"
)

func TestGroup(t *testing.T) {
	var told []string
	o := cheap()
	o.Regrouped = func(vendor, client string, joined bool) {
		told = append(told, fmt.Sprint(vendor, " ", client, " ", joined))
	}
	s := serve(t, o)
	broker(t, s, "ann")
	broker(t, s, "bob")
	register(t, s, "Zoë")
	create(t, s, "ann", "made")
	for range 2 { // again changes nothing
		if _, err := s.Join(bg, "ann", "Zoe\u0308", nil, 5); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		vendor, client string
		want           error
	}{
		{"nobody", "Zoë", ErrNoVendor}, {"made", "Zoë", ErrNoVendor}, {"", "Zoë", ErrNoVendor},
		{"ann", "nobody", ErrNoAccount}, {"ann", "x.example/zoe", ErrNoAccount},
		{"ann", "", ErrNoAccount}, {"ann", "ann", ErrOwnClient},
	} {
		if _, err := s.Join(bg, tc.vendor, tc.client, nil, 0); err != tc.want {
			t.Errorf("%s, %s: %v", tc.vendor, tc.client, err)
		}
		if err := s.Leave(bg, tc.vendor, tc.client, 0); err == nil {
			t.Errorf("%s, %s left", tc.vendor, tc.client)
		}
		if in, err := s.InGroup(tc.vendor, tc.client); in || err != nil {
			t.Errorf("%s, %s: %v %v", tc.vendor, tc.client, in, err)
		}
	}
	got, none := names(t, s, "ann"), names(t, s, "bob")
	if !slices.Equal(got, []string{"Zoë", "made"}) || none != nil {
		t.Errorf("%q, %q", got, none)
	}
	if m, err := s.Client("ann", "Zoë"); err != nil || m.Created || m.Tickets || m.Mark != 5 {
		t.Errorf("%+v %v", m, err)
	}
	for _, want := range []error{nil, ErrNoClient} {
		if err := s.Leave(bg, "ann", "Zoë", 9); err != want {
			t.Errorf("leave: %v, want %v", err, want)
		}
	}
	if _, err := s.Join(bg, "ann", "Zoë", nil, 11); err != nil {
		t.Fatal(err)
	}
	list, err := s.VendorsOf("Zoë")
	if err != nil || len(list) != 2 || list[0].Joined != 11 || list[0].Left != 0 ||
		list[1].Joined != 5 || list[1].Left != 9 {
		t.Errorf("%+v %v", list, err)
	}
	want := []string{"ann made true", "ann Zoë true", "ann Zoë false", "ann Zoë true"}
	if !slices.Equal(told, want) {
		t.Errorf("%q", told)
	}
}

// Memberships that ended are remembered for 7 days, and a bounded number of them.
func TestEndedMemberships(t *testing.T) {
	c := newClock()
	o := cheap()
	o.Now = c.now
	s := serve(t, o)
	broker(t, s, "ann")
	register(t, s, "zoe")
	flap := func(mark uint64) {
		t.Helper()
		if _, err := s.Join(bg, "ann", "zoe", nil, mark); err != nil {
			t.Fatal(err)
		}
		if err := s.Leave(bg, "ann", "zoe", mark+1); err != nil {
			t.Fatal(err)
		}
	}
	for i := range uint64(endedPerClientMax + 5) {
		flap(10 * (i + 1))
	}
	if l, err := s.VendorsOf("zoe"); err != nil || len(l) != endedPerClientMax || l[0].Joined != 60 {
		t.Errorf("%d %v", len(l), err)
	}
	c.pass(endedFor)
	flap(10_000)
	c.pass(time.Second)
	for range 2 {
		if _, err := s.sweepVendors(nil); err != nil {
			t.Fatal(err)
		}
	}
	if l, err := s.VendorsOf("zoe"); err != nil || len(l) != 1 || l[0].Joined != 10_000 {
		t.Errorf("%+v %v", l, err)
	}
	if err := s.RemoveVendor(bg, "ann"); err != nil {
		t.Fatal(err)
	}
	n := 0
	_ = s.st.Scan(store.TableVendors, nil, func(k, _ []byte) error { n++; return nil })
	if n != 0 {
		t.Errorf("%d records are left of a vendor removed", n)
	}
}

func TestCreateClient(t *testing.T) {
	s := serve(t, cheap())
	broker(t, s, "ann")
	password := goodPassword
	if _, err := s.CreateClient(bg, "ann", "zoe", &password, 0); err != nil {
		t.Fatal(err)
	}
	login(t, s, "zoe")
	create(t, s, "ann", "yan")
	for _, p := range []string{"", "password", goodPassword} {
		if _, err := s.Login(bg, "yan", p); err != ErrCredentials {
			t.Errorf("login without a password: %v", err)
		}
	}
	short := "short"
	for _, tc := range []struct {
		vendor, name string
		password     *string
		want         error
	}{
		{"ann", "zoe", nil, ErrTaken}, {"ann", "ann", nil, ErrTaken}, {"ann", "..", nil, ErrUsername},
		{"ann", "x.example/zoe", nil, ErrUsername}, {"ann", "new", &short, ErrPassword},
		{"zoe", "new", nil, ErrNoVendor},
	} {
		if _, err := s.CreateClient(bg, tc.vendor, tc.name, tc.password, 0); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
	if err := s.SetPassword(bg, "yan", goodPassword); err != nil {
		t.Fatal(err)
	}
	login(t, s, "yan")
}

// Only its creator may suspend an account, and an operator's word is above the vendor's.
func TestSuspend(t *testing.T) {
	s := serve(t, cheap())
	broker(t, s, "ann")
	broker(t, s, "bob")
	password := goodPassword
	if _, err := s.CreateClient(bg, "ann", "zoe", &password, 0); err != nil {
		t.Fatal(err)
	}
	join(t, s, "bob", "zoe", true)
	register(t, s, "yan")
	join(t, s, "ann", "yan", true)
	g := login(t, s, "zoe")
	for _, tc := range []struct {
		vendor, client string
		want           error
	}{
		{"bob", "zoe", ErrNotCreated}, {"ann", "yan", ErrNotCreated}, {"ann", "bob", ErrNoClient},
		{"bob", "yan", ErrNoClient}, {"yan", "zoe", ErrNoVendor}, {"ann", "nobody", ErrNoClient},
		{"ann", "zoe", nil},
	} {
		if err := s.Suspend(bg, tc.vendor, tc.client); err != tc.want {
			t.Errorf("%s, %s: %v", tc.vendor, tc.client, err)
		}
	}
	wantVerify(t, s, g.AccessToken, ErrRevoked)
	if _, err := s.Login(bg, "zoe", goodPassword); err != ErrCredentials {
		t.Errorf("suspended: %v", err)
	}
	if err := s.Disable(bg, "zoe"); err != nil {
		t.Fatal(err)
	}
	if err := s.Resume(bg, "ann", "zoe"); err != ErrDisabled {
		t.Errorf("disabled by an operator: %v", err)
	}
	if err := s.Enable(bg, "zoe"); err != nil {
		t.Fatal(err)
	}
	login(t, s, "zoe")
	if s.Suspend(bg, "ann", "zoe") != nil || s.Resume(bg, "ann", "zoe") != nil {
		t.Error("suspend and resume")
	}
	login(t, s, "zoe")
}

// Whoever joins, leaves, creates and deletes at once: both sides of the records agree,
// counts are right, and nothing is left of who is gone.
func TestGroupHammer(t *testing.T) {
	s := serve(t, cheap())
	vendors, clients := []string{"v0", "v1", "v2"}, []string{"c0", "c1", "c2", "c3"}
	for _, v := range vendors {
		register(t, s, v)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 60 {
				v, c := vendors[rand.IntN(3)], clients[rand.IntN(4)]
				yes := rand.IntN(2) == 0
				switch rand.IntN(10) {
				case 0:
					_ = s.SetVendor(bg, v, func(*VendorLimits) {})
				case 1, 2:
					_, _ = s.CreateClient(bg, v, c, nil, 1)
				case 3, 4, 5:
					_, _ = s.Join(bg, v, c, &yes, 2)
				case 6:
					_ = s.Leave(bg, v, c, 3)
				case 7:
					_ = s.RemoveAccount(bg, c)
				case 8:
					if rand.IntN(3) == 0 {
						_ = s.RemoveVendor(bg, v)
					}
					_ = s.Suspend(bg, v, c)
				case 9:
					if ticket, err := s.MintTicketFor(v, c); err == nil {
						_, _ = s.RedeemTicket(ticket)
					}
					_, _, _ = s.NewKey(bg, v, "", ScopeSend, 0)
				}
			}
		})
	}
	wg.Wait()
	for _, v := range vendors {
		i, err := s.Vendor(v)
		if err == ErrNoVendor {
			continue
		}
		if got := names(t, s, v); err != nil || i.Usage.Clients != len(got) {
			t.Errorf("%s: %v, %d clients counted, %d there", v, err, i.Usage.Clients, len(got))
		}
	}
	for _, v := range vendors[1:] {
		_ = s.RemoveAccount(bg, v)
	}
	n := 0
	if s.vendor("v0") != nil {
		n = len(names(t, s, "v0"))
	}
	wantGroups(t, s, "v0", n)
}
