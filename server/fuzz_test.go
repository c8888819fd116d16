package server

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

// Whatever the body, there are two texts without NUL or a 4xx answer with a detail.
func FuzzBody(f *testing.F) {
	for _, seed := range []string{`{"username":"a","password":"b"}`, `{"username":1}`, "[]", "\xff",
		`{"username":"\\ud800"}`, "null", `{"a":{"b":[1e9]}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		fs, a, ok := parseFields(body)
		var vs []string
		if ok {
			vs, a, ok = fs.texts("username", "password")
		}
		if ok {
			for _, v := range vs {
				if !utf8.ValidString(v) || strings.ContainsRune(v, 0) {
					t.Errorf("let through %q", v)
				}
			}
			return
		}
		var answer struct{ Detail any }
		if err := json.Unmarshal(a.body, &answer); err != nil || answer.Detail == nil {
			t.Errorf("%v: %s", err, a.body)
		}
		if a.status < 400 || a.status > 499 {
			t.Errorf("status %d", a.status)
		}
	})
}

// Whatever the path, a route found can be named by its own pattern.
func FuzzRouter(f *testing.F) {
	for _, seed := range []string{"/healthcheck", "/api/v1/ticks/A/B", "/api/trigger/ws/%E5%90%8D",
		"//", "/api/v1/sessions/..%2f", "*", "/api/v1/vendors/a%2Fb/clients/c/ticket",
		"/api/v1/vendors/a/clients//disable", "/api/v1/vendors/a/clients/b/"} {
		f.Add(seed)
	}
	rt := newRouter(routes)
	f.Fuzz(func(t *testing.T, path string) {
		u, err := url.ParseRequestURI(path)
		if err != nil {
			return
		}
		found, params := rt.find(u)
		if len(found) == 0 {
			return
		}
		made := ""
		for i, literal := range newPattern(found[0].path).parts {
			if i > 0 {
				made += params[i-1]
			}
			made += literal
		}
		if u.Path != made {
			t.Errorf("%q: %s with %q", path, found[0].path, params)
		}
	})
}

// Whatever the headers, a handshake gives its key or a 4xx answer.
func FuzzHandshake(f *testing.F) {
	f.Add("websocket", "Upgrade", "13", "dGhlIHNhbXBsZSBub25jZQ==")
	f.Add("h2c, websocket", "keep-alive, upgrade", "8", "x")
	f.Fuzz(func(t *testing.T, upgrade, connection, version, key string) {
		r := httptest.NewRequest(http.MethodGet, "/api/v1/stream", nil)
		r.Header.Set("Upgrade", upgrade)
		r.Header.Set("Connection", connection)
		r.Header.Set("Sec-WebSocket-Version", version)
		r.Header.Set("Sec-WebSocket-Key", key)
		got, a, ok := handshake(r)
		if ok && (got != key || len(key) != 24) || !ok && (a.status < 400 || a.status > 499) {
			t.Errorf("%q %v %d", got, ok, a.status)
		}
	})
}
