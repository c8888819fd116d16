package main

import (
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"azira/internal/invariant"
)

const pythonClient = "../../client/python"

// pythonSuiteTimeout bounds the tests of client/python, which take some 15 s.
const pythonSuiteTimeout = 2 * time.Minute

// TestPythonClient runs the Python client's own tests, also against azira serve
// and azira feed as built here. It is skipped where interop.py is.
func TestPythonClient(t *testing.T) {
	if invariant.Enabled {
		t.Skip("the race detector has nothing to see in it")
	}
	interpreter := python(t)
	t.Parallel()
	bin := buildAzira(t)
	readAll(t, pythonClient)
	ctx, cancel := context.WithTimeout(t.Context(), pythonSuiteTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, interpreter, "-B", "-m", "unittest", "discover", "-v",
		"-s", filepath.Join(pythonClient, "tests"))
	cmd.Env = append(os.Environ(), "AZIRA_BIN="+bin)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it stops what it started
	cmd.WaitDelay = 20 * time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "skipped") || strings.HasPrefix(line, "Ran ") {
			t.Log(strings.TrimSpace(line))
		}
	}
}

// buildAzira builds the program under test, unless AZIRA_BIN names one.
func buildAzira(t *testing.T) (bin string) {
	if bin := os.Getenv("AZIRA_BIN"); bin != "" {
		return bin
	}
	bin = filepath.Join(t.TempDir(), "azira")
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return bin
}

// readAll reads a directory's files, so that go test knows that its result
// depends on them and does not take an old one.
func readAll(t *testing.T, dir string) {
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		_, err = os.ReadFile(name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
