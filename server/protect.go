package server

import (
	"net"
	"net/http"
	"net/netip"
)

// What browsers are told with each answer: to take it for nothing else than it says, to
// show it in no frame and run nothing in it, and not to tell its address on, in which a
// ticket may be. A page replaces what it needs to.
var (
	nosniff    = []string{"nosniff"}
	noFrame    = []string{"DENY"}
	noContent  = []string{"default-src 'none'; frame-ancestors 'none'; base-uri 'none'"}
	noReferrer = []string{"no-referrer"}
	noStore    = []string{"no-store"}
	hsts       = []string{hstsAge}
)

func protect(h http.Header, r *request) {
	h["X-Content-Type-Options"] = nosniff
	h["X-Frame-Options"] = noFrame
	h["Content-Security-Policy"] = noContent
	h["Referrer-Policy"] = noReferrer
	if r.secure && !isLocal(r.Host) {
		h["Strict-Transport-Security"] = hsts // RFC 6797 §7.2: under TLS alone
	}
}

// adminContent lets the page of profiles have its own style, and nothing else.
var adminContent = []string{
	"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
}

// protectAdmin is protect for the admin port, whose answers nobody keeps.
func protectAdmin(h http.Header) {
	h["X-Content-Type-Options"] = nosniff
	h["X-Frame-Options"] = noFrame
	h["Content-Security-Policy"] = adminContent
	h["Referrer-Policy"] = noReferrer
	h["Cache-Control"] = noStore
}

// isLocal says whether a Host is this machine, where other ports may speak clear text,
// or an address, to which the rule can't apply.
func isLocal(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	_, err := netip.ParseAddr(host)
	return err == nil || host == "localhost"
}
