package server

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestCertificateExpires holds that one who looks after a server hears of a certificate
// that is, or will soon be, of no use.
func TestCertificateExpires(t *testing.T) {
	t.Parallel()
	dir, past := t.TempDir(), time.Now().Add(-time.Hour)
	cert, key, _ := writeCertificate(t, dir, 1)
	s := start(t, func(c *Config) { c.TLSCert, c.TLSKey = cert, key })
	expires := func() (at float64) {
		_, line, _ := strings.Cut(string(s.adminCall("/metrics").body),
			"\nazira_tls_certificate_expiry_timestamp_seconds ")
		fmt.Sscan(line, &at)
		return at
	}
	if days := time.Until(time.Unix(int64(expires()), 0)).Hours() / 24; days < 29 || days > 31 {
		t.Errorf("good for %v days", days)
	}
	if strings.Contains(s.log.String(), "the certificate ") {
		t.Errorf("a good one is complained of:\n%s", s.log.String())
	}
	good := expires()
	writeCertificateUntil(t, dir, 2, past)
	eventually(t, "an expired one is refused", func() bool {
		return strings.Contains(s.log.String(), "has expired, on "+past.UTC().Format("2006-01-02 15:04"))
	})
	if expires() != good {
		t.Error("it is in use")
	}
	writeCertificateUntil(t, dir, 3, time.Now().Add(3*24*time.Hour))
	eventually(t, "the end is near", func() bool {
		return strings.Contains(s.log.String(), "the certificate expires soon, on ")
	})
	if expires() == good {
		t.Error("the new one is not in use")
	}
	if n := strings.Count(s.log.String(), "expires soon"); n != 1 {
		t.Errorf("told %d times", n)
	}
}

// A server starts with an expired certificate, and says so: clients that do not look are
// better served than not.
func TestCertificateExpired(t *testing.T) {
	cert, key, _ := writeCertificateUntil(t, t.TempDir(), 1, time.Now().Add(-time.Hour))
	s := start(t, func(c *Config) { c.TLSCert, c.TLSKey = cert, key })
	if !strings.Contains(s.log.String(), "the certificate has expired, on ") {
		t.Errorf("not a word:\n%s", s.log.String())
	}
	warnings, err := CheckFile(writeConfig(t, fmt.Sprintf("tls-cert = %q\ntls-key = %q", cert, key)), nil)
	if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "has expired") {
		t.Errorf("%v %q", err, warnings)
	}
}
