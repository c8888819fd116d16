package server

import (
	"errors"
	"net/netip"
	"time"

	"azira/auth"
)

// Guesses at passwords are slowed by what was wrong before:
//
//	of one account from one address   a growing pause after pairFree wrong ones
//	from one address, any accounts    a growing pause after addressFree: a spray
//	of one account, any addresses     accountGuesses: for those spread over many
//
// Only the first is asked of an address from which the account was logged in before: so
// nobody far away keeps its owner out. A pause is at most guessPauseMax, and wrong guesses
// are forgiven, one in each guessForget. A guess counts as wrong while it is looked
// at, so that many at once gain nothing.
type guess struct {
	limiter *limiter
	pair    charged
	from    charged
	account uint64 // key
}

// A charged is a tally that a guess was counted under.
type charged struct {
	key         uint64
	before, set time.Duration // its next, when it was counted
}

// accountGuesses is the rate of guesses at one account from where it is not known.
var accountGuesses = rate{count: 20, per: time.Minute}

// guess begins a guess at the password of name. It returns how long it must wait, 0 if
// it may be looked at; the caller then calls done.
func (l *limiter) guess(from netip.Addr, name string) (*guess, time.Duration) {
	if nfc, err := auth.ParseUsername(name); err == nil {
		name = nfc
	}
	g := &guess{
		limiter: l,
		pair:    charged{key: l.key(guessPair, from, name)},
		from:    charged{key: l.addressKey(guessAddress, from)},
		account: l.key(guessAccount, netip.Addr{}, name),
	}
	wait := l.charge(&g.pair, pairFree)
	if wait > 0 || l.proven.lasts(g.pair.key) {
		return g, wait
	}
	if l.exempts(from) {
		g.from.key = 0
	} else if wait = l.charge(&g.from, addressFree); wait > 0 {
		l.refund(&g.pair)
		return g, wait
	}
	if wait = l.tallies.take(g.account, accountGuesses); wait > 0 {
		l.refund(&g.pair)
		l.refund(&g.from)
	}
	return g, wait
}

// check makes a guess at a password by f, as often as callers may.
func (p *public) check(r *request, name string, f func() error) error {
	if wait := p.limiter.address(rateLogin, r.from.Addr()); wait > 0 {
		return errWait(wait)
	}
	g, wait := p.limiter.guess(r.from.Addr(), name)
	if wait > 0 {
		return errWait(wait)
	}
	err := f()
	g.done(err)
	return err
}

// done ends a guess that was looked at: err is nil if it was right. What says nothing of
// the password, such as a full line for hashing, does not count.
func (g *guess) done(err error) {
	if errors.Is(err, auth.ErrCredentials) {
		return
	}
	l := g.limiter
	l.refund(&g.from)
	if err != nil {
		l.refund(&g.pair)
		return
	}
	l.forget(g.pair.key)
	l.proven.last(g.pair.key, provenFor)
}

// charge counts one more wrong guess, or says how long none is looked at.
func (l *limiter) charge(c *charged, free int32) (wait time.Duration) {
	now := l.tallies.now()
	y, mu := l.tallies.at(c.key)
	defer mu.Unlock()
	if wait := y.next - now; wait > 0 {
		return wait
	}
	y.forgive(now)
	c.before = y.next
	y.wrong = min(y.wrong+1, free+pauseDoublings)
	if over := y.wrong - free; over > 0 {
		y.next = now + min(guessPauseMax, time.Second<<(over-1))
	}
	c.set = y.next
	y.keep(now)
	return 0
}

// refund takes back what charge counted.
func (l *limiter) refund(c *charged) {
	if c.set == 0 {
		return // nothing was
	}
	now := l.tallies.now()
	y, mu := l.tallies.at(c.key)
	defer mu.Unlock()
	y.wrong = max(0, y.wrong-1)
	if y.next == c.set {
		y.next = c.before
	}
	y.keep(now)
}

// forget takes back all that was wrong before a guess that was right.
func (l *limiter) forget(key uint64) {
	now := l.tallies.now()
	y, mu := l.tallies.at(key)
	defer mu.Unlock()
	y.wrong, y.next = 0, now
	y.keep(now)
}

// forgive takes back what time has.
func (y *tally) forgive(now time.Duration) {
	if y.wrong == 0 {
		y.next = now // from here on time is counted
		return
	}
	n := min(y.wrong, int32(min((now-y.next)/guessForget, 1<<20)))
	y.wrong -= n
	y.next += time.Duration(n) * guessForget
}

// keep sets for how long a tally means something.
func (y *tally) keep(now time.Duration) {
	y.until = max(y.next, now) + time.Duration(y.wrong)*guessForget
}
