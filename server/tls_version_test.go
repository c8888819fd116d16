package server

import (
	"crypto/tls"
	"testing"
)

// TLS before 1.2 is refused, and so is a client that speaks HTTP/2 alone; who offers both
// gets HTTP/1.1, which WebSockets need.
func TestTLSVersionsAndProtocols(t *testing.T) {
	s, trust := startTLS(t)
	for _, tc := range []struct {
		min, max uint16
		offers   []string
		want     string // protocol; - = no handshake
	}{
		{tls.VersionTLS10, tls.VersionTLS10, nil, "-"},
		{tls.VersionTLS10, tls.VersionTLS11, nil, "-"},
		{tls.VersionTLS12, tls.VersionTLS12, nil, ""},
		{tls.VersionTLS13, tls.VersionTLS13, []string{"h2", "http/1.1"}, "http/1.1"},
		{tls.VersionTLS12, tls.VersionTLS13, []string{"h2"}, "-"},
	} {
		c := trust.Clone()
		c.MinVersion, c.MaxVersion, c.NextProtos = tc.min, tc.max, tc.offers
		got := "-"
		if conn, err := tls.Dial("tcp", s.addrs.Public, c); err == nil {
			got = conn.ConnectionState().NegotiatedProtocol
			_ = conn.Close()
		}
		if got != tc.want {
			t.Errorf("%x to %x, %q: %q, want %q", tc.min, tc.max, tc.offers, got, tc.want)
		}
	}
}
