package server

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const issuerURL = "https://login.example"

// A testIssuer signs bearers and publishes its key.
type testIssuer struct {
	t   *testing.T
	kid string
	key *rsa.PrivateKey
}

func newTestIssuer(t *testing.T, kid string) *testIssuer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return &testIssuer{t, kid, key}
}

func (x *testIssuer) keySet() []byte {
	b := base64.RawURLEncoding.EncodeToString
	return mustJSON(map[string]any{"keys": []any{map[string]string{
		"kty": "RSA", "kid": x.kid, "use": "sig", "alg": "RS256",
		"n": b(x.key.N.Bytes()), "e": b(big.NewInt(int64(x.key.E)).Bytes()),
	}}})
}

func (x *testIssuer) bearer(name string, ttl time.Duration) string {
	x.t.Helper()
	b := base64.RawURLEncoding
	text := b.EncodeToString(mustJSON(map[string]string{"alg": "RS256", "kid": x.kid})) + "." +
		b.EncodeToString(mustJSON(map[string]any{"iss": issuerURL, "aud": []string{"azira"},
			"sub": name, "exp": time.Now().Add(ttl).Unix()}))
	sum := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPKCS1v15(rand.Reader, x.key, crypto.SHA256, sum[:])
	if err != nil {
		x.t.Fatal(err)
	}
	return text + "." + b.EncodeToString(sig)
}

func believe(from string) func(*Config) {
	return func(c *Config) {
		c.JWTIssuer, c.JWTKeySet, c.JWTAudience = issuerURL, from, "azira"
	}
}

// startIssuer is a server that believes an issuer, whose keys are in a file.
func startIssuer(t *testing.T) (s *running, x *testIssuer, file string) {
	t.Helper()
	x, file = newTestIssuer(t, "one"), filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(file, x.keySet(), 0o600); err != nil {
		t.Fatal(err)
	}
	return start(t, believe(file)), x, file
}

// An issuer's users have streams and tickets as own accounts have, beside the own account
// of the same name.
func TestIssuersUsers(t *testing.T) {
	s, x, _ := startIssuer(t)
	own, theirs := s.account("ann"), x.bearer("ann", time.Hour)
	s.heard(theirs)
	for path, want := range map[string]int{
		"/api/trigger/ws/login.example%2Fann": 0, "/api/trigger/ws/ann": 403,
		"/api/trigger/ws/other.example%2Fann": 403, "/api/v1/stream?ticket=" + s.ticketOf(theirs): 0,
	} {
		bearer := theirs
		if strings.Contains(path, "ticket") {
			bearer = ""
		}
		if got := s.refused(path, bearer); got != want {
			t.Errorf("%s: %d", path, got)
		}
	}
	eventually(t, "one stream is left", func() bool { return s.streams(theirs) == 1 })
	if n := s.streams(own); n != 0 {
		t.Errorf("%d streams of the own account of that name", n)
	}
	for call, body := range map[string]string{"POST logout": "", "DELETE me": `{"password":"x"}`,
		"PUT password": `{"old_password":"old password","new_password":"new password"}`} {
		method, path, _ := strings.Cut(call, " ")
		r := s.call(method, "/api/v1/users/"+path, body, as(theirs)...)
		if r.StatusCode != 403 {
			t.Errorf("%s: %d %s", call, r.StatusCode, r.body)
		}
	}
	if got := s.refused("/api/v1/stream", x.bearer("ann", -time.Second)); got != 401 {
		t.Errorf("expired: %d", got)
	}
}

// Operators limit, disable and enable an issuer's users; its keys may change.
func TestIssuersUsersAreOperated(t *testing.T) {
	t.Parallel()
	s, x, file := startIssuer(t)
	theirs := x.bearer("ann", time.Hour)
	c := s.heard(theirs)
	name := "/" + url.PathEscape("login.example/ann")
	s.mustOperate("PUT", name+"/limits", `{"streams":1}`)
	if code, reason := closeOf(t, s.open("/api/v1/stream", theirs)); code != 1008 ||
		reason != "connection limit 1 reached" {
		t.Errorf("%d %s", code, reason)
	}
	if r := s.mustOperate("GET", name, nil); r.at("issuer") != true || r.at("streams") != 1.0 {
		t.Errorf("%s", r.body)
	}
	if r := s.operate("DELETE", name, nil); r.StatusCode != 409 {
		t.Errorf("delete: %d %s", r.StatusCode, r.body)
	}
	s.mustOperate("POST", name+"/disable", nil)
	if code, _ := closeOf(t, c); code != 3501 {
		t.Errorf("disabled: closed with %d", code)
	}
	if got := s.refused("/api/v1/stream", theirs); got != 401 {
		t.Errorf("disabled: %d", got)
	}
	s.mustOperate("POST", name+"/enable", nil)
	if got := s.refused("/api/v1/stream", theirs); got != 0 {
		t.Errorf("enabled: %d", got)
	}
	next := newTestIssuer(t, "two")
	if err := os.WriteFile(file, next.keySet(), 0o600); err != nil {
		t.Fatal(err)
	}
	fresh := as(next.bearer("ann", time.Hour))
	eventually(t, "the new key is believed", func() bool {
		return s.call("GET", "/api/v1/tokens", nil, fresh...).StatusCode == 200
	})
	if got := s.refused("/api/v1/stream", theirs); got != 401 {
		t.Errorf("by the key that is gone: %d", got)
	}
}

// Keys are fetched from a URL off every request's way: what fails leaves the old ones in
// use, and a bearer of an unknown key makes a fetch come soon.
func TestKeySetFromURL(t *testing.T) {
	x, next := newTestIssuer(t, "one"), newTestIssuer(t, "two")
	var fetches atomic.Int32
	var set atomic.Pointer[[]byte]
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fetches.Add(1)
		p := set.Load()
		if p == nil {
			http.Redirect(w, r, issuerURL, http.StatusFound) // is not followed
			return
		}
		_, _ = w.Write(*p)
	}))
	defer web.Close()
	publish := func(p []byte) { set.Store(&p) }
	k := newKeySet(web.URL+"/keys?secret=word", testLogger(io.Discard))
	k.pause, k.every = time.Millisecond, time.Hour
	log := &syncBuffer{}
	k.log = testLogger(log)
	s := startKeySet(t, k)
	ok := func(y *testIssuer) bool {
		_, err := s.auth.Verify(y.bearer("ann", time.Hour))
		return err == nil
	}
	eventually(t, "it tries again", func() bool { return fetches.Load() > 2 })
	publish(x.keySet())
	eventually(t, "the first key is believed", func() bool { return ok(x) })
	for _, bad := range []string{"", "{}", strings.Repeat(" ", keySetBytesMax) + string(next.keySet())} {
		publish([]byte(bad))
		before := fetches.Load()
		eventually(t, "an unknown key is asked for", func() bool {
			return !ok(next) && fetches.Load() > before
		})
	}
	if !ok(x) {
		t.Error("a set of no use took the keys away")
	}
	publish(next.keySet())
	eventually(t, "the next key is believed", func() bool { return ok(next) })
	if ok(x) {
		t.Error("the old key still is")
	}
	if text := log.String(); strings.Contains(text, "secret=word") ||
		!strings.Contains(text, "are not renewed") || !strings.Contains(text, "answered 302") {
		t.Errorf("%s", text)
	}
}

// However many bearers with keys that nobody knows come, the issuer is asked once a pause.
func TestKeySetIsAskedSeldom(t *testing.T) {
	x, stranger := newTestIssuer(t, "one"), newTestIssuer(t, "two")
	var fetches atomic.Int32
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fetches.Add(1)
		_, _ = w.Write(x.keySet())
	}))
	defer web.Close()
	k := newKeySet(web.URL, testLogger(io.Discard))
	if k.pause < 10*time.Second {
		t.Errorf("a pause of %v", k.pause)
	}
	k.pause, k.every = 200*time.Millisecond, time.Hour
	s := startKeySet(t, k)
	began := time.Now()
	for fetches.Load() < 4 {
		if _, err := s.auth.Verify(stranger.bearer("ann", time.Hour)); err == nil {
			t.Fatal("it is believed")
		}
	}
	if d := time.Since(began); d < 2*k.pause {
		t.Errorf("4 times in %v", d)
	}
}

// startKeySet runs a key set for a server's accounts.
func startKeySet(t *testing.T, k *keySet) *server {
	t.Helper()
	c := testConfig(t)
	believe(k.from)(&c)
	s := &server{config: c, log: testLogger(io.Discard)}
	t.Cleanup(func() { _ = s.stop() })
	if err := s.openStore(); err != nil {
		t.Fatal(err)
	}
	if err := s.openAuthWith(nil, k); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestIssuerConfig(t *testing.T) {
	for _, tc := range []struct{ name, good, bad string }{
		{"jwt-issuer", "https://a.b/tenant http://127.0.0.1:1", "a.b ftp://a.b https://"},
		{"jwt-jwks", "keys.json /etc/keys.json https://a.b/keys http://127.0.0.1:1/k http://[::1]/k http://localhost/k",
			"http://a.b/keys ftp://a.b https:// https://u:p@a.b/k file:///etc/keys http://127.0.0.1.evil.example/k"},
	} {
		st := settingNamed(tc.name)
		for want, texts := range map[bool]string{true: tc.good, false: tc.bad} {
			for _, text := range strings.Fields(texts) {
				var c Config
				if err := st.bind(&c).Set(text); (err == nil) != want {
					t.Errorf("%s %s: %v", tc.name, text, err)
				}
			}
		}
	}
	args := []string{"--jwt-issuer", issuerURL, "--jwt-jwks", "f", "--jwt-audience", "a"}
	byFlag, err := LoadConfig(args, nil, io.Discard)
	env := []string{"AZIRA_JWT_ISSUER=" + issuerURL, "AZIRA_JWT_JWKS=f", "AZIRA_JWT_AUDIENCE=a"}
	byEnv, err2 := LoadConfig(nil, env, io.Discard)
	if err := errors.Join(err, err2); err != nil || !reflect.DeepEqual(byFlag, byEnv) ||
		byFlag.JWTAudience != "a" || byFlag.JWTUsernameClaim != "sub" {
		t.Errorf("%v %+v", err, byFlag)
	}
	for i := 0; i < len(args); i += 2 {
		if _, err := LoadConfig(args[i:i+2], nil, io.Discard); err == nil {
			t.Errorf("%s alone is taken", args[i])
		}
	}
	c := testConfig(t)
	believe(filepath.Join(t.TempDir(), "none"))(&c)
	c.Logger = testLogger(io.Discard)
	if err := Run(context.Background(), c, nil); !errors.Is(err, errIssuerKeys) {
		t.Errorf("no file: %v", err)
	}
}
