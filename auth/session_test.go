package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"azira/store"
)

var bg = context.Background()

func TestRefreshRotates(t *testing.T) {
	s := serve(t, cheap())
	g := register(t, s, "ann")
	seen := map[string]bool{g.AccessToken: true, g.RefreshToken: true}
	r := g
	for range 5 {
		var err error
		if r, err = s.Refresh(bg, r.RefreshToken); err != nil {
			t.Fatal(err)
		}
		if seen[r.AccessToken] || seen[r.RefreshToken] || r.ID != g.ID || r.UserID != g.UserID {
			t.Fatalf("%+v after %+v", r, g)
		}
		seen[r.AccessToken], seen[r.RefreshToken] = true, true
		verify(t, s, r.AccessToken)
	}
	verify(t, s, g.AccessToken)

	if _, err := s.Refresh(bg, g.RefreshToken); !errors.Is(err, ErrRefresh) {
		t.Fatalf("spent: %v", err)
	}
	if _, err := s.Refresh(bg, r.RefreshToken); !errors.Is(err, ErrRefresh) {
		t.Fatalf("newest of a revoked family: %v", err)
	}
	wantVerify(t, s, r.AccessToken, ErrRevoked)
	wantVerify(t, s, g.AccessToken, ErrRevoked)
}

func TestForgedRefreshTokenRevokesNothing(t *testing.T) {
	s := serve(t, cheap())
	g := register(t, s, "ann")
	forged := newRefreshToken(g.UserID, g.ID) // right numbers, wrong secrets
	for _, text := range []string{
		"", "x", forged.String(), g.RefreshToken + "A", g.RefreshToken[1:], g.AccessToken,
		strings.Repeat("_", 86), strings.Repeat("=", 86),
	} {
		if _, err := s.Refresh(bg, text); !errors.Is(err, ErrRefresh) {
			t.Errorf("%q: %v", text, err)
		}
	}
	verify(t, s, g.AccessToken)
	if _, err := s.Refresh(bg, g.RefreshToken); err != nil {
		t.Fatal(err)
	}
}

func TestOneOfManyRefreshesSucceeds(t *testing.T) {
	s := serve(t, cheap())
	g := register(t, s, "ann")
	var won, lost sync.Map
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			if _, err := s.Refresh(bg, g.RefreshToken); err == nil {
				won.Store(i, true)
			} else if errors.Is(err, ErrRefresh) {
				lost.Store(i, true)
			} else {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n, m := length(&won), length(&lost); n != 1 || m != 19 {
		t.Fatalf("%d succeeded, %d were refused", n, m)
	}
	wantVerify(t, s, g.AccessToken, ErrRevoked) // reuse was seen
}

func length(m *sync.Map) (n int) {
	m.Range(func(_, _ any) bool { n++; return true })
	return n
}

// Every way to end sessions: bearer, refresh token, ticket and streams go.
func TestEndings(t *testing.T) {
	const fresh = "new password"
	for _, c := range []struct {
		name string
		end  func(s *Service, id Identity) error
		all  bool  // the account's other sessions end as well
		keep bool  // the caller's streams go on
		then error // of a login with the old password
	}{
		{"logout", func(s *Service, id Identity) error { return s.Logout(bg, id) }, false, false, nil},
		{"password", func(s *Service, id Identity) error {
			_, err := s.ChangePassword(bg, id, goodPassword, fresh)
			return err
		}, true, true, ErrCredentials},
		{"password reset", func(s *Service, id Identity) error {
			return s.SetPassword(bg, id.Username, fresh)
		}, true, false, ErrCredentials},
		{"sessions", func(s *Service, id Identity) error {
			return s.EndSessions(bg, id.Username)
		}, true, false, nil},
		{"remove", func(s *Service, id Identity) error {
			return s.RemoveAccount(bg, id.Username)
		}, true, false, ErrCredentials},
		{"delete", func(s *Service, id Identity) error {
			return s.DeleteAccount(bg, id, goodPassword)
		}, true, false, ErrCredentials},
		{"disable", func(s *Service, id Identity) error {
			return s.Disable(bg, id.Username)
		}, true, false, ErrCredentials},
	} {
		t.Run(c.name, func(t *testing.T) { testEnding(t, c.end, c.all, c.keep, c.then) })
	}
}

func testEnding(
	t *testing.T, end func(*Service, Identity) error, all, keep bool, then error,
) {
	dir := t.TempDir()
	st := openStore(t, dir)
	closed := newClosings()
	o := cheap()
	o.CloseStream = closed.add
	s := openService(t, st, o)
	mine, other, alien := register(t, s, "ann"), login(t, s, "ann"), register(t, s, "bob")
	streams, tickets := openAll(t, s, mine, other, alien)
	id := verify(t, s, mine.AccessToken)
	if err := end(s, id); err != nil {
		t.Fatal(err)
	}
	gone := map[bool]error{true: ErrRevoked}
	check := func(s *Service) {
		t.Helper()
		for i, g := range []Grant{mine, other, alien} {
			ended := i == 0 || i == 1 && all
			if _, err := s.Verify(g.AccessToken); !errors.Is(err, gone[ended]) {
				t.Errorf("bearer %d: %v", i, err)
			}
		}
	}
	check(s)
	for i := range tickets {
		ended := i == 0 || i == 1 && all
		if _, err := s.RedeemTicket(tickets[i]); !errors.Is(err, gone[ended]) {
			t.Errorf("ticket %d: %v", i, err)
		}
		if code := closed.of(streams[i]); (code == CodeEnded) != (ended && !(keep && i == 0)) {
			t.Errorf("stream %d: code %d", i, code)
		}
	}
	if _, _, err := s.OpenStream(id, StreamInfo{}); !errors.Is(err, ErrRevoked) {
		t.Errorf("stream of an identity seen before: %v", err)
	}
	s.Close()
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	st = openStore(t, dir)
	defer st.Close()
	s = openService(t, st, cheap())
	defer s.Close()
	check(s)
	if _, err := s.Refresh(bg, mine.RefreshToken); !errors.Is(err, ErrRefresh) {
		t.Errorf("refresh: %v", err)
	}
	if _, err := s.Login(bg, "ann", goodPassword); !errors.Is(err, then) {
		t.Errorf("login: %v", err)
	}
}

// openAll opens a stream and mints a ticket with each grant.
func openAll(t *testing.T, s *Service, grants ...Grant) (streams []*Stream, tickets []string) {
	t.Helper()
	for i, g := range grants {
		id := verify(t, s, g.AccessToken)
		k, err := s.MintTicket(id)
		if err != nil {
			t.Fatal(err)
		}
		x, _, err := s.OpenStream(id, StreamInfo{})
		if err != nil {
			t.Fatal(err)
		}
		x.Opened(uint64(i))
		streams, tickets = append(streams, x), append(tickets, k)
	}
	return streams, tickets
}

func TestDeletedNameIsFree(t *testing.T) {
	s := serve(t, cheap())
	old := register(t, s, "ann")
	id := verify(t, s, old.AccessToken)
	if err := s.DeleteAccount(bg, id, goodPassword); err != nil {
		t.Fatal(err)
	}
	g := register(t, s, "ann")
	if g.UserID == old.UserID || g.ClientID == old.ClientID {
		t.Fatalf("%+v after %+v", g, old)
	}
	wantVerify(t, s, old.AccessToken, ErrRevoked)
	if err := s.DeleteAccount(bg, id, goodPassword); !errors.Is(err, ErrRevoked) {
		t.Errorf("by the identity of the old account: %v", err)
	}
	verify(t, s, g.AccessToken)
}

func TestDisableEnable(t *testing.T) {
	s := serve(t, cheap())
	register(t, s, "ann")
	if err := s.Disable(bg, "nobody"); !errors.Is(err, ErrNoAccount) {
		t.Errorf("unknown: %v", err)
	}
	if err := s.Disable(bg, "ann"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Login(bg, "ann", goodPassword); !errors.Is(err, ErrCredentials) {
		t.Errorf("disabled: %v", err)
	}
	if _, err := s.Register(bg, "ann", goodPassword); !errors.Is(err, ErrTaken) {
		t.Errorf("name of a disabled account: %v", err)
	}
	if err := s.Enable(bg, "ann"); err != nil {
		t.Fatal(err)
	}
	login(t, s, "ann")
}

func TestSessionsAreBounded(t *testing.T) {
	s := serve(t, cheap())
	first := register(t, s, "ann")
	x, _, err := s.OpenStream(verify(t, s, first.AccessToken), StreamInfo{})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Ended(1000)
	var all []Grant
	for range sessionsPerAccountMax + 5 {
		all = append(all, login(t, s, "ann"))
	}
	verify(t, s, first.AccessToken) // it has a stream
	n := 0
	for _, g := range all {
		if _, err := s.Verify(g.AccessToken); err == nil {
			n++
		}
	}
	if n != sessionsPerAccountMax-1 {
		t.Errorf("%d others live", n)
	}
	verify(t, s, all[len(all)-1].AccessToken)
}

func TestSweep(t *testing.T) {
	c := newClock()
	o := cheap()
	o.Now = c.now
	s := serve(t, o)
	old, busy := register(t, s, "old"), register(t, s, "busy")
	x, _, err := s.OpenStream(verify(t, s, busy.AccessToken), StreamInfo{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		register(t, s, fmt.Sprintf("u%d", i))
	}
	c.pass(20 * 24 * time.Hour)
	young := register(t, s, "young")
	c.pass(10 * 24 * time.Hour)
	sweepOnce(t, s)
	if n := sessions(t, s); n != 2 { // young's, and the one with a stream
		t.Errorf("%d sessions left", n)
	}
	x.Ended(1000)
	sweepOnce(t, s)
	if n := sessions(t, s); n != 1 {
		t.Errorf("%d sessions left", n)
	}
	for g, want := range map[*Grant]error{&old: ErrRefresh, &busy: ErrRefresh, &young: nil} {
		if _, err := s.Refresh(bg, g.RefreshToken); !errors.Is(err, want) {
			t.Errorf("%s: %v", g.Username, err)
		}
	}
}

// A clock that is wrong ends no session for good.
func TestUnsureClock(t *testing.T) {
	c, sure := newClock(), time.Time{}
	o := cheap()
	o.Now, o.Sure = c.now, func() time.Time { return sure }
	s := serve(t, o)
	g := register(t, s, "ann")
	c.pass(60 * 24 * time.Hour)
	sweepOnce(t, s)
	if _, err := s.Refresh(bg, g.RefreshToken); !errors.Is(err, ErrRefresh) {
		t.Errorf("while the clock is wrong: %v", err)
	}
	c.pass(-60 * 24 * time.Hour)
	if _, err := s.Refresh(bg, g.RefreshToken); err != nil {
		t.Errorf("when it is right again: %v", err)
	}
	sure = c.now().Add(60 * 24 * time.Hour)
	sweepOnce(t, s)
	if n := sessions(t, s); n != 0 {
		t.Errorf("%d sessions left", n)
	}
}

func sweepOnce(t *testing.T, s *Service) {
	t.Helper()
	var from []byte
	for {
		var err error
		if from, err = s.sweepSessions(from); err != nil {
			t.Fatal(err)
		}
		if from == nil {
			return
		}
	}
}

func sessions(t *testing.T, s *Service) (n int) {
	t.Helper()
	err := s.st.Scan(store.TableSessions, nil, func(_, _ []byte) error { n++; return nil })
	if err != nil {
		t.Fatal(err)
	}
	return n
}
