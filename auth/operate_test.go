package auth

import (
	"errors"
	"fmt"
	"testing"
)

// What an operator sets is there after a restart, and goes with the account.
func TestStreamLimitOfOneAccount(t *testing.T) {
	dir := t.TempDir()
	st := openStore(t, dir)
	s := openService(t, st, cheap())
	ann := verify(t, s, register(t, s, "ann").AccessToken)
	bob := verify(t, s, register(t, s, "bob").AccessToken)
	open := func(id Identity, tries int) (n int) {
		for range tries {
			x, _, err := s.OpenStream(id, StreamInfo{})
			switch {
			case err == nil:
				defer x.Ended(1000)
				n++
			case !errors.Is(err, ErrStreamLimit):
				t.Fatal(err)
			}
		}
		return n
	}
	for _, c := range []struct{ limit, opened, shown int }{
		{1, 1, 1}, {5, 5, 5}, {Unlimited, 10, 0}, {0, 3, 3}, {7, 7, 7},
	} {
		if err := s.SetStreamLimit(bg, "ann", c.limit); err != nil {
			t.Fatal(err)
		}
		if n := open(ann, 10); n != c.opened || s.StreamLimit("ann") != c.shown {
			t.Errorf("limit %d: %d opened, %d shown", c.limit, n, s.StreamLimit("ann"))
		}
	}
	if n := open(bob, 10); n != 3 {
		t.Errorf("another account: %d", n)
	}
	s.Close()
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	st = openStore(t, dir)
	defer st.Close()
	s = openService(t, st, cheap())
	defer s.Close()
	if n := open(ann, 10); n != 7 {
		t.Errorf("after a restart: %d", n)
	}
	if err := s.RemoveAccount(bg, "ann"); err != nil {
		t.Fatal(err)
	}
	if ann = verify(t, s, register(t, s, "ann").AccessToken); open(ann, 10) != 3 {
		t.Error("the name's next account has the limit of the last")
	}
}

func TestStreamLimitRefusals(t *testing.T) {
	s := serve(t, cheap())
	register(t, s, "ann")
	for _, name := range []string{"nobody", "a/b", "a/b/c", ""} {
		if err := s.SetStreamLimit(bg, name, 1); !errors.Is(err, ErrNoAccount) {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, n := range []int{-2, streamsMax + 1} {
		if err := s.SetStreamLimit(bg, "ann", n); !errors.Is(err, ErrOptions) {
			t.Errorf("%d: %v", n, err)
		}
	}
}

// Pages of the list join into all accounts, own and an issuer's, by name, none twice.
func TestAccountsPages(t *testing.T) {
	s, _ := serveIssuer(t)
	want := map[string]bool{}
	for i := range 7 {
		name := fmt.Sprintf("u%d", i)
		register(t, s, name)
		want[name] = true
	}
	for _, name := range []string{"login.example/a", "login.example/z"} {
		if err := s.Disable(bg, name); err != nil {
			t.Fatal(err)
		}
		want[name] = true
	}
	for size := 1; size < 12; size++ {
		seen, after := map[string]bool{}, ""
		for {
			list, more, err := s.Accounts(after, size)
			if err != nil || len(list) > size {
				t.Fatalf("%d of %d: %v", len(list), size, err)
			}
			for _, a := range list {
				if a.Username <= after || seen[a.Username] || a.Issuers() != a.Disabled {
					t.Fatalf("%+v after %q", a, after)
				}
				seen[a.Username], after = true, a.Username
			}
			if !more {
				break
			}
		}
		if len(seen) != len(want) {
			t.Errorf("pages of %d: %v", size, seen)
		}
	}
}

func TestAccountInfo(t *testing.T) {
	s, _ := serveIssuer(t)
	g := register(t, s, "ann")
	login(t, s, "ann")
	x, _, err := s.OpenStream(verify(t, s, g.AccessToken), StreamInfo{})
	if err != nil {
		t.Fatal(err)
	}
	x.Opened(1)
	i, err := s.Account("ann")
	if err != nil || i.ID != g.UserID || i.Sessions != 2 || i.Streams != 1 || i.Disabled {
		t.Errorf("%+v %v", i, err)
	}
	if n, err := s.EndStreams(bg, "ann"); n != 1 || err != nil {
		t.Errorf("%d %v", n, err)
	}
	verify(t, s, g.AccessToken) // the session goes on
	const theirs = "login.example/ann"
	if i, err = s.Account(theirs); err != nil || !i.Issuers() || i.ID != 0 {
		t.Errorf("%+v %v", i, err)
	}
	for what, err := range map[string]error{
		"password": s.SetPassword(bg, theirs, goodPassword),
		"sessions": s.EndSessions(bg, theirs),
		"remove":   s.RemoveAccount(bg, theirs),
	} {
		if !errors.Is(err, ErrIssuers) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := s.SetPassword(bg, "ann", "short"); !errors.Is(err, ErrPassword) {
		t.Errorf("short: %v", err)
	}
	if _, err := s.Account("other.example/ann"); !errors.Is(err, ErrNoAccount) {
		t.Errorf("of no issuer: %v", err)
	}
}
