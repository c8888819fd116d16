package server

import (
	"encoding/binary"
	"hash/maphash"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"sync/atomic"
	"time"
)

// A rateKind is what is counted by caller.
type rateKind uint8

const (
	rateRequest rateKind = iota
	rateRegister
	rateLogin
	rateTicket
	rateUpgrade
	rateKinds

	// Of guesses (guess.go), beside the rates.
	guessPair
	guessAddress
	guessAccount
)

// A limiter holds callers to the rates of --rate-…, by address and by account. An IPv6
// address counts as its /64, which is what one customer has. Those of --rate-exempt are
// held to no rate: this machine itself, unless configured otherwise.
type limiter struct {
	// Fixed.
	tallies *tallies
	proven  *tallies // of accounts at addresses where a password was right
	rates   [rateKinds]rate
	exempt  prefixes

	limited atomic.Uint64 // refused with 429
	stormy  atomic.Uint64 // streams told to come back later
}

func newLimiter(c *Config) limiter {
	return limiter{
		tallies: newTallies(talliesMax),
		proven:  newTallies(provenMax),
		rates: [rateKinds]rate{
			rateRequest: c.RateRequest, rateRegister: c.RateRegister, rateLogin: c.RateLogin,
			rateTicket: c.RateTicket, rateUpgrade: c.RateUpgrade,
		},
		exempt: c.RateExempt,
	}
}

// address says for how long a caller must wait for one more of a kind; 0 = not at all.
func (l *limiter) address(k rateKind, from netip.Addr) time.Duration {
	if l.rates[k].count == 0 || l.exempts(from) {
		return 0
	}
	return l.tallies.take(l.addressKey(k, from), l.rates[k])
}

// account is address for an account, which has a share of what an address has.
func (l *limiter) account(k rateKind, from netip.Addr, name string) time.Duration {
	if l.rates[k].count == 0 || l.exempts(from) {
		return 0
	}
	return l.tallies.take(l.key(k, netip.Addr{}, name), l.rates[k].share(accountShare))
}

func (l *limiter) addressKey(k rateKind, from netip.Addr) uint64 { return l.key(k, from, "") }

// key is the hash of a kind, the network of an address, and a name.
func (l *limiter) key(k rateKind, from netip.Addr, name string) uint64 {
	var b [1 + 16]byte
	b[0] = byte(k)
	ip := network(from).As16()
	copy(b[1:], ip[:])
	sum := maphash.Bytes(l.tallies.seed, b[:])
	if name == "" {
		return sum
	}
	binary.LittleEndian.PutUint64(b[:], sum)
	binary.LittleEndian.PutUint64(b[8:], maphash.String(l.tallies.seed, name))
	return maphash.Bytes(l.tallies.seed, b[:])
}

// network is who counts as one: an IPv4 address, or the /64 of an IPv6 address.
func network(from netip.Addr) netip.Addr {
	from = from.Unmap().WithZone("")
	if !from.Is6() {
		return from
	}
	p, _ := from.Prefix(networkBits) // fails on other lengths only
	return p.Addr()
}

// exempts says whether nothing from an address is counted.
func (l *limiter) exempts(from netip.Addr) bool {
	return from.Zone() != forwardedZone && l.exempt.contain(from)
}

// tooMany refuses for a while.
func (l *limiter) tooMany(wait time.Duration) answer {
	l.limited.Add(1)
	return detail(http.StatusTooManyRequests, "Too many requests").
		with("Retry-After", secondsUp(wait))
}

// An errWait is a caller's having to wait so long.
type errWait time.Duration

func (errWait) Error() string { return "server: too many requests" }

// secondsUp is a time in whole seconds, at least one.
func secondsUp(d time.Duration) string {
	return strconv.FormatInt(int64(max(time.Second, d+time.Second-1)/time.Second), 10)
}

// prefixes are networks.
type prefixes []netip.Prefix

func (ps prefixes) contain(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	return slices.ContainsFunc(ps, func(p netip.Prefix) bool { return p.Contains(a) })
}
