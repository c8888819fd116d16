package feed

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// ParseEndpoint splits a ZeroMQ endpoint into what package net wants:
// tcp://HOST:PORT (HOST `*` is every address) or ipc://PATH.
func ParseEndpoint(endpoint string) (network, addr string, err error) {
	scheme, rest, found := strings.Cut(endpoint, "://")
	switch {
	case found && scheme == "ipc" && rest != "":
		return "unix", rest, nil
	case found && scheme == "tcp":
		host, port, err := net.SplitHostPort(rest)
		if err == nil {
			_, err = strconv.ParseUint(port, 10, 16)
		}
		if err == nil && host != "" {
			return "tcp", net.JoinHostPort(strings.TrimPrefix(host, "*"), port), nil
		}
	}
	return "", "", fmt.Errorf("%w: %.80q", ErrEndpoint, endpoint)
}

// IsLoopback says whether only this machine reaches a bound endpoint. A name
// counts as foreign unless it is localhost.
func IsLoopback(endpoint string) bool {
	network, addr, err := ParseEndpoint(endpoint)
	if err != nil || network == "unix" {
		return err == nil
	}
	host, _, _ := net.SplitHostPort(addr) // ParseEndpoint joined it
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// listen binds an endpoint; the error names it and what to do.
func listen(endpoint string) (net.Listener, error) {
	network, addr, err := ParseEndpoint(endpoint)
	if err != nil {
		return nil, err
	}
	ln, err := net.Listen(network, addr)
	if isInUse(err) {
		return nil, fmt.Errorf("bind %s: %w; is another feed running?", endpoint, err)
	}
	if err != nil {
		return nil, fmt.Errorf("bind %s: %w", endpoint, err)
	}
	return ln, nil
}

// endpointOf is the endpoint that a SUB or REQ on this machine connects to.
func endpointOf(ln net.Listener) string {
	if ln.Addr().Network() == "unix" {
		return "ipc://" + ln.Addr().String()
	}
	return "tcp://" + ln.Addr().String()
}
