package server

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

func writeKey(t *testing.T, dir, name, c string) {
	t.Helper()
	part := filepath.Join(dir, ".part")
	if err := os.WriteFile(part, []byte(strings.Repeat(c, keyBytesMin)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(part, filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

// kidOf is the key that a bearer says it is signed with.
func kidOf(t *testing.T, bearer string) string {
	t.Helper()
	return bearerPart(t, bearer, 0)["kid"].(string)
}

func bearerPart(t *testing.T, bearer string, i int) (m map[string]any) {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(bearer, ".")[i])
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A key is added, signs, and the old one is retired, on a running server: nobody is logged
// out, streams go on, and what can't be used changes nothing.
func TestKeysRotate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeKey(t, dir, "2026-01", "a")
	s := start(t, func(c *Config) { c.JWTKeyFile = dir })
	first := s.pairOf("ann")
	s.account("bob")
	old := first.text("access_token")
	stream := s.heard(old)
	status := func(bearer string) int {
		return s.call("GET", "/api/v1/tokens", nil, as(bearer)...).StatusCode
	}
	writeKey(t, dir, "2026-02", "b")
	eventually(t, "the new key signs", func() bool {
		return kidOf(t, s.login("bob")) != kidOf(t, old)
	})
	if got := status(old); got != 200 {
		t.Errorf("a bearer of the old key: %d", got)
	}
	fresh := s.login("ann")
	if err := os.WriteFile(filepath.Join(dir, "2026-03"), []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a bad key is told", func() bool {
		return strings.Contains(s.log.String(), "the new signing keys are not used")
	})
	if status(old) != 200 || status(fresh) != 200 || kidOf(t, s.login("ann")) != kidOf(t, fresh) {
		t.Error("a bad key changed something")
	}
	for _, name := range []string{"2026-03", "2026-01"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the old key is retired", func() bool { return status(old) == 401 })
	if got := status(fresh); got != 200 {
		t.Errorf("a bearer of the new key: %d", got)
	}
	if got := say(t, stream, "foo|A"); got != "Unknown action: foo" {
		t.Errorf("the stream: %q", got)
	}
	r := s.refresh(first.text("refresh_token"))
	if got := status(r.text("access_token")); got != 200 {
		t.Errorf("the session of the retired key's bearer: %d %s", got, r.body)
	}
	if strings.Contains(s.log.String(), "aaaaaaaa") {
		t.Error("a key is in the log")
	}
}

func TestReadKeys(t *testing.T) {
	dir := t.TempDir()
	empty, many, nested := filepath.Join(dir, "e"), filepath.Join(dir, "m"), filepath.Join(dir, "n")
	for _, d := range []string{empty, many, filepath.Join(nested, "sub")} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for i := range keysMax + 1 {
		writeKey(t, many, strconv.Itoa(i), "k")
	}
	for _, at := range []string{empty, many, nested, filepath.Join(dir, "none")} {
		if _, err := readKeys(at); !errors.Is(err, errKeyFile) {
			t.Errorf("%s: %v", at, err)
		}
	}
	long := filepath.Join(dir, "long")
	if err := os.WriteFile(long, make([]byte, keyBytesMax+2), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readKeys(long); !errors.Is(err, errKeyFile) {
		t.Errorf("long: %v", err)
	}
	two := t.TempDir()
	writeKey(t, two, "b", "2")
	writeKey(t, two, "a", "1")
	writeKey(t, two, ".hidden", "0")
	keys, err := readKeys(two)
	if err != nil || len(keys) != 2 || keys[0][0] != '2' || len(keys[0]) != keyBytesMin {
		t.Errorf("%q %v", keys, err)
	}
}

// What an attacker may make of a bearer, and what each is answered, at the API and at the
// door of streams.
func TestBearerAttacks(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	key := strings.Repeat("k", keyBytesMin)
	if err := os.WriteFile(file, []byte(key), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, func(c *Config) { c.JWTKeyFile = file })
	good := s.account("ann")
	ended := s.login("ann")
	s.call("POST", "/api/v1/users/logout", nil, as(ended)...)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&rsaKey.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	public := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	with := func(part int, name string, v any) [2]map[string]any {
		p := [2]map[string]any{bearerPart(t, good, 0), bearerPart(t, good, 1)}
		if name != "" {
			if p[part][name] = v; v == nil {
				delete(p[part], name)
			}
		}
		return p
	}
	for name, tc := range attacks(good, ended, key, public, with) {
		r := s.call("GET", "/api/v1/sessions", nil, as(tc[0])...)
		status := s.refused("/api/v1/stream", tc[0])
		if tc[1] == "" {
			if r.StatusCode != 200 || status != 0 {
				t.Errorf("%s: %d, stream %d", name, r.StatusCode, status)
			}
			continue
		}
		if r.StatusCode != 401 || r.text("detail") != tc[1] || status != 401 ||
			r.Header.Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("%s: %d %s, stream %d", name, r.StatusCode, r.body, status)
		}
	}
}

// attacks are bearers made of a good and an ended one, each with what it is answered;
// empty = it is good.
func attacks(good, ended, key, public string,
	with func(part int, name string, v any) [2]map[string]any) map[string][2]string {
	const bad = "Could not validate credentials"
	return map[string][2]string{
		"as it was":        {sign(with(0, "", nil), key), ""},
		"alg none":         {sign(with(0, "alg", "none"), key), bad},
		"RS256, HS signed": {sign(with(0, "alg", "RS256"), key), bad},
		"HS by RSA's PEM":  {sign(with(0, "", nil), public), bad},
		"HS384":            {sign(with(0, "alg", "HS384"), key), bad},
		"empty key":        {sign(with(0, "", nil), ""), bad},
		"unknown kid":      {sign(with(0, "kid", "0000000000000000"), key), bad},
		"kid a path":       {sign(with(0, "kid", "../../../dev/null"), ""), bad},
		"crit":             {sign(with(0, "crit", []string{"b64"}), key), bad},
		"no kid":           {sign(with(0, "kid", nil), key), bad},
		"jwk in header":    {sign(with(0, "jwk", map[string]string{"kty": "oct", "k": ""}), ""), bad},
		"missing exp":      {sign(with(1, "exp", nil), key), bad},
		"exp a string":     {sign(with(1, "exp", "never"), key), bad},
		"foreign issuer":   {sign(with(1, "iss", "https://evil.example"), key), bad},
		"no issuer":        {sign(with(1, "iss", nil), key), bad},
		"no subject":       {sign(with(1, "sub", nil), key), bad},
		"another subject":  {sign(with(1, "sub", "root"), key), "The session has ended"},
		"expired":          {sign(with(1, "exp", time.Now().Unix()-1), key), "The bearer has expired"},
		"not yet":          {sign(with(1, "nbf", time.Now().Unix()+3600), key), bad},
		"revoked":          {ended, "The session has ended"},
		"twice":            {good + "." + good, bad},
		"over 4 KiB":       {good + strings.Repeat("A", 4096), bad},
	}
}

// sign is a JWT of a header and claims by HMAC-SHA256, whatever the header says.
func sign(parts [2]map[string]any, key string) string {
	b := base64.RawURLEncoding
	text := b.EncodeToString(mustJSON(parts[0])) + "." + b.EncodeToString(mustJSON(parts[1]))
	m := hmac.New(sha256.New, []byte(key))
	m.Write([]byte(text))
	return text + "." + b.EncodeToString(m.Sum(nil))
}
