package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"maps"
	"math/big"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const issuerURL = "https://login.example"

// issuerKeys are one private key of each kind.
type issuerKeys struct {
	rsa *rsa.PrivateKey
	ec  *ecdsa.PrivateKey
	ed  ed25519.PrivateKey
}

func newIssuerKeys(t testing.TB) (k issuerKeys) {
	t.Helper()
	var err error
	if k.rsa, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	if k.ec, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	if _, k.ed, err = ed25519.GenerateKey(rand.Reader); err != nil {
		t.Fatal(err)
	}
	return k
}

// set is the key set of their public halves.
func (k issuerKeys) set(t testing.TB) []byte {
	t.Helper()
	b := base64.RawURLEncoding.EncodeToString
	point, err := k.ec.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return setOf(t,
		map[string]any{"kty": "RSA", "kid": "r", "use": "sig", "alg": "RS256",
			"n": b(k.rsa.N.Bytes()), "e": b(big.NewInt(int64(k.rsa.E)).Bytes())},
		map[string]any{"kty": "EC", "kid": "e", "crv": "P-256",
			"x": b(point[1:33]), "y": b(point[33:])},
		map[string]any{"kty": "OKP", "kid": "d", "crv": "Ed25519",
			"x": b(k.ed.Public().(ed25519.PublicKey))})
}

func setOf(t testing.TB, keys ...map[string]any) []byte {
	t.Helper()
	p, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func issuerClaims(name string) jwt.MapClaims {
	return jwt.MapClaims{
		"iss": issuerURL, "aud": "azira", "sub": name, "exp": time.Now().Add(time.Minute).Unix(),
	}
}

// serveIssuer is a Service that believes in an issuer, and its keys.
func serveIssuer(t testing.TB, change ...func(*Options)) (*Service, issuerKeys) {
	t.Helper()
	o := cheap()
	o.Issuer = &Issuer{URL: issuerURL, Audience: "azira"}
	for _, f := range change {
		f(&o)
	}
	s, k := serve(t, o), newIssuerKeys(t)
	if n, unused, err := s.SetIssuerKeys(k.set(t)); err != nil || n != 3 || unused != 0 {
		t.Fatalf("%d keys, %d unused: %v", n, unused, err)
	}
	return s, k
}

func TestIssuer(t *testing.T) {
	s, k := serveIssuer(t)
	own := register(t, s, "ann")
	for kid, bearer := range map[string]string{
		"r": forge(t, jwt.SigningMethodRS256, k.rsa, "r", issuerClaims("ann")),
		"e": forge(t, jwt.SigningMethodES256, k.ec, "e", issuerClaims("ann")),
		"d": forge(t, jwt.SigningMethodEdDSA, k.ed, "d", issuerClaims("ann")),
	} {
		for range 2 {
			id := verify(t, s, bearer)
			if id.Username != "login.example/ann" || id.Account == own.UserID {
				t.Fatalf("%s: %+v", kid, id)
			}
		}
	}
	wantVerify(t, s, own.AccessToken, nil)
	if _, err := s.Register(bg, "login.example/ann", goodPassword); !errors.Is(err, ErrUsername) {
		t.Errorf("an own account may have an issuer's name: %v", err)
	}
}

// Each is refused, and none as expired but the one that is.
func TestIssuerIsStrict(t *testing.T) {
	s, k := serveIssuer(t)
	rs := jwt.SigningMethodRS256
	good := issuerClaims("ann")
	with := func(name string, v any) string {
		c := maps.Clone(good)
		if c[name] = v; v == nil {
			delete(c, name)
		}
		return forge(t, rs, k.rsa, "r", c)
	}
	verify(t, s, with("aud", []string{"other", "azira"}))
	verify(t, s, with("nbf", time.Now().Add(2*time.Second).Unix())) // clocks differ
	wantVerify(t, s, with("exp", time.Now().Add(-time.Second).Unix()), ErrExpired)
	wantVerify(t, s, with("exp", time.Now().Add(-time.Hour).Unix()), ErrExpired)
	modulus := k.rsa.N.Bytes()
	point, err := k.ec.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	hs := jwt.SigningMethodHS256
	refused(t, s, map[string]string{
		"no exp":             with("exp", nil),
		"foreign issuer":     with("iss", "https://evil.example"),
		"issuer with slash":  with("iss", issuerURL+"/"),
		"no issuer":          with("iss", nil),
		"foreign audience":   with("aud", "other"),
		"no audience":        with("aud", nil),
		"not yet":            with("nbf", time.Now().Add(time.Hour).Unix()),
		"no name":            with("sub", nil),
		"name a number":      with("sub", 7),
		"name with a slash":  with("sub", "a/b"),
		"name with NUL":      with("sub", "a\x00b"),
		"name too long":      with("sub", strings.Repeat("a", 65)),
		"none":               forge(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, "r", good),
		"HS by RSA's PEM":    forge(t, hs, publicPEM(t, "PUBLIC KEY", k.rsa.Public()), "r", good),
		"HS by RSA's PKCS1":  forge(t, hs, publicPEM(t, "RSA PUBLIC KEY", k.rsa.Public()), "r", good),
		"HS by EC's PEM":     forge(t, hs, publicPEM(t, "PUBLIC KEY", k.ec.Public()), "e", good),
		"HS by the modulus":  forge(t, hs, modulus, "r", good),
		"HS by the point":    forge(t, hs, point, "e", good),
		"HS by the Ed key":   forge(t, hs, []byte(k.ed.Public().(ed25519.PublicKey)), "d", good),
		"HS by an empty key": forge(t, hs, []byte{}, "r", good),
		"own key":            forge(t, hs, s.ownKey().secret, s.ownKey().kid, good),
		"RS512":              forge(t, jwt.SigningMethodRS512, k.rsa, "r", good),
		"PS256":              forge(t, jwt.SigningMethodPS256, k.rsa, "r", good),
		"kid of another":     forge(t, rs, k.rsa, "e", good),
		"unknown kid":        forge(t, rs, k.rsa, "x", good),
		"no kid":             forge(t, rs, k.rsa, nil, good),
		"another's key":      forge(t, rs, newIssuerKeys(t).rsa, "r", good),
	})
	off := serve(t, cheap())
	wantVerify(t, off, with("jti", "1"), ErrBearer)
}

// A key that is gone verifies nothing, at once; a set of no use changes nothing.
func TestIssuerKeysChange(t *testing.T) {
	var wanted atomic.Int32
	s, k := serveIssuer(t, func(o *Options) {
		o.Issuer.KeyWanted = func() { wanted.Add(1) }
	})
	old := forge(t, jwt.SigningMethodES256, k.ec, "e", issuerClaims("ann"))
	verify(t, s, old)
	for _, bad := range []string{"", "{}", "[]", `{"keys":[]}`, `{"keys":7}`, "x",
		strings.Repeat(" ", issuerTextMax+1)} {
		if _, _, err := s.SetIssuerKeys([]byte(bad)); !errors.Is(err, ErrKeySet) {
			t.Errorf("%.20q: %v", bad, err)
		}
	}
	verify(t, s, old)
	next := newIssuerKeys(t)
	fresh := forge(t, jwt.SigningMethodES256, next.ec, "next", issuerClaims("ann"))
	wantVerify(t, s, fresh, ErrBearer)
	if wanted.Load() != 1 {
		t.Errorf("asked for a key %d times", wanted.Load())
	}
	set := strings.Replace(string(next.set(t)), `"kid":"e"`, `"kid":"next"`, 1)
	if _, _, err := s.SetIssuerKeys([]byte(set)); err != nil {
		t.Fatal(err)
	}
	verify(t, s, fresh)
	wantVerify(t, s, old, ErrBearer)
	if _, _, err := serve(t, cheap()).SetIssuerKeys([]byte(set)); !errors.Is(err, ErrOptions) {
		t.Errorf("without an issuer: %v", err)
	}
}

// Tickets, streams and operators' calls are for issuers' users too.
func TestIssuersUsers(t *testing.T) {
	closed := newClosings()
	s, k := serveIssuer(t, func(o *Options) {
		o.CloseStream, o.Issuer.Claim = closed.add, "email"
	})
	c := issuerClaims("7")
	c["email"] = "ann@example.org"
	id := verify(t, s, forge(t, jwt.SigningMethodEdDSA, k.ed, "d", c))
	const name = "login.example/ann@example.org"
	if id.Username != name {
		t.Fatalf("%+v", id)
	}
	ticket, err := s.MintTicket(id)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.RedeemTicket(ticket)
	if err != nil || got.Username != name {
		t.Fatalf("%+v %v", got, err)
	}
	var streams []*Stream
	for i := range 3 {
		x, _, err := s.OpenStream(id, StreamInfo{})
		if err != nil {
			t.Fatal(err)
		}
		x.Opened(uint64(i))
		streams = append(streams, x)
	}
	if _, _, err := s.OpenStream(id, StreamInfo{}); !errors.Is(err, ErrStreamLimit) {
		t.Errorf("a fourth: %v", err)
	}
	for what, err := range map[string]error{
		"logout":   s.Logout(bg, id),
		"delete":   s.DeleteAccount(bg, id, goodPassword),
		"password": errOf(s.ChangePassword(bg, id, goodPassword, goodPassword)),
	} {
		if !errors.Is(err, ErrForeign) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := s.Disable(bg, name); err != nil {
		t.Fatal(err)
	}
	for i, x := range streams {
		if closed.of(x) != CodeEnded {
			t.Errorf("stream %d goes on", i)
		}
		x.Ended(CodeEnded)
	}
	wantVerify(t, s, forge(t, jwt.SigningMethodEdDSA, k.ed, "d", c), ErrRevoked)
	if _, _, err := s.OpenStream(id, StreamInfo{}); !errors.Is(err, ErrRevoked) {
		t.Errorf("disabled: %v", err)
	}
	if err := s.Enable(bg, name); err != nil {
		t.Fatal(err)
	}
	verify(t, s, forge(t, jwt.SigningMethodEdDSA, k.ed, "d", c))
}

func errOf(_ Grant, err error) error { return err }

func TestIssuerOptions(t *testing.T) {
	for _, x := range []Issuer{
		{}, {URL: issuerURL}, {Audience: "a"}, {URL: "login.example", Audience: "a"},
		{URL: "https://", Audience: "a"}, {URL: "https://a_b", Audience: "a"},
		{URL: "https://u:p@a.b", Audience: "a"}, {URL: "https://" + strings.Repeat("a", 65), Audience: "a"},
	} {
		if _, err := newIssuer(x, time.Now); !errors.Is(err, ErrOptions) {
			t.Errorf("%+v: %v", x, err)
		}
	}
}

func TestParseAccountName(t *testing.T) {
	for raw, want := range map[string]string{
		"ann": "ann", "LOGIN.example/Ann": "login.example/Ann", "[::1]:80/ann": "[::1]:80/ann",
		"a/b/c": "", "/ann": "", "a/": "", "ä/ann": "", "": "", "a b/c": "",
	} {
		if got, err := ParseAccountName(raw); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", raw, got, err)
		}
	}
}

// A name that is taken is the same when it is taken again, and is of one kind only.
func FuzzParseAccountName(f *testing.F) {
	for _, raw := range []string{"ann", "login.example/ann", "A/e\u0301", "//", "[::1]:80/x"} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		name, err := ParseAccountName(raw)
		if err != nil {
			return
		}
		again, err := ParseAccountName(name)
		if err != nil || again != name || isIssuers(name) != strings.Contains(raw, "/") {
			t.Fatalf("%q: %q, then %q, %v", raw, name, again, err)
		}
		if own, err := ParseUsername(name); (err == nil) == isIssuers(name) {
			t.Fatalf("%q is of both kinds: %q, %v", raw, own, err)
		}
	})
}

// publicPEM is a public key as it is passed around, which is what somebody who confuses
// algorithms signs with.
func publicPEM(t *testing.T, kind string, key crypto.PublicKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if r, ok := key.(*rsa.PublicKey); ok && kind == "RSA PUBLIC KEY" {
		der = x509.MarshalPKCS1PublicKey(r)
	}
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
