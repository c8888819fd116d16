package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"azira/server"
)

// runCommand is what a shell would see of a command: status, output, errors.
func runCommand(ctx context.Context, args ...string) (int, string, string) {
	var stdout, stderr bytes.Buffer
	code := dispatch(ctx, args, &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

func TestServeReadyLineAndOrderlyEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	rd, wr := io.Pipe()
	var stderr bytes.Buffer
	code := make(chan int, 1)
	go func() {
		code <- dispatch(ctx, []string{"serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0",
			"--feed", "", "--data", t.TempDir(), "--drain-window", "0s", "--log-level", "error"},
			wr, &stderr)
		wr.Close()
	}()
	p := make([]byte, 1024)
	n, err := rd.Read(p)
	if err != nil {
		t.Fatalf("no ready line: %v %s", err, stderr.String())
	}
	words := strings.Fields(string(p[:n]))
	if len(words) != 5 || words[0] != "azira" || words[1] != "ready:" || words[3] != "admin" {
		t.Fatalf("ready line %q", p[:n])
	}
	for _, url := range []string{words[2] + "/healthcheck", words[4] + "/readyz"} {
		r, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if r.StatusCode != 200 {
			t.Errorf("%s: %d", url, r.StatusCode)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	cancel()
	select {
	case got := <-code:
		if got != 0 {
			t.Errorf("exit status %d: %s", got, stderr.String())
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it does not end")
	}
}

func TestServeRefuses(t *testing.T) {
	for _, tc := range []struct {
		code int
		says string
		args []string
	}{
		{2, "did you mean --listen?", []string{"--listn", "x"}},
		{2, "expected host:port", []string{"--listen", "x"}},
		{2, "can't be read", []string{"--config", "/nowhere/azira.toml"}},
		{1, "is a file", []string{"--data", "serve_test.go", "--listen", "127.0.0.1:0"}},
		{1, "can't be created", []string{"--data", strings.Repeat("x", 300)}},
	} {
		code, stdout, stderr := runCommand(t.Context(), append([]string{"serve"}, tc.args...)...)
		if code != tc.code || stdout != "" || !strings.Contains(stderr, tc.says) ||
			strings.Count(stderr, "\n") != 1 {
			t.Errorf("%q: %d %q %q", tc.args, code, stdout, stderr)
		}
	}
}

func TestServeHelp(t *testing.T) {
	code, stdout, stderr := runCommand(t.Context(), "serve", "--help")
	if code != 0 || stderr != "" || !strings.Contains(stdout, "--streams-per-account N") {
		t.Errorf("%d %q %q", code, stdout, stderr)
	}
}

func TestCheckConfig(t *testing.T) {
	name := filepath.Join(t.TempDir(), "azira.toml")
	check := func(text string) (int, string, string) {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return runCommand(t.Context(), "checkconfig", name)
	}
	if code, stdout, stderr := check("loops = 2\n"); code != 0 || stdout != "ok\n" || stderr != "" {
		t.Errorf("good: %d %q %q", code, stdout, stderr)
	}
	code, stdout, _ := check("loops = 2\nlisten = 7\nstreem = 1\n")
	want := name + ":2: listen: expected a string, as in \"…\"\n" + name + ":3: streem: unknown key\n"
	if code != 1 || stdout != want {
		t.Errorf("bad: %d %q, want %q", code, stdout, want)
	}
	code, stdout, _ = runCommand(t.Context(), "checkconfig", "--example")
	if code != 0 || !strings.Contains(stdout, "#listen = \"127.0.0.1:8000\"\n") {
		t.Errorf("example: %d %q", code, stdout)
	}
	if code, _, _ := runCommand(t.Context(), "checkconfig"); code != 2 {
		t.Errorf("no file: %d", code)
	}
	code, stdout, stderr := runCommand(t.Context(), "checkconfig", "/nowhere.toml")
	want = "azira checkconfig: the file can't be read: /nowhere.toml: no such file or directory\n"
	if code != 1 || stdout != "" || stderr != want {
		t.Errorf("missing: %d %q %q", code, stdout, stderr)
	}
}

func TestVersion(t *testing.T) {
	code, stdout, _ := runCommand(t.Context(), "version")
	if code != 0 || !strings.HasPrefix(stdout, "azira ") || !strings.Contains(stdout, " go1.") {
		t.Errorf("%d %q", code, stdout)
	}
	var b server.Build
	code, stdout, _ = runCommand(t.Context(), "version", "--json")
	if err := json.Unmarshal([]byte(stdout), &b); code != 0 || err != nil || b != server.BuildInfo() {
		t.Errorf("%d %q %v", code, stdout, err)
	}
	if code, _, _ := runCommand(t.Context(), "version", "now"); code != 2 {
		t.Errorf("arguments: %d", code)
	}
}
