package main

import (
	"bufio"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// TestServeWithoutLog has whoever reads the log of a server go away, and somebody ask it to
// read its settings again: it serves on, and ends in order.
func TestServeWithoutLog(t *testing.T) {
	if data := os.Getenv("AZIRA_TEST_SERVE"); data != "" {
		os.Unsetenv("AZIRA_TEST_SERVE")
		os.Args = []string{"azira", "serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0",
			"--data", data, "--drain-window", "0s", "--admin-token", "0123456789abcdef"}
		main()
	}
	cmd := exec.Command(os.Args[0], "-test.run", "TestServeWithoutLog$")
	cmd.Env = append(os.Environ(), "AZIRA_TEST_SERVE="+t.TempDir())
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "azira ready: http://") {
		t.Fatalf("%q, %v", line, err)
	}
	stderr.Close()
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	words := strings.Fields(line)
	for range 20 { // each is a line of the log
		r, err := http.NewRequest("GET", words[4]+"/livez", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer wrong")
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
}
