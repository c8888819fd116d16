package server

import (
	"net/netip"
	"testing"
	"time"

	"azira/auth"
)

// testLimiter is a limiter whose clock is moved by later alone, nearly.
func testLimiter(t *testing.T, flags ...string) *limiter {
	t.Helper()
	c, err := LoadConfig(append([]string{"--rate-exempt="}, flags...), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	l := newLimiter(&c)
	return &l
}

func (l *limiter) later(d time.Duration) {
	l.tallies.start = l.tallies.start.Add(-d)
	l.proven.start = l.proven.start.Add(-d)
}

// passes is how many of n are let through, and how long the last had to wait.
func passes(n int, take func() time.Duration) (ok int, wait time.Duration) {
	for range n {
		if wait = take(); wait == 0 {
			ok++
		}
	}
	return ok, wait
}

func TestRates(t *testing.T) {
	l := testLimiter(t, "--rate-register=30/m", "--rate-request=10/s", "--rate-ticket=off")
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("::ffff:192.0.2.2")
	for _, tc := range []struct {
		what string
		take func() time.Duration
		ok   int
	}{
		{"a register", func() time.Duration { return l.address(rateRegister, a) }, burstMin},
		{"b register", func() time.Duration { return l.address(rateRegister, b) }, burstMin},
		{"a request", func() time.Duration { return l.address(rateRequest, a) }, 200},
		{"ann", func() time.Duration { return l.account(rateRequest, a, "ann") }, burstMin},
		{"ann again", func() time.Duration { return l.account(rateRequest, b, "ann") }, 0},
		{"bob", func() time.Duration { return l.account(rateRequest, a, "bob") }, burstMin},
		{"ticket", func() time.Duration { return l.address(rateTicket, a) }, 300},
	} {
		if ok, _ := passes(300, tc.take); ok != tc.ok {
			t.Errorf("%s: %d passed, want %d", tc.what, ok, tc.ok)
		}
	}
	_, wait := passes(1, func() time.Duration { return l.address(rateRegister, a) })
	if wait < time.Second || wait > 2*time.Second {
		t.Errorf("wait %v", wait)
	}
	l.later(2100 * time.Millisecond)
	if ok, _ := passes(5, func() time.Duration { return l.address(rateRegister, a) }); ok != 1 {
		t.Errorf("%d passed after 2.1 s", ok)
	}
	l.later(time.Hour)
	if ok, _ := passes(300, func() time.Duration { return l.address(rateRegister, a) }); ok != burstMin {
		t.Errorf("%d passed after an hour", ok)
	}
}

// One customer of IPv6 has a /64; IPv4 written as IPv6 is the same; loopback is exempt.
func TestRatesByNetwork(t *testing.T) {
	l := testLimiter(t, "--rate-register=1/h")
	take := func(from string) func() time.Duration {
		return func() time.Duration { return l.address(rateRegister, netip.MustParseAddr(from)) }
	}
	for _, tc := range []struct {
		from string
		ok   int
	}{
		{"2001:db8::1", burstMin}, {"2001:db8::ffff:2", 0}, {"2001:db8:0:1::1", burstMin},
		{"192.0.2.1", burstMin}, {"::ffff:192.0.2.1", 0}, {"fe80::1%eth0", burstMin}, {"fe80::2%lo", 0},
	} {
		if ok, _ := passes(50, take(tc.from)); ok != tc.ok {
			t.Errorf("%s: %d passed, want %d", tc.from, ok, tc.ok)
		}
	}
	c := Defaults()
	free := newLimiter(&c)
	for _, from := range []string{"127.0.0.9", "::1", "::ffff:127.0.0.1"} {
		if free.address(rateRegister, netip.MustParseAddr(from)) != 0 ||
			!free.exempt.contain(netip.MustParseAddr(from)) {
			t.Errorf("%s is not exempt", from)
		}
	}
}

// Memory is fixed. Of a crowd of addresses, who has used up its rate is remembered.
func TestTalliesKeepTheBusiest(t *testing.T) {
	l := testLimiter(t, "--rate-register=1/m")
	busy := netip.MustParseAddr("192.0.2.1")
	passes(100, func() time.Duration { return l.address(rateRegister, busy) })
	for i := range 4 * talliesMax {
		l.address(rateRegister, netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}))
	}
	if l.address(rateRegister, busy) == 0 {
		t.Error("the crowd drove out who had used up its rate")
	}
}

func TestLimiterAllocatesNothing(t *testing.T) {
	l := testLimiter(t)
	a := netip.MustParseAddr("2001:db8::1")
	if n := testing.AllocsPerRun(100, func() {
		l.address(rateRequest, a)
		l.account(rateRequest, a, "ann")
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// tries guesses until it has to wait, at most n times.
func (l *limiter) tries(n int, from, name string, err error) (ok int, wait time.Duration) {
	for ok = range n {
		g, wait := l.guess(netip.MustParseAddr(from), name)
		if wait > 0 {
			return ok, wait
		}
		g.done(err)
	}
	return n, 0
}

func TestGuessesAreSlowed(t *testing.T) {
	l := testLimiter(t)
	bad := auth.ErrCredentials
	if ok, wait := l.tries(99, "192.0.2.1", "bob", bad); ok != pairFree {
		t.Errorf("%d guesses before a pause of %v", ok, wait)
	}
	l.tries(1, "192.0.2.1", "ann", nil)
	if ok, wait := l.tries(99, "192.0.2.1", "ann", bad); ok != pairFree+1 {
		t.Errorf("%d guesses before a pause of %v", ok, wait)
	}
	// Each pause is longer than the one before, up to the longest.
	last := time.Duration(0)
	for range 12 {
		_, wait := l.tries(1, "192.0.2.1", "ann", bad)
		if wait < last-time.Second || wait > guessPauseMax {
			t.Errorf("a pause of %v after one of %v", wait, last)
		}
		last = wait
		l.later(wait)
		l.tries(1, "192.0.2.1", "ann", bad)
	}
	if last < guessPauseMax-time.Second {
		t.Errorf("the last pause is %v", last)
	}
	l.later(time.Duration(pairFree+pauseDoublings)*guessForget + guessPauseMax)
	if ok, _ := l.tries(5, "192.0.2.1", "ann", bad); ok != 5 {
		t.Errorf("%d guesses after a long time", ok)
	}
}

// However many people have logged in, guesses are counted beside what others ask for, and
// the owner stays known.
func TestLoginsLeaveRoom(t *testing.T) {
	l := testLimiter(t)
	at := func(i int) netip.Addr {
		return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
	}
	for i := range 2 * talliesMax {
		l.tries(1, at(i).String(), "user", nil)
	}
	l.tries(1, "198.51.100.7", "ann", nil)
	looked := 0
	for i := range 1000 {
		ok, _ := l.tries(1, "192.0.2.1", "ann", auth.ErrCredentials)
		looked += ok
		for j := range 100 {
			l.address(rateRequest, at(100*i+j))
		}
	}
	if looked > pairFree {
		t.Errorf("%d wrong guesses were looked at", looked)
	}
	if ok, wait := l.tries(1, "198.51.100.7", "ann", nil); ok != 1 {
		t.Errorf("the owner waits %v", wait)
	}
}

// Who guesses from afar, however many addresses that takes, does not keep the owner out.
func TestOwnerGetsIn(t *testing.T) {
	l := testLimiter(t)
	const home = "198.51.100.7"
	l.tries(1, home, "ann", nil)
	for i := range 200 {
		l.tries(30, netip.AddrFrom4([4]byte{203, 0, 113, byte(i)}).String(), "ann", auth.ErrCredentials)
	}
	if ok, _ := l.tries(1, "203.0.114.1", "ann", auth.ErrCredentials); ok != 0 {
		t.Error("a guess over many addresses is not slowed")
	}
	if ok, wait := l.tries(1, home, "ann", nil); ok != 1 {
		t.Errorf("the owner waits %v at home", wait)
	}
	l.later(accountGuesses.every())
	if ok, wait := l.tries(1, "192.0.2.99", "ann", nil); ok != 1 {
		t.Errorf("the owner waits %v abroad", wait)
	}
	// After some typing errors the right one counts, and then all are forgiven.
	l.tries(pairFree-1, home, "ann", auth.ErrCredentials)
	l.tries(1, home, "ann", nil)
	if ok, _ := l.tries(pairFree-1, home, "ann", auth.ErrCredentials); ok != pairFree-1 {
		t.Errorf("%d guesses after a right one", ok)
	}
}

// A spray tries each account once. Knowing one password does not help it on.
func TestSprayIsSlowed(t *testing.T) {
	l := testLimiter(t)
	const from = "192.0.2.1"
	n := 0
	for ; n < 1000; n++ {
		if ok, _ := l.tries(1, from, "user"+string(rune('a'+n%26))+string(rune('a'+n/26)),
			auth.ErrCredentials); ok == 0 {
			break
		}
		if ok, _ := l.tries(1, from, "own", nil); ok == 0 {
			t.Fatal("a right login was refused")
		}
	}
	if n > addressFree+2 {
		t.Errorf("%d accounts tried without a pause", n)
	}
	if ok, _ := l.tries(1, from, "own", nil); ok != 1 {
		t.Error("who is known there waits for the spray")
	}
	if ok, _ := l.tries(1, "192.0.2.2", "useraa", nil); ok != 1 {
		t.Error("others wait for the spray")
	}
}

// What says nothing of the password, and guesses that were right, cost nothing.
func TestGuessesThatDoNotCount(t *testing.T) {
	l := testLimiter(t)
	for _, err := range []error{nil, auth.ErrBusy} {
		if ok, _ := l.tries(10, "192.0.2.1", "bob", err); ok != 10 {
			t.Errorf("%v: %d", err, ok)
		}
	}
	if ok, _ := l.tries(100, "192.0.2.1", "bob", nil); ok != 100 {
		t.Errorf("%d right ones", ok)
	}
	// Many at once are held to what is free, as if all were wrong.
	var open []*guess
	for range 100 {
		if g, wait := l.guess(netip.MustParseAddr("192.0.2.3"), "cid"); wait == 0 {
			open = append(open, g)
		}
	}
	if len(open) > pairFree+1 {
		t.Errorf("%d at once", len(open))
	}
	for _, g := range open {
		g.done(nil)
	}
	if ok, _ := l.tries(1, "192.0.2.3", "cid", nil); ok != 1 {
		t.Error("a pause is left of right guesses")
	}
}

func TestNamesOfOneAccountAreOne(t *testing.T) {
	l := testLimiter(t)
	l.tries(99, "192.0.2.1", "Zo\u00eb", auth.ErrCredentials)
	if ok, _ := l.tries(1, "192.0.2.1", "Zoe\u0308", auth.ErrCredentials); ok != 0 {
		t.Error("another form of the name has guesses of its own")
	}
}
