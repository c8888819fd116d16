package auth

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestHashIsOfTheWholePassword(t *testing.T) {
	h := newHasher(cost{1, 8}, 1, 10)
	long := strings.Repeat("x", passwordBytesMax-1)
	c, err := h.make(bg, long+"a")
	if err != nil {
		t.Fatal(err)
	}
	for p, want := range map[string]bool{
		long + "a": true, long + "b": false, long: false, long + "a\x00": false, "": false,
	} {
		if ok, err := h.check(bg, p, &c); ok != want || err != nil {
			t.Errorf("%d bytes: %v, %v", len(p), ok, err)
		}
	}
	again, err := h.make(bg, long+"a")
	if err != nil || again.salt == c.salt || again.hash == c.hash {
		t.Error("two hashes of one password are alike")
	}
}

// The default is what the design says, whatever limits.go says.
func TestDefaultCost(t *testing.T) {
	s := serve(t, Options{Logger: cheap().Logger})
	g := register(t, s, "ann")
	a, err := s.account("ann")
	c := cost{2, 19456}
	if err != nil || a.credential.cost != c || s.hasher.dummy.cost != c {
		t.Fatalf("%+v, %v", a.credential.cost, err)
	}
	if a.id != g.UserID {
		t.Errorf("%+v", a)
	}
}

// A wrong name costs the same work as a wrong password.
func TestLoginsAreAlikeInWork(t *testing.T) {
	s := serve(t, cheap())
	register(t, s, "ann")
	if err := s.Disable(bg, "ann"); err != nil {
		t.Fatal(err)
	}
	register(t, s, "bob")
	for _, c := range [][2]string{
		{"bob", "wrong password"}, {"nobody", goodPassword}, {"ann", goodPassword},
		{"a/b", goodPassword}, {"", ""}, {"bob", strings.Repeat("x", 5000)},
	} {
		before := s.hasher.hashes.Load()
		if _, err := s.Login(bg, c[0], c[1]); err != ErrCredentials {
			t.Errorf("%.20q: %v", c, err)
		}
		if n := s.hasher.hashes.Load() - before; n != 1 {
			t.Errorf("%.20q: %d hashes", c, n)
		}
	}
}

// A changed cost is taken over at the next login, and all at once may log in.
func TestLoginRenewsTheHash(t *testing.T) {
	st := openStore(t, t.TempDir())
	defer st.Close()
	s := openService(t, st, cheap())
	register(t, s, "ann")
	s.Close()
	o := cheap()
	o.HashMemoryKiB, o.HashConcurrency = 64, 8
	s = openService(t, st, o)
	defer s.Close()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { login(t, s, "ann") })
	}
	wg.Wait()
	if a, err := s.account("ann"); err != nil || a.credential.cost.memory != 64 {
		t.Errorf("%+v, %v", a.credential.cost, err)
	}
}

func TestHashingIsBounded(t *testing.T) {
	h := newHasher(cost{1, 8}, 2, 3)
	for range 2 {
		if err := h.enter(bg); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(bg)
	var wg sync.WaitGroup
	var cancelled atomic.Int32
	for range 3 {
		wg.Go(func() {
			if err := h.enter(ctx); errors.Is(err, context.Canceled) {
				cancelled.Add(1)
			}
		})
	}
	for h.waiting.Load() != 3 {
		time.Sleep(time.Millisecond)
	}
	if err := h.enter(bg); err != ErrBusy {
		t.Errorf("beyond the line: %v", err)
	}
	cancel()
	wg.Wait()
	if cancelled.Load() != 3 || h.waiting.Load() != 0 || h.busy.Load() != 1 {
		t.Errorf("%d cancelled, %d wait, %d refused",
			cancelled.Load(), h.waiting.Load(), h.busy.Load())
	}
	wg.Go(func() {
		if err := h.enter(bg); err != nil {
			t.Error(err)
		}
	})
	h.leave() // lets the next in
	wg.Wait()
	if err := h.enter(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before: %v", err)
	}
}

func TestServiceBusy(t *testing.T) {
	o := cheap()
	o.HashConcurrency, o.HashLine = 1, 1
	s := serve(t, o)
	register(t, s, "ann")
	if err := s.hasher.enter(bg); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(bg)
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := s.Login(ctx, "ann", goodPassword); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	for s.Stats().HashesWaiting != 1 {
		time.Sleep(time.Millisecond)
	}
	if _, err := s.Login(bg, "ann", goodPassword); !errors.Is(err, ErrBusy) {
		t.Errorf("login: %v", err)
	}
	if _, err := s.Register(bg, "bob", goodPassword); !errors.Is(err, ErrBusy) {
		t.Errorf("register: %v", err)
	}
	cancel()
	wg.Wait()
	s.hasher.leave()
	login(t, s, "ann")
}

func BenchmarkHash(b *testing.B) {
	h := newHasher(cost{hashTime, hashMemory}, 1, 1)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.make(bg, goodPassword); err != nil {
			b.Fatal(err)
		}
	}
}
