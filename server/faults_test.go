package server

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// This file and faults_stream_test.go hold one test for each fault of the
// original that must be absent here.

func TestFaultAnyStoredTokenOpensAnyAccountsStream(t *testing.T) {
	s := start(t)
	s.account("ann")
	bob := s.account("bob")
	ticket := s.call("POST", "/api/v1/stream/ticket", nil, as(bob)...).text("ticket")
	for _, path := range []string{"/api/trigger/ws/ann", "/api/trigger/ws/ann?ticket=" + ticket} {
		bearer := bob
		if strings.Contains(path, "ticket") {
			bearer = ""
		}
		if got := s.refused(path, bearer); got != 403 {
			t.Errorf("%s: %d", path, got)
		}
	}
	if n := s.streams(s.login("ann")); n != 0 {
		t.Errorf("%d of ann's slots are taken", n)
	}
}

// forge makes a JWT of the given parts, signed with a key of the test's own.
func forge(header, payload string) string {
	b := base64.RawURLEncoding
	text := b.EncodeToString([]byte(header)) + "." + b.EncodeToString([]byte(payload))
	m := hmac.New(sha256.New, []byte("a key of thirty-two bytes or so, known to anyone"))
	m.Write([]byte(text))
	return text + "." + b.EncodeToString(m.Sum(nil))
}

func TestFaultSignatureUnchecked(t *testing.T) {
	s := start(t)
	good := s.account("ann")
	parts := strings.Split(good, ".")
	decode := func(p string) string {
		text, err := base64.RawURLEncoding.DecodeString(p)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	encode := base64.RawURLEncoding.EncodeToString
	header, payload := decode(parts[0]), decode(parts[1])
	root := strings.Replace(payload, `"ann"`, `"root"`, 1)
	if root == payload {
		t.Fatalf("no subject in %s", payload)
	}
	none := encode([]byte(strings.Replace(header, "HS256", "none", 1)))
	for name, bearer := range map[string]string{
		"other key":      forge(header, payload),
		"other subject":  parts[0] + "." + encode([]byte(root)) + "." + parts[2],
		"no algorithm":   none + "." + parts[1] + ".",
		"algorithm none": none + "." + parts[1] + "." + parts[2],
		"no signature":   parts[0] + "." + parts[1] + ".",
		"two parts":      parts[0] + "." + parts[1],
		"no expiry":      forge(header, `{"sub":"ann"}`),
	} {
		if r := s.call("GET", "/api/v1/sessions", nil, as(bearer)...); r.StatusCode != 401 {
			t.Errorf("%s: %d %s", name, r.StatusCode, r.body)
		}
		if got := s.refused("/api/v1/stream", bearer); got != 401 {
			t.Errorf("%s: stream: %d", name, got)
		}
	}
}

func TestFaultExpiryUnchecked(t *testing.T) {
	s := start(t, func(c *Config) { c.AccessTTL = time.Second })
	bearer := s.account("ann")
	kept := s.open("/api/v1/stream", bearer)
	eventually(t, "the bearer ends", func() bool {
		return s.call("GET", "/api/v1/sessions", nil, as(bearer)...).StatusCode == 401
	})
	if got := s.refused("/api/v1/stream", bearer); got != 401 {
		t.Errorf("stream: %d", got)
	}
	// Without --close-on-expiry a stream outlives the bearer that opened it.
	if got := say(t, kept, "foo|A"); got != "Unknown action: foo" {
		t.Errorf("%q", got)
	}
}

func TestFaultLoginHandsOutAnOldToken(t *testing.T) {
	s := start(t)
	seen := map[string]bool{s.account("ann"): true}
	for range 3 {
		bearer := s.login("ann")
		if seen[bearer] {
			t.Error("the same bearer twice")
		}
		seen[bearer] = true
	}
	for bearer := range seen {
		if r := s.call("GET", "/api/v1/sessions", nil, as(bearer)...); r.StatusCode != 200 {
			t.Errorf("a login ended another: %d", r.StatusCode)
		}
	}
}

// Open streams hold nothing that requests need.
func TestFaultLoginHeldAsLongAsTheSocket(t *testing.T) {
	s := start(t, func(c *Config) { c.StreamsPerAccount = 0 })
	bearer := s.account("ann")
	for range 60 {
		s.open("/api/v1/stream", bearer)
	}
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			r := s.call("POST", "/api/v1/users/login", credentials("ann", goodPassword))
			if r.StatusCode != 200 {
				t.Errorf("login %d: %d %s", i, r.StatusCode, r.body)
			}
		})
	}
	all.Wait()
	if n := s.streams(bearer); n != 60 {
		t.Errorf("%d streams", n)
	}
}

func TestFaultNamesOutsideLatin1(t *testing.T) {
	s := start(t)
	for _, name := range []string{"名前", "Ωμέγα", "naïve name", "🦊", "o'neil", `a"b\c`,
		"%41", "a?b=c&d"} {
		bearer := s.account(name)
		c := s.open("/api/trigger/ws/"+url.PathEscape(name), bearer)
		if got := say(t, c, "foo|A"); got != "Unknown action: foo" {
			t.Errorf("%q: %q", name, got)
		}
	}
	// Both ways to write é are one name.
	composed, apart := "caf\u00e9", "cafe\u0301"
	s.account(apart)
	r := s.call("POST", "/api/v1/users/register", credentials(composed, goodPassword))
	if r.StatusCode != 400 {
		t.Errorf("one name registered twice: %d %s", r.StatusCode, r.body)
	}
	say(t, s.open("/api/trigger/ws/"+url.PathEscape(apart), s.login(composed)), "foo|A")
}

func TestFaultNamesWithSlashNULOrEmpty(t *testing.T) {
	s := start(t)
	bearer := s.account("ann")
	for _, name := range []string{"", " ", "a/b", "a+b", "a#b", "a\x00b", "a\nb", "a\u202eb",
		strings.Repeat("n", 65), strings.Repeat("名", 65)} {
		r := s.call("POST", "/api/v1/users/register", credentials(name, goodPassword))
		if r.StatusCode != 422 || !strings.Contains(string(r.body), `"loc":["body","username"]`) {
			t.Errorf("register %q: %d %s", name, r.StatusCode, r.body)
		}
		r = s.call("POST", "/api/v1/users/login", credentials(name, goodPassword))
		if r.StatusCode != 400 && r.StatusCode != 422 {
			t.Errorf("login %q: %d %s", name, r.StatusCode, r.body)
		}
		r = s.call("GET", "/api/trigger/ws/"+url.PathEscape(name), nil, as(bearer)...)
		if r.StatusCode != 403 && r.StatusCode != 404 {
			t.Errorf("stream of %q: %d %s", name, r.StatusCode, r.body)
		}
	}
	s.account(strings.Repeat("名", 64))
}

func TestFaultPasswordsCutAt72Bytes(t *testing.T) {
	s := start(t)
	long := strings.Repeat("p", 72) + "the part that counts"
	r := s.call("POST", "/api/v1/users/register", credentials("ann", long))
	if r.StatusCode != 200 {
		t.Fatalf("%d %s", r.StatusCode, r.body)
	}
	for password, want := range map[string]int{
		long: 200, long[:72]: 400, long[:len(long)-1]: 400, long + "x": 400,
	} {
		r := s.call("POST", "/api/v1/users/login", credentials("ann", password))
		if r.StatusCode != want {
			t.Errorf("%d bytes: %d %s", len(password), r.StatusCode, r.body)
		}
	}
	for n, want := range map[int]int{7: 422, 8: 200, 1024: 200, 1025: 422} {
		r := s.call("POST", "/api/v1/users/register",
			credentials(fmt.Sprint("u", n), strings.Repeat("x", n)))
		if r.StatusCode != want {
			t.Errorf("%d bytes: %d %s", n, r.StatusCode, r.body)
		}
	}
}

func TestFaultSimultaneousRegistrationsLeakStoreErrors(t *testing.T) {
	s := start(t)
	var mu sync.Mutex
	got := map[string]int{}
	var all sync.WaitGroup
	for i := range 40 {
		name := "same"
		if i%2 == 1 {
			name = fmt.Sprint("user", i)
		}
		all.Go(func() {
			r := s.call("POST", "/api/v1/users/register", credentials(name, goodPassword))
			mu.Lock()
			defer mu.Unlock()
			got[fmt.Sprint(name == "same", r.StatusCode, string(r.body))]++
		})
	}
	all.Wait()
	want := map[string]int{
		`true 200{"message":"User registered successfully"}`:  1,
		`true 400{"detail":"Username already registered"}`:    19,
		`false 200{"message":"User registered successfully"}`: 20,
	}
	for text, n := range want {
		if got[text] != n {
			t.Errorf("got %v", got)
			break
		}
	}
}

// internals are words that an answer made by us never has.
var internals = []string{"Traceback", "goroutine", ".go:", "pebble", "panic", "runtime", "json:",
	"argon2", "jwt", "auth:", "store:", "engine:", "server:", "unmarshal", "net/http", "sqlalchemy"}

func TestFaultTracebacksOrLibraryTextsInAnswers(t *testing.T) {
	s := start(t)
	bearer := s.account("ann")
	var bodies []string
	keep := func(r reply) {
		if r.StatusCode >= 500 {
			t.Errorf("%s: %d %s", r.Request.URL, r.StatusCode, r.body)
		}
		if r.StatusCode >= 400 { // a ticket may spell any word
			bodies = append(bodies, string(r.body))
		}
	}
	for _, body := range []string{"{", "[1,", `{"username":{}}`, "\xff",
		`{"username":"a","password":1e999}`, "nul", `"x"`,
		`{"refresh_token":"x"}`, `{"refresh_token":[]}`, `{"grant_type":{}}`} {
		for _, ro := range routes {
			if ro.method == "GET" || strings.HasSuffix(ro.path, "logout") {
				continue
			}
			keep(s.call(ro.method, strings.Replace(ro.path, "{id}", "x%00", 1), body, as(bearer)...))
		}
	}
	for _, b := range []string{"x", "a.b.c", "..", "\x80", strings.Repeat("é", 500), bearer + "."} {
		for _, ro := range routes {
			path, _, _ := strings.Cut(ro.path, "{")
			keep(s.call(ro.method, path+"x", nil, "Authorization", "Bearer "+b))
			keep(s.call(ro.method, ro.path, nil, "Authorization", "Bearer "+b))
		}
	}
	for _, text := range []string{"hello\r\n\r\n", "GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nA b: c\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"} {
		bodies = append(bodies, s.raw(text))
	}
	for _, body := range bodies {
		for _, word := range internals {
			if strings.Contains(body, word) {
				t.Errorf("%q in %q", word, body)
			}
		}
	}
}

func TestFaultBadUsernameOrBearerAnsweredWith500(t *testing.T) {
	s := start(t)
	for _, name := range []string{"nobody", "%00", "%FF%FE", "..%2F..", "%F0%9F%A6%8A"} {
		for _, bearer := range []string{"", "x", "a.b.c", "\xff\xfe", strings.Repeat("A", 4000)} {
			r := s.call("GET", "/api/trigger/ws/"+name, nil, "Authorization", "Bearer "+bearer,
				"Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13",
				"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
			if r.StatusCode != http.StatusUnauthorized || r.text("detail") == "" {
				t.Errorf("%s %.10q: %d %s", name, bearer, r.StatusCode, r.body)
			}
		}
	}
}
