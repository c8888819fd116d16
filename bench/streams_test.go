package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// programDir is where the program lies that users run, made once for all tests.
var programDir = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "azira-bench-test-")
	if err != nil {
		return "", err
	}
	madeDir = dir
	out, err := exec.Command("go", "build", "-o", dir, "azira/cmd/azira").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("build: %w\n%s", err, out)
	}
	return dir, err
})

var madeDir string // by programDir, if it was asked

func TestMain(m *testing.M) {
	code := m.Run()
	if madeDir != "" {
		_ = os.RemoveAll(madeDir)
	}
	os.Exit(code)
}

func build(t *testing.T) string {
	t.Helper()
	dir, err := programDir()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "azira")
}

// benchCommand is a run of the program in a directory for temporary files of its own.
func benchCommand(t *testing.T, program string, args ...string) (
	cmd *exec.Cmd, stdout, stderr *bytes.Buffer, temp string) {
	temp, stdout, stderr = t.TempDir(), &bytes.Buffer{}, &bytes.Buffer{}
	cmd = exec.Command(program, append([]string{"bench", "streams"}, args...)...)
	cmd.Env = append(os.Environ(), "TMPDIR="+temp, "AZIRA_LISTEN=nonsense")
	cmd.Stdout, cmd.Stderr = stdout, stderr
	return cmd, stdout, stderr, temp
}

func checkEmpty(t *testing.T, dir string) {
	t.Helper()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left in the temporary directory: %v %v", left, err)
	}
}

func TestStreams(t *testing.T) {
	t.Parallel()
	program := build(t)
	t.Run("report", func(t *testing.T) { t.Parallel(); testReport(t, program) })
	t.Run("interrupt", func(t *testing.T) { t.Parallel(); testInterrupt(t, program) })
	t.Run("flags", func(t *testing.T) { t.Parallel(); testFlags(t, program) })
}

// The report has its shape, and the figures that no machine's speed changes.
func testReport(t *testing.T, program string) {
	cmd, stdout, stderr, temp := benchCommand(t, program,
		"--streams", "50", "--seconds", "1", "--rate", "2000", "--universe", "40", "--json")
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	checkEmpty(t, temp)
	var r StreamsReport
	if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
		t.Fatalf("%v\n%s", err, stdout)
	}
	e, d := r.Encoding, r.Delivery
	const rate = 2000
	const ticks = rate * (1 + moreTimes)
	if e.TicksIn != ticks || e.EncodedPerTick != 1 || e.FramesEncoded != ticks {
		t.Errorf("encoding: %+v", e)
	}
	// 50 streams hold 20 of 40 tokens each.
	if e.OutPerTick < 20 || e.OutPerTick > 30 || e.FramesOut != float64(d.Due) ||
		d.Received != d.Due || d.Dropped != 0 || d.Missing+d.Faults.Missing+d.Faults.wrong() != 0 {
		t.Errorf("delivery: %+v %+v", e, d)
	}
	m := r.Memory
	if len(m.Points) != sizes || m.Points[0].Streams != 12 || m.Points[3].Streams != 50 {
		t.Fatalf("memory: %+v", m)
	}
	for _, p := range append(m.Points, m.AfterTicks) {
		if p.Objects <= 0 || p.Heap < p.Objects || p.User < p.Heap+p.Stacks || p.Stacks <= 0 {
			t.Errorf("memory: %+v", p)
		}
	}
	a := r.Allocations
	if len(a.Idle) != 2 || len(a.Busy) != 2 || a.Busy[0] <= 0 ||
		!slices.Equal(a.Ticks, []float64{rate, rate * moreTimes}) || a.PerTick > 0.8 {
		t.Errorf("allocations: %+v", a)
	}
	if r.Scenario != "streams" || r.Machine.Cores < 1 || r.Machine.CPU == "" ||
		!strings.HasPrefix(r.Command, "azira bench streams --streams 50 ") ||
		time.Since(r.Date) > time.Hour {
		t.Errorf("head: %+v", r.Head)
	}
	var text bytes.Buffer
	if err := Write(&text, &r, false); err != nil ||
		!strings.Contains(text.String(), "\nencoded per tick              1.0000  ") {
		t.Errorf("table: %v\n%s", err, text.String())
	}
}

// An interrupt ends the run, its server too, and leaves no file behind.
func testInterrupt(t *testing.T, program string) {
	cmd, _, stderr, temp := benchCommand(t, program, "--streams", "20", "--seconds", "600")
	cmd.Stderr = nil
	log, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	kill := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	defer kill.Stop()
	buf := make([]byte, 1<<10)
	for interrupted := false; ; {
		n, err := log.Read(buf)
		stderr.Write(buf[:n])
		if err != nil {
			break
		}
		if !interrupted && strings.Contains(stderr.String(), "without ticks") {
			interrupted = true
			_ = cmd.Process.Signal(syscall.SIGINT) // seen below if it fails
		}
	}
	if cmd.Wait() == nil || !strings.HasSuffix(stderr.String(), "azira bench: interrupted\n") {
		t.Errorf("stderr: %s", stderr)
	}
	checkEmpty(t, temp)
}

func testFlags(t *testing.T, program string) {
	for flags, want := range map[string]string{
		"--streams 3":              "--streams 3: expected 4 to 1000000",
		"--streams 1000000":        "file descriptors",
		"--tokens 0":               "--tokens 0: expected 1 to 3000",
		"--tokens 10 --universe 9": "--tokens 10 out of --universe 9",
		"--rate 0":                 "--rate 0: expected 1 to 1000000",
		"--seconds 0.5":            "--seconds 0.5: expected 1 to 600",
		"--seconds NaN":            "--seconds NaN: expected 1 to 600",
		"--bogus":                  "-bogus",
		"rest":                     `unexpected "rest"`,
	} {
		cmd, stdout, stderr, _ := benchCommand(t, program, strings.Fields(flags)...)
		if err := cmd.Run(); err == nil || stdout.Len() > 0 ||
			!strings.Contains(stderr.String(), want) || strings.Count(stderr.String(), "\n") != 1 {
			t.Errorf("%s: %v\n%s%s", flags, err, stdout, stderr)
		}
	}
}

// A server that does not start, or ends too early, is shown with its log.
func TestServerFailure(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	for script, want := range map[string]error{
		"echo not today >&2; exit 3": errStart,
		"echo not today >&2; echo azira ready: http://127.0.0.1:1 admin http://127.0.0.1:1; " +
			"sleep 0.3; exit 3": errEnded,
	} {
		temp := t.TempDir()
		t.Setenv("TMPDIR", temp)
		file := filepath.Join(t.TempDir(), "azira")
		if err := os.WriteFile(file, []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		s, err := startServer(t.Context(), aziraKind(file, "tcp://127.0.0.1:1"), func(err error) { ended <- err })
		if err == nil {
			err = <-ended
			if stop := s.stop(); stop != nil {
				t.Error(stop)
			}
		}
		if !errors.Is(err, want) || !strings.HasSuffix(err.Error(), "log of the server:\n  not today") {
			t.Errorf("%s: %v", script, err)
		}
		checkEmpty(t, temp)
	}
}

func TestRunStopsWhenAsked(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	file := filepath.Join(t.TempDir(), "azira")
	if err := os.WriteFile(file, []byte("#!/bin/sh\nexec sleep 60\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := RunStreams(ctx, StreamsConfig{Streams: 4, Tokens: 1, Universe: 1, Rate: 1,
		Seconds: 1, Executable: file, Progress: &bytes.Buffer{}})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
