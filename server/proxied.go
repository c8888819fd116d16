package server

import (
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"azira/proto"
)

// proxies say who is at the other end. A connection of a trusted proxy is somebody
// else's: it says whose in a PROXY header, if they are configured to, or with each
// request in X-Forwarded-For. What anybody else says of that is not read at all.
type proxies struct {
	// Fixed.
	trusted  prefixes
	protocol bool          // a PROXY header comes first
	wait     time.Duration // for it
	exempt   prefixes      // who would have no rates
	log      *slog.Logger

	warned atomic.Bool // of a proxy that is not trusted
}

// greet reads the PROXY header of a connection that has to begin with one, and returns
// the client's address.
func (p *proxies) greet(c *net.TCPConn) (netip.AddrPort, error) {
	peer := c.RemoteAddr().(*net.TCPAddr).AddrPort()
	if p == nil || !p.protocol || !p.trusted.contain(peer.Addr()) {
		return unmapped(peer), nil
	}
	if err := c.SetReadDeadline(time.Now().Add(p.wait)); err != nil {
		return netip.AddrPort{}, err
	}
	from, err := proto.ReadProxy(c)
	if err != nil {
		return netip.AddrPort{}, err
	}
	if !from.IsValid() { // the proxy speaks for itself
		from = peer
	}
	return unmapped(from), c.SetReadDeadline(time.Time{})
}

func unmapped(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// client is whose request it is, and whether it came to its proxy by TLS.
func (p *proxies) client(r *http.Request) (from netip.AddrPort, secure bool) {
	from, _ = netip.ParseAddrPort(r.RemoteAddr) // zero when it has no such form
	lines := r.Header["X-Forwarded-For"]
	switch {
	case p.protocol:
	case p.trusted.contain(from.Addr()):
		secure = r.Header.Get("X-Forwarded-Proto") == "https"
		return p.forwarded(from, lines), secure
	case isForwarded(r.Header):
		return p.undeclared(from), false
	}
	return from, false
}

// isForwarded says that a request claims to have come through a proxy.
func isForwarded(h http.Header) bool {
	return len(h["X-Forwarded-For"]) > 0 || len(h["Forwarded"]) > 0 ||
		len(h["X-Real-Ip"]) > 0 || len(h["Via"]) > 0
}

// forwardedZone marks the address of somebody who forwards for others, or says so: it is
// no exemption for them.
const forwardedZone = "forwarded"

// undeclared is the address of a proxy that nobody has named. Its clients share its rates,
// also where it has none itself.
func (p *proxies) undeclared(from netip.AddrPort) netip.AddrPort {
	if p.exempt.contain(from.Addr()) && p.warned.CompareAndSwap(false, true) {
		p.log.Warn("a proxy forwards for others and is not in trusted-proxies:"+
			" all its clients share the rates of one address", "proxy", from.Addr())
	}
	a := netip.AddrFrom16(from.Addr().As16()).WithZone(forwardedZone)
	return netip.AddrPortFrom(a, from.Port())
}

// forwarded is the last address in X-Forwarded-For that is no trusted proxy's: those
// before it may be anybody's invention. Where the list ends, or makes no sense, it is
// the last one that did.
func (p *proxies) forwarded(peer netip.AddrPort, lines []string) netip.AddrPort {
	from := peer
	for looked, i := 0, len(lines)-1; i >= 0; i-- {
		rest := lines[i]
		for more := true; more; looked++ {
			var item string
			item, rest, more = lastItem(rest)
			a, ok := parseHop(item)
			if !ok || looked == forwardedMax {
				return from
			}
			if from = a; !p.trusted.contain(a.Addr()) {
				return from
			}
		}
	}
	return from
}

// lastItem cuts the last item off a comma-separated list.
func lastItem(list string) (item, rest string, more bool) {
	if i := strings.LastIndexByte(list, ','); i >= 0 {
		return list[i+1:], list[:i], true
	}
	return list, "", false
}

// parseHop reads an address of X-Forwarded-For, with or without a port.
func parseHop(s string) (netip.AddrPort, bool) {
	s = strings.TrimSpace(s)
	if a, err := netip.ParseAddrPort(s); err == nil {
		return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port()), true
	}
	s = strings.TrimSuffix(strings.TrimPrefix(s, "["), "]")
	a, err := netip.ParseAddr(s)
	return netip.AddrPortFrom(a.Unmap().WithZone(""), 0), err == nil
}
