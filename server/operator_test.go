package server

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// operate makes a call at the admin port.
func (s *running) operate(method, path string, body any, headers ...string) reply {
	s.t.Helper()
	return s.callAt("http://"+s.addrs.Admin, method, "/api/v1/users"+path, body, headers...)
}

func (s *running) mustOperate(method, path string, body any) reply {
	s.t.Helper()
	r := s.operate(method, path, body)
	if r.StatusCode != 200 {
		s.t.Fatalf("%s %s: %d %s", method, path, r.StatusCode, r.body)
	}
	return r
}

// heard opens a stream and waits until it is served.
func (s *running) heard(bearer string) *websocket.Conn {
	s.t.Helper()
	c := s.open("/api/v1/stream", bearer)
	say(s.t, c, "foo|A")
	return c
}

func TestOperatorEndsStreamsAtOnce(t *testing.T) {
	s := start(t)
	for _, tc := range []struct {
		method, path string
		body         any
		bearer       int // what the bearer is answered after it
		login        int // what a login with the old password is
	}{
		{"POST", "/kick", nil, 200, 200},
		{"POST", "/logout", nil, 401, 200},
		{"PUT", "/password", map[string]string{"password": "something new"}, 401, 400},
		{"POST", "/disable", nil, 401, 400},
		{"DELETE", "", nil, 401, 400},
	} {
		name := "ann" + strings.ReplaceAll(tc.path, "/", "-")
		pair := s.pairOf(name)
		bearer := pair.text("access_token")
		c, ticket := s.heard(bearer), s.ticketOf(bearer)
		s.mustOperate(tc.method, "/"+name+tc.path, tc.body)
		if code, _ := closeOf(t, c); code != 3501 {
			t.Errorf("%s: closed with %d", tc.path, code)
		}
		if r := s.call("GET", "/api/v1/sessions", nil, as(bearer)...); r.StatusCode != tc.bearer {
			t.Errorf("%s: bearer: %d %s", tc.path, r.StatusCode, r.body)
		}
		got := s.refused("/api/v1/stream?ticket="+ticket, "")
		if (got == 0) != (tc.bearer == 200) || got != 0 && got != 401 {
			t.Errorf("%s: ticket: %d", tc.path, got)
		}
		r := s.refresh(pair.text("refresh_token"))
		if r.StatusCode != tc.bearer {
			t.Errorf("%s: refresh: %d %s", tc.path, r.StatusCode, r.body)
		}
		r = s.call("POST", "/api/v1/users/login", credentials(name, goodPassword))
		if r.StatusCode != tc.login || tc.login == 400 &&
			string(r.body) != `{"detail":"Invalid username or password"}` {
			t.Errorf("%s: login: %d %s", tc.path, r.StatusCode, r.body)
		}
	}
	s.mustOperate("POST", "/ann-disable/enable", nil)
	s.login("ann-disable")
	s.account("ann") // deleted: the name is free
}

// pairOf registers an account and logs it in.
func (s *running) pairOf(name string) reply {
	s.t.Helper()
	s.account(name)
	return s.pair(name)
}

// pair logs in for a bearer and a refresh token.
func (s *running) pair(name string) reply {
	s.t.Helper()
	return s.call("POST", "/api/v1/token", credentials(name, goodPassword))
}

func (s *running) refresh(token string) reply {
	s.t.Helper()
	return s.call("POST", "/api/v1/users/refresh", map[string]string{"refresh_token": token})
}

func TestOperatorLimits(t *testing.T) {
	s := start(t)
	bearer := s.account("ann")
	fill := func(n int) {
		t.Helper()
		for range n {
			c := s.heard(bearer)
			defer c.CloseNow()
		}
		code, reason := closeOf(t, s.open("/api/v1/stream", bearer))
		if want := fmt.Sprintf("connection limit %d reached", n); code != 1008 || reason != want {
			t.Errorf("%d %q, want %q", code, reason, want)
		}
	}
	set := func(v any) {
		t.Helper()
		s.mustOperate("PUT", "/ann/limits", map[string]any{"streams": v})
		eventually(t, "no stream is left", func() bool { return s.streams(bearer) == 0 })
	}
	fill(3)
	set(5)
	fill(5)
	set(1)
	fill(1)
	set(nil)
	fill(3)
	for _, bad := range []string{`{"streams":-1}`, `{"streams":1.5}`, `{"streams":"x"}`, `{}`,
		`{"streams":1000001}`} {
		if r := s.operate("PUT", "/ann/limits", bad); r.StatusCode != 422 {
			t.Errorf("%s: %d %s", bad, r.StatusCode, r.body)
		}
	}
}

func TestOperatorLists(t *testing.T) {
	s := start(t)
	for _, name := range []string{"bob", "Zoë", "ann", "a b%2F"} {
		s.account(name)
	}
	s.heard(s.login("ann"))
	var names []string
	for after := ""; ; {
		r := s.mustOperate("GET", "?limit=2&after="+url.QueryEscape(after), nil)
		list := r.at("users").([]any)
		for _, u := range list {
			names = append(names, u.(map[string]any)["username"].(string))
		}
		if after = r.text("next"); after == "" {
			break
		}
	}
	if got := strings.Join(names, "|"); got != "Zoë|a b%2F|ann|bob" {
		t.Errorf("%s", got)
	}
	r := s.mustOperate("GET", "/ann", nil)
	open, _ := r.at("open").([]any)
	if r.at("streams") != 1.0 || len(open) != 1 || r.at("sessions") != 3.0 ||
		r.at("streams_limit") != nil || r.at("disabled") != false {
		t.Errorf("%s", r.body)
	}
	if r := s.mustOperate("GET", "/"+url.PathEscape("a b%2F"), nil); r.text("username") != "a b%2F" {
		t.Errorf("%s", r.body)
	}
	if strings.Contains(string(r.body), "hash") || strings.Contains(string(r.body), goodPassword) {
		t.Errorf("%s", r.body)
	}
}

func TestOperatorRefusals(t *testing.T) {
	const token = "0123456789abcdef"
	guarded := start(t, func(c *Config) { c.AdminToken = token })
	if r := guarded.operate("GET", "", nil); r.StatusCode != 401 {
		t.Errorf("no admin token: %d", r.StatusCode)
	}
	if r := guarded.operate("GET", "", nil, as(token)...); r.StatusCode != 200 {
		t.Errorf("with it: %d %s", r.StatusCode, r.body)
	}
	s := start(t)
	s.account("ann")
	for _, tc := range []struct {
		method, path string
		body         any
		headers      []string
		status       int
	}{
		{"GET", "/nobody", nil, nil, 404},
		{"POST", "/nobody/disable", nil, nil, 404},
		{"POST", "/a%2Fb/kick", nil, nil, 404},
		{"DELETE", "/%00", nil, nil, 404},
		{"GET", "?limit=0", nil, nil, 400},
		{"GET", "?limit=x", nil, nil, 400},
		{"PUT", "/ann/password", `{"password":"short"}`, nil, 422},
		{"PUT", "/ann/password", `{}`, nil, 422},
		{"PUT", "/nobody/password", `{"password":"long enough"}`, nil, 404},
		{"POST", "/ann/disable", nil, []string{"Origin", "http://evil.example"}, 403},
		{"DELETE", "/ann", nil, []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"POST", "/ann/disable", nil, nil, 200},
	} {
		r := s.operate(tc.method, tc.path, tc.body, tc.headers...)
		if r.StatusCode != tc.status || r.json == nil {
			t.Errorf("%s %s: %d %s", tc.method, tc.path, r.StatusCode, r.body)
		}
	}
	// The public port has none of it, whoever asks.
	if r := s.call("GET", "/api/v1/users", nil); r.StatusCode != 404 {
		t.Errorf("public: %d", r.StatusCode)
	}
	for _, secret := range []string{goodPassword, "something new"} {
		if strings.Contains(s.log.String(), secret) {
			t.Error("a password is in the log")
		}
	}
	if !strings.Contains(s.log.String(), `"account disabled by operator" username=ann`) {
		t.Error("what an operator did is not in the log")
	}
}
