package server

import (
	"net/http"
	"strings"
	"testing"

	"azira/web"
)

// The public port serves the console, and its modules, to be kept and asked for again.
func TestConsoleIsServed(t *testing.T) {
	s := start(t)
	for path, kind := range map[string]string{
		"/":                         "text/html; charset=utf-8",
		"/console/main.js":          "text/javascript; charset=utf-8",
		"/console/client/stream.js": "text/javascript; charset=utf-8",
		"/console/base.css":         "text/css; charset=utf-8",
		"/console/icon.svg":         "image/svg+xml",
	} {
		r := s.call("GET", path, nil)
		tag := r.Header.Get("ETag")
		if r.StatusCode != 200 || r.Header.Get("Content-Type") != kind || tag == "" ||
			r.Header.Get("Cache-Control") != "no-cache" {
			t.Errorf("%s: %d %v", path, r.StatusCode, r.Header)
		}
		if got := r.Header["Content-Security-Policy"]; len(got) != 1 || got[0] != web.Policy ||
			r.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", path, r.Header)
		}
		for _, known := range []string{tag, `"x", ` + strings.TrimPrefix(tag, "W/"), "*"} {
			r = s.call("GET", path, nil, "If-None-Match", known)
			if r.StatusCode != 304 || len(r.body) != 0 || r.Header.Get("ETag") != tag {
				t.Errorf("%s: If-None-Match %s: %d %v", path, known, r.StatusCode, r.Header)
			}
		}
		if r := s.call("GET", path, nil, "If-None-Match", `"x"`); r.StatusCode != 200 {
			t.Errorf("%s: another tag: %d", path, r.StatusCode)
		}
	}
	r := s.call("GET", "/console/main.js", nil, "Accept-Encoding", "gzip")
	if r.Header.Get("Content-Encoding") != "" && r.Header.Get("Vary") == "" {
		t.Errorf("packed: %v", r.Header)
	}
	if r := s.call("POST", "/", nil); r.StatusCode != 405 {
		t.Errorf("POST /: %d", r.StatusCode)
	}
	if !strings.Contains(web.Policy, "default-src 'self'") {
		t.Error(web.Policy)
	}
}

// The operator's page is at the admin port alone; there it comes before the bearer, which
// what it shows does not.
func TestOperatorsPage(t *testing.T) {
	const token = "a-token-of-the-operator"
	s := start(t, func(c *Config) { c.AdminToken = token })
	for path, want := range map[string]int{"/": 200, "/console/operator.js": 200,
		"/console/none.js": 404, "/console/index.html": 404, "/status": 401, "/metrics": 401,
		"/index.html": 401, "/../status": 401, "//status": 401, "/console/../status": 401} {
		r := s.adminCall(path)
		if r.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, r.StatusCode, want)
		}
		if want == 200 && (r.Header.Get("Content-Security-Policy") != web.Policy ||
			r.Header.Get("X-Frame-Options") != "DENY") {
			t.Errorf("%s: %v", path, r.Header)
		}
	}
	if page := string(s.adminCall("/").body); !strings.Contains(page, "operator.js") {
		t.Errorf("%.200s", page)
	}
	if page := string(s.call("GET", "/", nil).body); strings.Contains(page, "operator.js") {
		t.Error("the public page is the operator's")
	}
}

// Without a token, a page that rebinds its name gets nothing, not even the page.
func TestOperatorsPageByAnotherName(t *testing.T) {
	s := start(t)
	for host, want := range map[string]int{"127.0.0.1:1": 200, "localhost": 200, "evil.example": 401} {
		req, err := http.NewRequest("GET", "http://"+s.addrs.Admin+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		r, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = r.Body.Close()
		if r.StatusCode != want {
			t.Errorf("%s: %d, want %d", host, r.StatusCode, want)
		}
	}
}
