package server

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// writeCertificate makes a key pair for 127.0.0.1, in files.
func writeCertificate(t *testing.T, dir string, serial int64) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	return writeCertificateUntil(t, dir, serial, time.Now().Add(30*24*time.Hour))
}

func writeCertificateUntil(t *testing.T, dir string, serial int64, until time.Time) (
	cert, key string, pool *x509.CertPool) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{
		SerialNumber: big.NewInt(serial), NotAfter: until,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, form, form, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for name, p := range map[string][]byte{
		cert: certPEM, key: pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER}),
	} {
		if err := os.WriteFile(name, p, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool = x509.NewCertPool()
	pool.AppendCertsFromPEM(certPEM)
	return cert, key, pool
}

// startTLS runs a server with a certificate, and a client that trusts it.
func startTLS(t *testing.T, change ...func(*Config)) (*running, *tls.Config) {
	t.Helper()
	cert, key, pool := writeCertificate(t, t.TempDir(), 1)
	s := start(t, append(change, func(c *Config) { c.TLSCert, c.TLSKey = cert, key })...)
	return s, &tls.Config{RootCAs: pool}
}

func (s *running) openTLS(c *tls.Config, bearer string, protocols ...string) *websocket.Conn {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, "wss://"+s.addrs.Public+"/api/v1/stream", &websocket.DialOptions{
		HTTPClient:   &http.Client{Transport: &http.Transport{TLSClientConfig: c}},
		HTTPHeader:   http.Header{"Authorization": {"Bearer " + bearer}},
		Subprotocols: protocols,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	ws.SetReadLimit(1 << 20)
	s.t.Cleanup(func() { _ = ws.CloseNow() })
	return ws
}

// TestWSS has streams over TLS 1.2 and 1.3 in each dialect: requests, ticks and the end.
func TestWSS(t *testing.T) {
	s, trust := startTLS(t)
	name := "s"
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, protocol := range []string{"", "azira.v1.json", "azira.v1.bin"} {
			name += "x"
			c := trust.Clone()
			c.MaxVersion = version
			bearer := s.accountTLS(c, name)
			ws := s.openTLS(c, bearer, protocol)
			if protocol == "" {
				if got := say(t, ws, "foo|A"); got != "Unknown action: foo" {
					t.Errorf("%q", got)
				}
				long := "subscribe|" + strings.Repeat("NSE:1,", 15_000) + "NSE:1"
				if got := say(t, ws, long); !strings.HasPrefix(got, "Tokens not found: NSE:1") {
					t.Errorf("%.80q", got)
				}
				if code, _ := closeOf(t, ws); code != 1008 {
					t.Errorf("closed with %d", code)
				}
				continue
			}
			if got := say(t, ws, `{"op":"list","id":"1"}`); !strings.Contains(got, `"welcome"`) {
				t.Errorf("%q", got)
			}
			if err := ws.Close(websocket.StatusNormalClosure, ""); err != nil {
				t.Errorf("close: %v", err)
			}
		}
	}
}

func (s *running) accountTLS(c *tls.Config, name string) string {
	s.t.Helper()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: c, DisableKeepAlives: true}}
	body := fmt.Sprintf(`{"username":%q,"password":%q}`, name, goodPassword)
	r, err := client.Post("https://"+s.addrs.Public+"/api/v1/users/register", "application/json",
		strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	defer r.Body.Close()
	for _, k := range r.Cookies() {
		if k.Name == "access_token" {
			return strings.TrimPrefix(strings.Trim(k.Value, `"`), "Bearer ")
		}
	}
	s.t.Fatalf("register: %s", r.Status)
	return ""
}

// TestCertificateRenewed has the files change while the server runs: new connections see
// the new certificate, and a pair that does not match leaves the old in use.
func TestCertificateRenewed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key, _ := writeCertificate(t, dir, 1)
	s := start(t, func(c *Config) { c.TLSCert, c.TLSKey = cert, key })
	serial := func() int64 {
		c, err := tls.Dial("tcp", s.addrs.Public, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if p := c.ConnectionState().NegotiatedProtocol; p != "" {
			t.Errorf("protocol %q", p)
		}
		return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	if n := serial(); n != 1 {
		t.Fatalf("serial %d", n)
	}
	if err := os.WriteFile(cert, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the trouble is told", func() bool {
		return strings.Contains(s.log.String(), "the new certificate is not used")
	})
	if n := serial(); n != 1 {
		t.Fatalf("serial %d", n)
	}
	writeCertificate(t, dir, 2)
	eventually(t, "the new one is served", func() bool { return serial() == 2 })
}

// TestClearTextToTLS has someone speak HTTP to the port of https.
func TestClearTextToTLS(t *testing.T) {
	s, _ := startTLS(t)
	if got := s.raw("GET /healthcheck HTTP/1.1\r\nHost: x\r\n\r\n"); strings.Contains(got, "ok") {
		t.Errorf("%q", got)
	}
}

// Who begins a TLS handshake and does not end it is cut off in time.
func TestSlowHandshakesAreCut(t *testing.T) {
	s, trust := startTLS(t, func(c *Config) { c.timeouts = timeouts{header: 300 * time.Millisecond} })
	for _, text := range []string{"", "\x16", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"} {
		c, err := net.Dial("tcp", s.addrs.Public)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(8 * time.Second))
		_, _ = io.WriteString(c, text)
		if _, err := io.ReadAll(c); err != nil {
			t.Errorf("%q: not cut off: %v", text, err)
		}
		c.Close()
	}
	s.openTLS(trust, s.accountTLS(trust, "ann"))
}

// TestBadCertificate holds that a server without a usable pair does not start.
func TestBadCertificate(t *testing.T) {
	c := testConfig(t)
	c.TLSCert, c.TLSKey, c.Logger = "/nowhere", "/nowhere", testLogger(&syncBuffer{})
	if err := Run(t.Context(), c, nil); err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("%v", err)
	}
}
