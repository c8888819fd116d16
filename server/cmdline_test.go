package server

import (
	"io"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestCommandLineHidesSecrets(t *testing.T) {
	for text, want := range map[string]string{
		"azira serve --admin-token abc --loops 2":       "azira serve --admin-token … --loops 2",
		"azira serve -admin-token=abc --data d":         "azira serve -admin-token=… --data d",
		"azira serve --admin-token --admin-token x":     "azira serve --admin-token … x",
		"azira serve --admin-token":                     "azira serve --admin-token",
		"azira serve admin-token abc --listen 1.2.3:1 ": "azira serve admin-token abc --listen 1.2.3:1 ",
	} {
		if got := strings.Join(withoutSecrets(strings.Split(text, " ")), " "); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	c, err := LoadConfig([]string{"--admin-token=0123456789abcdef"}, nil, io.Discard)
	if err != nil || !slices.ContainsFunc(c.Warnings, func(w string) bool {
		return strings.Contains(w, "AZIRA_ADMIN_TOKEN")
	}) || strings.Contains(strings.Join(c.Warnings, ""), "0123456789") {
		t.Errorf("%v %q", err, c.Warnings)
	}
	c, err = LoadConfig(nil, []string{"AZIRA_ADMIN_TOKEN=0123456789abcdef"}, io.Discard)
	if err != nil || len(c.Warnings) > 0 {
		t.Errorf("by the environment: %v %q", err, c.Warnings)
	}
	s, args := start(t), os.Args
	defer func() { os.Args = args }()
	os.Args = append(slices.Clone(args), "--admin-token", "0123456789abcdef")
	if r := s.adminCall("/debug/pprof/cmdline"); r.StatusCode != 200 ||
		!strings.Contains(string(r.body), ".test") || strings.Contains(string(r.body), "0123456789") {
		t.Errorf("%d %q", r.StatusCode, r.body)
	}
}

// Pages of the admin port are shown in no frame, run nothing, and are kept by nobody.
func TestAdminSecurityHeaders(t *testing.T) {
	s := start(t)
	for _, path := range []string{"/metrics", "/readyz", "/status", "/debug/pprof/", "/api/v1/users", "/nowhere"} {
		r := s.adminCall(path)
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
			"Content-Security-Policy": "default-src 'none'", "Referrer-Policy": "no-referrer",
			"Cache-Control": "no-store",
		} {
			if got := r.Header.Get(name); !strings.Contains(got, want) {
				t.Errorf("%s: %s: %q", path, name, got)
			}
		}
	}
}

// A ticket shown beside a bearer is burnt, whatever becomes of the request.
func TestTicketBesideABearer(t *testing.T) {
	s := start(t)
	bearer := s.account("ann")
	for _, beside := range []string{bearer, "x"} {
		path := "/api/v1/stream?ticket=" + s.call("POST", "/ws/token", nil, as(bearer)...).text("token")
		got := s.raw(upgradeText(path, "+Authorization: Bearer "+beside))
		if taken := strings.HasPrefix(got, "HTTP/1.1 101 "); taken != (beside == bearer) {
			t.Errorf("%.100q", got)
		}
		if got := s.refused(path, ""); got != 401 {
			t.Errorf("shown again: %d", got)
		}
	}
}
