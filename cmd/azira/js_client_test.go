package main

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"azira/internal/invariant"
)

const jsClient = "../../client/js"

// jsSuiteTimeout bounds the tests of client/js, which take some 50 s.
const jsSuiteTimeout = 3 * time.Minute

// TestJSClient runs the JavaScript client's own tests, in Node and, where there is one,
// in Chromium, also against azira serve and azira feed as built here.
func TestJSClient(t *testing.T) {
	if invariant.Enabled {
		t.Skip("the race detector has nothing to see in it")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("there is no node in PATH")
	}
	if err := exec.Command(node, "--experimental-websocket", "--test", "--version").Run(); err != nil {
		t.Skip("this node is older than 20.10")
	}
	t.Parallel()
	bin := buildAzira(t)
	readAll(t, jsClient)
	runNodeTests(t, node, jsClient, bin, jsSuiteTimeout)
}

// runNodeTests runs test/*.test.js of a directory and says what they skip and how many pass.
func runNodeTests(t *testing.T, node, dir, bin string, within time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c",
		"exec "+node+" --experimental-websocket --test --test-concurrency=3 test/*.test.js")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "AZIRA_BIN="+bin)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 20 * time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "# SKIP") || strings.HasPrefix(line, "# pass") ||
			strings.HasPrefix(line, "# fail") {
			t.Log(strings.TrimSpace(line))
		}
	}
}
