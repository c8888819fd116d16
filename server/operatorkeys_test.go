package server

import (
	"strings"
	"testing"
)

// An operator rotates the key of the store: bearers go on, and after a rotation at once
// they are refused while refresh tokens and streams go on.
func TestOperatorRotatesKey(t *testing.T) {
	s := start(t)
	bearer := s.account("ann")
	pair := s.call("POST", "/api/v1/token", credentials("ann", goodPassword))
	stream := s.open("/api/v1/stream", bearer)
	admin := "http://" + s.addrs.Admin
	works := func() int { return s.call("GET", "/api/v1/sessions", nil, as(bearer)...).StatusCode }
	first := s.callAt(admin, "GET", "/api/v1/keys", nil)
	if first.at("verify") != 1.0 || first.at("stored") != true || len(first.text("signs")) != 16 {
		t.Fatalf("%s", first.body)
	}
	r := s.callAt(admin, "POST", "/api/v1/keys/rotate", nil)
	if r.StatusCode != 200 || r.at("verify") != 2.0 || r.text("signs") == first.text("signs") {
		t.Errorf("%d %s", r.StatusCode, r.body)
	}
	if got := works(); got != 200 {
		t.Errorf("after a rotation: %d", got)
	}
	if r := s.callAt(admin, "POST", "/api/v1/keys/rotate?at_once=yes", nil); r.StatusCode != 422 {
		t.Errorf("at_once=yes: %d", r.StatusCode)
	}
	if r := s.callAt(admin, "POST", "/api/v1/keys/rotate", nil, "Origin", "https://evil.example",
		"Sec-Fetch-Site", "cross-site"); r.StatusCode != 403 {
		t.Errorf("a foreign page: %d", r.StatusCode)
	}
	if r := s.callAt(admin, "POST", "/api/v1/keys/rotate?at_once=true", nil); r.at("verify") != 1.0 {
		t.Errorf("%s", r.body)
	}
	if got := works(); got != 401 {
		t.Errorf("after one at once: %d", got)
	}
	fresh := s.call("POST", "/api/v1/users/refresh",
		map[string]string{"refresh_token": pair.text("refresh_token")})
	if fresh.StatusCode != 200 {
		t.Errorf("refresh: %d %s", fresh.StatusCode, fresh.body)
	}
	if got := say(t, stream, "foo|A"); got != "Unknown action: foo" {
		t.Errorf("the stream: %q", got)
	}
	if n := strings.Count(s.log.String(), "signing key rotated by operator"); n != 2 {
		t.Errorf("logged %d times", n)
	}
	given := start(t, func(c *Config) { c.JWTKeyFile = writeConfig(t, strings.Repeat("k", keyBytesMin)) })
	r = given.callAt("http://"+given.addrs.Admin, "POST", "/api/v1/keys/rotate", nil)
	if r.StatusCode != 409 || !strings.Contains(r.text("detail"), "--jwt-key-file") {
		t.Errorf("keys of a file: %d %s", r.StatusCode, r.body)
	}
}
