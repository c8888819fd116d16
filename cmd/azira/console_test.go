package main

import (
	"os/exec"
	"testing"
	"time"

	"azira/internal/invariant"
)

const console = "../../web"

// consoleSuiteTimeout bounds the tests of web, which take 35 s on two cores that others
// use as well.
const consoleSuiteTimeout = 2 * time.Minute

// TestConsole lets a real Chromium use the console of azira serve, with ticks of azira
// feed, both as built here. The browser is driven by Node.
func TestConsole(t *testing.T) {
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
	readAll(t, console)
	readAll(t, jsClient)
	runNodeTests(t, node, console, bin, consoleSuiteTimeout)
}
