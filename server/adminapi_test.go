package server

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestAdminAPIKnowsEveryRoute holds the document of the admin port to the patterns that
// its handlers are registered under, pages but for.
func TestAdminAPIKnowsEveryRoute(t *testing.T) {
	d := loadDocument(t, adminAPIText)
	var served, described []string
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`"((?:GET|POST|PUT|DELETE) /[^"\s]*)"`).FindAllSubmatch(text, -1) {
			if pattern := string(m[1]); !strings.Contains(pattern, "{$}") {
				served = append(served, pattern)
			}
		}
	}
	served = append(served, "GET /debug/pprof/mutex", "GET /debug/pprof/block")
	for path, item := range d["paths"].(map[string]any) {
		for method := range item.(map[string]any) {
			if method != "parameters" {
				described = append(described, strings.ToUpper(method)+" "+path)
			}
		}
	}
	slices.Sort(served)
	slices.Sort(described)
	if served = slices.Compact(served); !slices.Equal(served, described) {
		t.Errorf("served    %q\ndescribed %q", served, described)
	}
}

const adminUser = "/api/v1/users/{name}"

var foreignPage = []string{"Sec-Fetch-Site", "cross-site"}

// adminCalls are calls of the admin port with what they are answered, in order.
var adminCalls = []struct {
	method, path, where string
	body                any
	headers             []string
	status              int
}{
	{"GET", "/livez", "", nil, nil, 200},
	{"GET", "/readyz", "", nil, nil, 200},
	{"GET", "/metrics", "", nil, nil, 200},
	{"GET", "/status", "", nil, nil, 200},
	{"GET", "/parked", "", nil, nil, 200},
	{"GET", "/parked?limit=0", "/parked", nil, nil, 422},
	{"GET", "/openapi.json", "", nil, nil, 200},
	{"GET", "/debug/pprof/", "", nil, nil, 200},
	{"GET", "/debug/pprof/cmdline", "", nil, nil, 200},
	{"POST", "/checkpoint?name=one", "/checkpoint", nil, nil, 201},
	{"POST", "/checkpoint?name=one", "/checkpoint", nil, nil, 409},
	{"POST", "/checkpoint?name=..", "/checkpoint", nil, nil, 422},
	{"GET", "/api/v1/keys", "", nil, nil, 200},
	{"POST", "/api/v1/keys/rotate", "", nil, nil, 200},
	{"POST", "/api/v1/keys/rotate", "", nil, foreignPage, 403},
	{"POST", "/api/v1/keys/rotate?at_once=1", "/api/v1/keys/rotate", nil, nil, 422},
	{"GET", "/api/v1/users", "", nil, nil, 200},
	{"GET", "/api/v1/users?limit=0", "/api/v1/users", nil, nil, 400},
	{"GET", "/api/v1/users/ann", adminUser, nil, nil, 200},
	{"GET", "/api/v1/users/bob", adminUser, nil, nil, 404},
	{"PUT", "/api/v1/users/ann/limits", adminUser + "/limits", `{"streams":1}`, nil, 200},
	{"PUT", "/api/v1/users/ann/limits", adminUser + "/limits", `{"streams":-1}`, nil, 422},
	{"PUT", "/api/v1/users/ann/password", adminUser + "/password", `{"password":"x"}`, nil, 422},
	{"POST", "/api/v1/users/ann/kick", adminUser + "/kick", nil, nil, 200},
	{"POST", "/api/v1/users/ann/logout", adminUser + "/logout", nil, nil, 200},
	{"POST", "/api/v1/users/ann/disable", adminUser + "/disable", nil, foreignPage, 403},
	{"POST", "/api/v1/users/ann/disable", adminUser + "/disable", nil, nil, 200},
	{"POST", "/api/v1/users/ann/enable", adminUser + "/enable", nil, nil, 200},
	{"DELETE", "/api/v1/users/ann", adminUser, nil, nil, 200},
	{"DELETE", "/api/v1/users/ann", adminUser, nil, nil, 404},
}

// Answers of the admin port have the status and form that its document says.
func TestAdminAPIDescribesTheAnswers(t *testing.T) {
	d := loadDocument(t, adminAPIText)
	s := start(t)
	bearer := s.account("ann")
	s.open("/api/v1/stream", bearer)
	eventually(t, "the stream is listed", func() bool { return s.streams(bearer) == 1 })
	for _, tc := range adminCalls {
		if tc.where == "" {
			tc.where = tc.path
		}
		r := s.callAt("http://"+s.addrs.Admin, tc.method, tc.path, tc.body, tc.headers...)
		if r.StatusCode != tc.status {
			t.Errorf("%s %s: %d, want %d: %.200s", tc.method, tc.path, r.StatusCode, tc.status, r.body)
			continue
		}
		if err := d.check(tc.method, tc.where, r); err != nil {
			t.Errorf("%s %s: %d: %v: %.200s", tc.method, tc.path, r.StatusCode, err, r.body)
		}
	}
	guarded := start(t, func(c *Config) { c.AdminToken = "0123456789abcdef" })
	r := guarded.callAt("http://"+guarded.addrs.Admin, "GET", "/openapi.json", nil)
	if err := d.check("GET", "/openapi.json", r); r.StatusCode != 401 || err != nil {
		t.Errorf("without the token: %d %v", r.StatusCode, err)
	}
}
