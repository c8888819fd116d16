package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"azira/server"
)

// adminServer runs a server whose admin port wants a token, and returns where that is.
func adminServer(t *testing.T, token string) string {
	t.Helper()
	c := server.Defaults()
	c.Listen, c.Admin, c.Data, c.Feed = "127.0.0.1:0", "127.0.0.1:0", t.TempDir(), nil
	c.AdminToken, c.LogTo, c.DrainWindow, c.RingBytes = token, t.Output(), 0, 1<<20
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan server.Addresses, 1), make(chan error, 1)
	go func() { ended <- server.Run(ctx, c, func(a server.Addresses) { ready <- a }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	select {
	case a := <-ready:
		return "http://" + a.Admin
	case err := <-ended:
		ended <- nil
		t.Fatal(err)
		return ""
	}
}

const adminToken = "0123456789abcdef"

func TestHealthCommand(t *testing.T) {
	admin := adminServer(t, adminToken)
	tokenFile := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(tokenFile, []byte(adminToken+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct {
		code int
		args []string
	}{
		{1, nil}, {0, []string{"--token-file", tokenFile}},
		{0, []string{"--token-file", tokenFile, "--ready"}}, {1, []string{"--token-file", "/nowhere"}},
		{2, []string{"x"}},
	} {
		args := append([]string{"health", "--admin", admin}, want.args...)
		if code, stdout, stderr := runCommand(t.Context(), args...); code != want.code || (stdout == "ok\n") != (code == 0) {
			t.Errorf("%q: %d %q %q", args, code, stdout, stderr)
		}
	}
}

// TestHealthAsksWhereServeListens: a container's health check has no flag, and the
// environment of the server.
func TestHealthAsksWhereServeListens(t *testing.T) {
	at, err := url.Parse(adminServer(t, adminToken))
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("AZIRA_ADMIN_TOKEN", adminToken)
	t.Setenv("AZIRA_ADMIN_URL", "")
	for _, listen := range []string{at.Host, "0.0.0.0:" + at.Port(), ":" + at.Port()} {
		t.Setenv("AZIRA_ADMIN", listen)
		if code, stdout, stderr := runCommand(t.Context(), "health"); code != 0 || stdout != "ok\n" {
			t.Errorf("%s: %d %q %q", listen, code, stdout, stderr)
		}
	}
	t.Setenv("AZIRA_ADMIN_URL", "http://127.0.0.1:1")
	if code, _, stderr := runCommand(t.Context(), "health"); code != 1 ||
		!strings.Contains(stderr, "127.0.0.1:1") {
		t.Errorf("the URL goes first: %d %q", code, stderr)
	}
}

// TestHealthTellsWhy has a server that is alive and not ready, and says so in its words.
func TestHealthTellsWhy(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "not serving: it drains", http.StatusServiceUnavailable)
	}))
	defer s.Close()
	code, _, stderr := runCommand(t.Context(), "health", "--ready", "--admin", s.URL)
	if code != 1 || !strings.Contains(stderr, "answers 503: not serving: it drains") {
		t.Errorf("%d %q", code, stderr)
	}
}

// TestBackupCommand backs a running server up and restores it beside.
func TestBackupCommand(t *testing.T) {
	admin := adminServer(t, adminToken)
	run := func(args ...string) (int, string, string) { return runCommand(t.Context(), args...) }
	if code, _, stderr := run("backup", "--admin", admin); code != 1 ||
		!strings.Contains(stderr, "token") || strings.Count(stderr, "\n") != 1 {
		t.Errorf("without the token: %d %q", code, stderr)
	}
	t.Setenv("AZIRA_ADMIN_TOKEN", adminToken)
	code, stdout, stderr := run("backup", "--admin", admin, "--name", "one")
	dir := strings.TrimSpace(stdout)
	if code != 0 || filepath.Base(dir) != "one" {
		t.Fatalf("%d %q %q", code, stdout, stderr)
	}
	if code, _, stderr := run("backup", "--admin", admin, "--name", "one"); code != 1 ||
		!strings.Contains(stderr, "target exists") {
		t.Errorf("again: %d %q", code, stderr)
	}
	data := filepath.Join(t.TempDir(), "data")
	if code, stdout, stderr := run("restore", "--from", dir, "--data", data); code != 0 ||
		!strings.HasPrefix(stdout, "ok: ") {
		t.Errorf("restore: %d %q %q", code, stdout, stderr)
	}
	for _, args := range [][]string{
		{"restore", "--from", dir, "--data", data}, {"restore", "--from", data, "--data", data + "2"},
	} {
		if code, stdout, stderr := run(args...); code != 1 || stdout != "" ||
			strings.Count(stderr, "\n") != 1 {
			t.Errorf("%q: %d %q %q", args, code, stdout, stderr)
		}
	}
	for _, args := range [][]string{{"restore"}, {"backup", "x"}, {"backup", "--nane", "x"}} {
		if code, _, _ := run(args...); code != 2 {
			t.Errorf("%q: %d", args, code)
		}
	}
}
