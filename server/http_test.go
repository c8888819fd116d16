package server

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestHealthcheck(t *testing.T) {
	s := start(t)
	r := s.call("GET", "/healthcheck", nil)
	if r.StatusCode != 200 || string(r.body) != "ok" {
		t.Errorf("%d %q", r.StatusCode, r.body)
	}
	if v, err := strconv.ParseFloat(r.Header.Get("X-Process-Time"), 64); err != nil || v < 0 {
		t.Errorf("X-Process-Time %q", r.Header.Get("X-Process-Time"))
	}
	r = s.call("HEAD", "/healthcheck", nil)
	if r.StatusCode != 200 || len(r.body) != 0 || r.Header.Get("Content-Length") != "2" {
		t.Errorf("HEAD: %d %q %v", r.StatusCode, r.body, r.Header)
	}
}

func TestUnknownPathAndMethod(t *testing.T) {
	s := start(t)
	for _, path := range []string{"/index.html", "/console", "/console/", "/console/index.html", "/console/operator.html",
		"/console/../web.go", "/console/client/embed.go", "/console/client/test/run.js", "/api", "/api/v1/users/", "//healthcheck", "/healthcheck/",
		"/api/v1/sessions/", "/api/trigger/ws/", "/api/trigger/ws/a/b", "/debug/echo",
		"/debug/pprof/", "/metrics", "/livez", "/readyz", "/api/v1/../../metrics"} {
		r := s.call("GET", path, nil)
		if r.StatusCode != 404 || string(r.body) != `{"detail":"Not Found"}` {
			t.Errorf("%s: %d %s", path, r.StatusCode, r.body)
		}
	}
	for _, tc := range [][3]string{
		{"GET", "/api/v1/users/register", "POST"},
		{"POST", "/healthcheck", "GET, HEAD"},
		{"OPTIONS", "/healthcheck", "GET, HEAD"},
		{"PATCH", "/api/v1/sessions/1", "DELETE"},
		{"BREW", "/api/trigger/ws/ann", "GET, HEAD"},
	} {
		r := s.call(tc[0], tc[1], nil)
		if r.StatusCode != 405 || r.Header.Get("Allow") != tc[2] ||
			r.text("detail") != "Method Not Allowed" {
			t.Errorf("%s %s: %d %v %s", tc[0], tc[1], r.StatusCode, r.Header, r.body)
		}
	}
}

func TestBearerIsAskedFor(t *testing.T) {
	s := start(t)
	bearer := s.account("ann")
	for _, header := range []string{"", "Basic YTpi", "Bearer", "Bearer  ", "Bearer x.y.z", bearer,
		"Bearer " + bearer + "x", "Bearer " + strings.Repeat("a", 5000)} {
		var pairs []string
		if header != "" {
			pairs = []string{"Authorization", header}
		}
		r := s.call("GET", "/api/v1/tokens", nil, pairs...)
		if r.StatusCode != 401 || r.text("detail") == "" || r.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%.20q: %d %s", header, r.StatusCode, r.body)
		}
	}
	for _, scheme := range []string{"Bearer ", "bearer ", "BEARER "} {
		r := s.call("GET", "/api/v1/tokens", nil, "Authorization", scheme+bearer)
		if r.StatusCode != 200 {
			t.Errorf("%q: %d", scheme, r.StatusCode)
		}
	}
}

func TestCORS(t *testing.T) {
	s := start(t)
	r := s.call("GET", "/healthcheck", nil, "Origin", "https://a.example")
	if r.Header.Get("Access-Control-Allow-Origin") != "*" ||
		r.Header.Get("Access-Control-Allow-Credentials") != "" ||
		!strings.Contains(r.Header.Get("Access-Control-Expose-Headers"), "X-Process-Time") {
		t.Errorf("any: %v", r.Header)
	}
	r = s.call("GET", "/nowhere", nil, "Origin", "https://a.example")
	if r.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Error("an error without CORS")
	}
	r = s.call("OPTIONS", "/api/v1/users/login", nil, "Origin", "https://a.example",
		"Access-Control-Request-Method", "POST",
		"Access-Control-Request-Headers", "authorization, x-any")
	if r.StatusCode != 204 ||
		!strings.Contains(r.Header.Get("Access-Control-Allow-Methods"), "POST") ||
		r.Header.Get("Access-Control-Allow-Headers") != "authorization, x-any" {
		t.Errorf("preflight: %d %v", r.StatusCode, r.Header)
	}

	s = start(t, func(c *Config) { c.CORSOrigins = []string{"https://a.example"} })
	r = s.call("GET", "/healthcheck", nil, "Origin", "https://a.example")
	if r.Header.Get("Access-Control-Allow-Origin") != "https://a.example" ||
		r.Header.Get("Access-Control-Allow-Credentials") != "true" || r.Header.Get("Vary") != "Origin" {
		t.Errorf("listed: %v", r.Header)
	}
	r = s.call("GET", "/healthcheck", nil, "Origin", "https://b.example")
	if r.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("not listed: %v", r.Header)
	}
	r = s.call("OPTIONS", "/healthcheck", nil, "Origin", "https://b.example",
		"Access-Control-Request-Method", "GET")
	if r.StatusCode != 400 || r.text("detail") == "" {
		t.Errorf("preflight not listed: %d %s", r.StatusCode, r.body)
	}
}

func TestGzip(t *testing.T) {
	s := start(t)
	for header, want := range map[string]bool{
		"": false, "gzip": true, "br, gzip;q=0.5": true, "gzip;q=0": false, "*": true, "identity": false,
		"*;q=1, gzip;q=0": false,
	} {
		r := s.call("GET", "/openapi.json", nil, "Accept-Encoding", header)
		if got := r.Header.Get("Content-Encoding") == "gzip"; got != want {
			t.Errorf("%q: %v", header, r.Header)
			continue
		}
		if want {
			z, err := gzip.NewReader(strings.NewReader(string(r.body)))
			if err != nil {
				t.Fatal(err)
			}
			if p, err := io.ReadAll(z); err != nil || string(p) != string(openAPIText) {
				t.Errorf("%q: other bytes after decompression (%v)", header, err)
			}
		}
	}
	r := s.call("GET", "/healthcheck", nil, "Accept-Encoding", "gzip")
	if r.Header.Get("Content-Encoding") != "" {
		t.Error("a small answer was compressed")
	}
}

// The limit holds for request line and header together, to the byte.
func TestHeaderLimit(t *testing.T) {
	s := start(t)
	head := "GET /healthcheck HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: "
	fill := headerBytesMax - len(head) - len("\r\n\r\n")
	got := s.raw(head + strings.Repeat("a", fill) + "\r\n\r\n")
	if !strings.HasPrefix(got, "HTTP/1.1 200 ") {
		t.Errorf("%d bytes: %.60q", headerBytesMax, got)
	}
	got = s.raw(head + strings.Repeat("a", fill+1) + "\r\n\r\n")
	if !strings.HasPrefix(got, "HTTP/1.1 431 ") ||
		!strings.HasSuffix(got, `{"detail":"Request Header Fields Too Large"}`) ||
		strings.Contains(got, "X-Process-Time") {
		t.Errorf("one more: %q", got)
	}
}

// What net/http refuses before any handler has the form of all errors, too.
func TestNoProperRequest(t *testing.T) {
	s := start(t)
	for text, status := range map[string]int{
		"hello\r\n\r\n":                                                          400,
		"GET / HTTP/1.1\r\n\r\n":                                                 400, // no Host
		"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n":                           400,
		"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n":                                   400,
		"GET / HTTP/3.0\r\nHost: x\r\n\r\n":                                      505,
		"POST /ws/token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: rot13\r\n\r\n": 501,
	} {
		got := s.raw(text)
		if !strings.HasPrefix(got, fmt.Sprintf("HTTP/1.1 %d ", status)) ||
			!strings.Contains(got, "\r\nContent-Type: application/json\r\n") ||
			!strings.Contains(got, `{"detail":"`) {
			t.Errorf("%q: %q", text, got)
		}
	}
}

func TestSlowPeersAreCut(t *testing.T) {
	s := start(t, func(c *Config) {
		c.timeouts = timeouts{header: 150 * time.Millisecond, body: 300 * time.Millisecond,
			idle: 150 * time.Millisecond}
	})
	for name, text := range map[string]string{
		"nothing":     "",
		"half header": "GET /healthcheck HTTP/1.1\r\nHost:",
		"half body": "POST /api/v1/users/login HTTP/1.1\r\nHost: x\r\n" +
			"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
		"idle": "GET /healthcheck HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		c, err := net.Dial("tcp", s.addrs.Public)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(8 * time.Second))
		_, _ = io.WriteString(c, text)
		if p, err := io.ReadAll(c); err != nil {
			t.Errorf("%s: not cut off: %v (%q)", name, err, p)
		} else if name == "half body" && !strings.Contains(string(p), " 408 ") {
			t.Errorf("%s: %q", name, p)
		}
		c.Close()
	}
	eventually(t, "all connections given back", func() bool {
		return strings.Contains(string(s.callAt("http://"+s.addrs.Admin, "GET", "/metrics", nil).body),
			"\nazira_http_connections 0\n")
	})
}

func TestOversizedBodyIsCut(t *testing.T) {
	s := start(t)
	got := s.raw("POST /api/v1/users/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" +
		"Transfer-Encoding: chunked\r\n\r\n20000\r\n" + strings.Repeat("a", 0x20000) + "\r\n0\r\n\r\n")
	if !strings.HasPrefix(got, "HTTP/1.1 413 ") {
		t.Errorf("chunked: %.80q", got)
	}
	got = s.raw("POST /api/v1/users/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" +
		"Expect: 100-continue\r\nContent-Length: 10000000000\r\n\r\n")
	if !strings.HasPrefix(got, "HTTP/1.1 413 ") {
		t.Errorf("declared: %.80q", got)
	}
}

func TestPanicShowsNothing(t *testing.T) {
	log := &syncBuffer{}
	p := &public{cors: newCORS([]string{"*"}), log: testLogger(log), counts: newCounts(nil), proxies: &proxies{}, router: newRouter([]route{
		{"GET", "/boom", noCredential, func(*public, *request) answer { panic("the secret inside") }},
	})}
	w := httptest.NewRecorder()
	p.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/boom", nil))
	id := w.Header().Get("X-Request-ID")
	if w.Code != 500 || w.Body.String() != `{"detail":"Internal Server Error"}` || id == "" {
		t.Errorf("%d %s %v", w.Code, w.Body, w.Header())
	}
	if !strings.Contains(log.String(), id) || !strings.Contains(log.String(), "the secret inside") {
		t.Errorf("log: %s", log.String())
	}
}

// No log line holds a credential, and none can be forged.
func TestLogHoldsNoSecrets(t *testing.T) {
	s := start(t)
	bearer := s.account("ann")
	ticket := s.call("POST", "/api/v1/stream/ticket", nil, as(bearer)...).text("ticket")
	s.open("/api/v1/stream?ticket="+ticket, "")
	s.call("GET", "/api/v1/stream?ticket="+ticket, nil)
	s.call("POST", "/api/v1/users/login", credentials("ann", "another secret"))
	s.call("GET", "/a%0Alevel=ERROR%20msg=forged?b=%0Ac", nil)
	s.call("PUT", "/api/v1/users/password", map[string]string{"old_password": goodPassword,
		"new_password": "third secret"}, as(bearer)...)
	log := s.log.String()
	if !strings.Contains(log, "msg=request") {
		t.Fatal("no access log at debug")
	}
	for _, secret := range []string{bearer, ticket, goodPassword, "another secret", "third secret"} {
		if strings.Contains(log, secret) {
			t.Errorf("the log holds %.12q…", secret)
		}
	}
	if strings.Contains(log, "\nlevel=ERROR msg=forged") {
		t.Error("a log line was forged")
	}
}

func TestTokensAndTicks(t *testing.T) {
	s := start(t)
	bearer := s.account("ann")
	r := s.call("GET", "/api/v1/tokens", nil, as(bearer)...)
	if string(r.body) != `{"count":0,"tokens":[]}` {
		t.Errorf("%s", r.body)
	}
	r = s.call("GET", "/api/v1/ticks/NSE:1", nil, as(bearer)...)
	if r.StatusCode != 404 || r.text("detail") != "Token not found" {
		t.Errorf("%d %s", r.StatusCode, r.body)
	}
	if !json.Valid(openAPIText) {
		t.Error("openapi.json is no JSON")
	}
}
