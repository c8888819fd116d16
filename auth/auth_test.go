package auth

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"azira/store"
)

func TestMain(m *testing.M) {
	childMain()
	goleak.VerifyTestMain(m)
}

const goodPassword = "correct horse"

// cheap is for tests that are not about hashing.
func cheap() Options {
	return Options{
		Logger:   slog.New(slog.DiscardHandler),
		HashTime: 1, HashMemoryKiB: 8,
	}
}

func openStore(t testing.TB, dir string) *store.Store {
	t.Helper()
	st, err := store.Open(dir, store.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func openService(t testing.TB, st *store.Store, o Options) *Service {
	t.Helper()
	s, err := Open(st, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// serve opens a Service in a directory of its own.
func serve(t testing.TB, o Options) *Service {
	t.Helper()
	st := openStore(t, t.TempDir())
	s := openService(t, st, o)
	t.Cleanup(func() {
		s.Close()
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func register(t testing.TB, s *Service, name string) Grant {
	t.Helper()
	g, err := s.Register(context.Background(), name, goodPassword)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func login(t testing.TB, s *Service, name string) Grant {
	t.Helper()
	g, err := s.Login(context.Background(), name, goodPassword)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func verify(t testing.TB, s *Service, bearer string) Identity {
	t.Helper()
	id, err := s.Verify(bearer)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func wantVerify(t testing.TB, s *Service, bearer string, want error) {
	t.Helper()
	if _, err := s.Verify(bearer); !errors.Is(err, want) {
		t.Errorf("verify: %v, want %v", err, want)
	}
}

// A clock that tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Unix(1_800_000_000, 0)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func TestRegisterLoginVerify(t *testing.T) {
	s := serve(t, cheap())
	g := register(t, s, "Zoë") // decomposed
	if g.Username != "Zoë" || g.UserID == 0 || g.ID == 0 || len(g.ClientID) != 36 ||
		g.ExpiresIn != 30*time.Minute || g.CreatedAt.IsZero() {
		t.Fatalf("%+v", g)
	}
	id := verify(t, s, g.AccessToken)
	if id.Username != "Zoë" || id.Account != g.UserID || id.Session != g.ID ||
		time.Until(id.Expires) > 30*time.Minute || time.Until(id.Expires) < 29*time.Minute {
		t.Fatalf("%+v", id)
	}
	l := login(t, s, "Zoë") // composed: the same name
	if l.AccessToken == g.AccessToken || l.UserID != g.UserID || l.ClientID != g.ClientID {
		t.Fatalf("%+v", l)
	}
	if again := login(t, s, "Zoë"); again.AccessToken == l.AccessToken {
		t.Fatal("login handed out an old bearer")
	}
	verify(t, s, g.AccessToken) // an older session lives on
	verify(t, s, l.AccessToken)

	ctx := context.Background()
	if _, err := s.Register(ctx, "Zoë", goodPassword); !errors.Is(err, ErrTaken) {
		t.Errorf("taken: %v", err)
	}
	texts := map[string]bool{}
	for name, password := range map[string]string{
		"Zoë": "wrong horse", "nobody": goodPassword, "a/b": goodPassword, "": goodPassword,
		"\xff": goodPassword, "zoë": goodPassword, "Zoë ": strings.Repeat("x", 5000),
	} {
		_, err := s.Login(ctx, name, password)
		if !errors.Is(err, ErrCredentials) {
			t.Errorf("login %q: %v", name, err)
			continue
		}
		texts[err.Error()] = true
	}
	if len(texts) != 1 {
		t.Errorf("refusals differ: %v", texts)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	st := openStore(t, t.TempDir())
	defer st.Close()
	for _, c := range []struct {
		o    Options
		want error
	}{
		{Options{Keys: [][]byte{}}, ErrKey},
		{Options{Keys: [][]byte{make([]byte, 31)}}, ErrKey},
		{Options{AccessTTL: -1}, ErrOptions},
		{Options{AccessTTL: time.Millisecond}, ErrOptions},
		{Options{AccessTTL: 2 * time.Hour, RefreshTTL: time.Hour}, ErrOptions},
		{Options{StreamsPerAccount: -2}, ErrOptions},
	} {
		if s, err := Open(st, c.o); !errors.Is(err, c.want) {
			t.Errorf("%+v: %v", c.o, err)
			if err == nil {
				s.Close()
			}
		}
	}
}

func TestAccountsSessionsAndKeySurviveRestart(t *testing.T) {
	dir := t.TempDir()
	st := openStore(t, dir)
	s := openService(t, st, cheap())
	kept := register(t, s, "kept")
	ended := login(t, s, "kept")
	if err := s.Logout(context.Background(), verify(t, s, ended.AccessToken)); err != nil {
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
	verify(t, s, kept.AccessToken)
	wantVerify(t, s, ended.AccessToken, ErrRevoked)
	if _, err := s.Refresh(context.Background(), kept.RefreshToken); err != nil {
		t.Error(err)
	}
	if g := login(t, s, "kept"); g.UserID != kept.UserID || g.ClientID != kept.ClientID {
		t.Errorf("%+v", g)
	}
	if g := register(t, s, "later"); g.UserID <= kept.UserID {
		t.Errorf("account number %d given after %d", g.UserID, kept.UserID)
	}
}

func TestOneOfManyRegistrationsSucceeds(t *testing.T) {
	o := cheap()
	o.HashConcurrency, o.HashLine = 4, 1000
	s := serve(t, o)
	const tries = 60
	var mu sync.Mutex
	count := map[error]int{}
	var wg sync.WaitGroup
	for i := range tries {
		wg.Go(func() {
			name := "José" // every second one decomposed
			if i%2 == 0 {
				name = "José"
			}
			_, err := s.Register(context.Background(), name, goodPassword)
			mu.Lock()
			count[err]++
			mu.Unlock()
		})
	}
	wg.Wait()
	if count[nil] != 1 || count[ErrTaken] != tries-1 {
		t.Fatalf("%v", count)
	}
}
