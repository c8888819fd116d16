package server

import (
	"errors"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// TestShortMemory has memory run short and come back: no new streams meanwhile, and
// those there are go on.
func TestShortMemory(t *testing.T) {
	var used atomic.Int64
	s := start(t, func(c *Config) { c.memoryUsed = used.Load })
	bearer := s.account("ann")
	old := s.open("/api/v1/stream", bearer)
	used.Store(memoryLimit())
	eventually(t, "not ready", func() bool {
		r := s.adminCall("/readyz")
		return r.StatusCode == 503 && strings.Contains(string(r.body), "memory is short")
	})
	_, r, err := s.dial("/api/v1/stream", bearer)
	if err == nil || r == nil || r.StatusCode != 503 || r.Header.Get("Retry-After") == "" {
		t.Errorf("a new stream: %v", err)
	}
	if got := say(t, old, "foo|A"); got != "Unknown action: foo" {
		t.Errorf("the old stream: %q", got)
	}
	s.login("ann")
	if r := s.adminCall("/livez"); r.StatusCode != 200 {
		t.Errorf("livez: %d", r.StatusCode)
	}
	page := string(s.adminCall("/metrics").body)
	if !strings.Contains(page, "azira_connections_refused_total{reason=\"memory\"} 1\n") ||
		!strings.Contains(page, "\nazira_memory_used_bytes ") ||
		!strings.Contains(page, "\nazira_ready 0\n") {
		t.Error("not in the metrics")
	}
	if st := string(s.adminCall("/status").body); !strings.Contains(st, `"ready":false,"unready":"memory is short`) {
		t.Errorf("not in the status: %.200s", st)
	}
	used.Store(0)
	eventually(t, "ready again", func() bool { return s.adminCall("/readyz").StatusCode == 200 })
	s.open("/api/v1/stream", bearer)
	if n := strings.Count(s.log.String(), "level=ERROR"); n != 1 {
		t.Errorf("%d lines of errors", n)
	}
}

func TestLiveMemory(t *testing.T) {
	if n := liveMemory(); n < 1<<20 || n > memoryLimit() {
		t.Errorf("%d bytes", n)
	}
}

// TestMemoryLimitTooSmall holds that a GOMEMLIMIT which the rings do not fit into is told
// at the start, and that one which they do serves.
func TestMemoryLimitTooSmall(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+t.TempDir(), "GOMEMLIMIT=200MiB")
	out, err := cmd.Output()
	if err == nil || !strings.Contains(string(out), "give 16MiB or less") ||
		strings.Count(string(out), "\n") != 1 {
		t.Errorf("%v %q", err, out)
	}
	serveChild(t, t.TempDir(), "GOMEMLIMIT=600MiB")
}

// remote is a server in another process, for the calls of the harness.
func remote(t *testing.T, a Addresses) *running { return &running{t: t, addrs: a} }

// TestFewDescriptors fills a server that has few descriptors with streams: one more is
// told to come later, everything else goes on, and there is room when one ends.
func TestFewDescriptors(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the limit is this system's")
	}
	cmd, addrs := runChild(t, t.TempDir(), descriptorsEnv+"=256")
	s := remote(t, addrs)
	bearer := s.account("ann")
	var open []*websocket.Conn
	for early := 0; len(open) < 256; {
		c, r, err := s.dial("/api/v1/stream", bearer)
		if err == nil {
			t.Cleanup(func() { _ = c.CloseNow() })
			open = append(open, c)
			continue
		}
		if r == nil || r.StatusCode != 503 || r.Header.Get("Retry-After") == "" {
			t.Fatalf("after %d: %v", len(open), err)
		}
		// The stream before may still count as one being opened, too.
		if early++; early == 3 || s.adminCall("/readyz").StatusCode != 200 {
			break
		}
	}
	if len(open) < 50 || len(open) > 200 {
		t.Errorf("%d streams", len(open))
	}
	if r := s.adminCall("/readyz"); r.StatusCode != 503 ||
		!strings.Contains(string(r.body), "no file descriptors left") {
		t.Errorf("readyz: %d %s", r.StatusCode, r.body)
	}
	for _, path := range []string{"/livez", "/metrics"} {
		if r := s.adminCall(path); r.StatusCode != 200 {
			t.Errorf("%s: %d", path, r.StatusCode)
		}
	}
	s.account("bob") // the database has its own
	if got := say(t, open[0], "foo|A"); got != "Unknown action: foo" {
		t.Errorf("%q", got)
	}
	_ = open[1].CloseNow()
	eventually(t, "ready", func() bool { return s.adminCall("/readyz").StatusCode == 200 })
	s.open("/api/v1/stream", bearer)
	if log := cmd.Stderr.(*syncBuffer).String(); strings.Contains(log, "too many open files") {
		t.Errorf("log:\n%s", log)
	}
	endChild(t, cmd)
}

func endChild(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	_ = cmd.Process.Signal(syscall.SIGTERM)
	if err := cmd.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v\n%s", err, cmd.Stderr)
	}
}

// TestNoDescriptorForAStream takes the descriptors away until a connection still gets one
// and the stream on it none: that is 503, and passes.
func TestNoDescriptorForAStream(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("counts descriptors in /proc")
	}
	cmd, addr := serveChild(t, t.TempDir(), starveEnv+"=8")
	s := remote(t, Addresses{Public: addr})
	bearer := s.account("ann")
	var idle []net.Conn
	told := false
	for !told && len(idle) < 16 {
		c, r, err := s.dial("/api/v1/stream", bearer)
		switch {
		case err == nil:
			_ = c.CloseNow()
		case r != nil && r.StatusCode == 503 && r.Header.Get("Retry-After") != "":
			told = true
		default:
			t.Fatalf("with %d idle: %v", len(idle), err)
		}
		n, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		idle = append(idle, n)
		time.Sleep(50 * time.Millisecond) // the stream has ended, this one was accepted
	}
	if !told {
		t.Error("never told to come later")
	}
	for _, c := range idle {
		c.Close()
	}
	eventually(t, "there is room", func() bool { return s.refused("/api/v1/stream", bearer) == 0 })
	s.login("ann")
	endChild(t, cmd)
}

func TestBudgetTrouble(t *testing.T) {
	n := 6
	b := newBudget(fdReserve+8+2*fdPerLoop, 2, func() int { return n }, &pressure{})
	if why := b.trouble(); why != "" {
		t.Error(why)
	}
	n = 7
	if why := b.trouble(); !strings.Contains(why, "7 streams of at most 7") {
		t.Errorf("%q", why)
	}
	n = 0
	for err, want := range map[error]bool{
		syscall.EMFILE: true, &net.OpError{Err: os.NewSyscallError("accept", syscall.ENFILE)}: true,
		errors.New("other"): false, nil: false,
	} {
		if b.missed(err) != want {
			t.Errorf("%v", err)
		}
	}
	if why := b.trouble(); why != "the system has no file descriptors left" {
		t.Errorf("%q", why)
	}
	b.shortAt.Add(-int64(shortageCalm))
	if why := b.trouble(); why != "" {
		t.Errorf("%q", why)
	}
}

// TestStuckLoop holds that livez alone is about a stuck loop, and says when it is over.
func TestStuckLoop(t *testing.T) {
	var log syncBuffer
	stuck := errors.New("loop 1 is stuck")
	a := &admin{log: testLogger(&log), responsive: func(time.Duration) error { return stuck }}
	get := func() (int, string) {
		w := httptest.NewRecorder()
		a.live(w, nil)
		return w.Code, w.Body.String()
	}
	for range 2 {
		if code, body := get(); code != 503 || !strings.Contains(body, "loop 1") {
			t.Errorf("%d %q", code, body)
		}
	}
	stuck = nil
	if code, _ := get(); code != 200 || strings.Count(log.String(), "not live") != 1 ||
		strings.Count(log.String(), "live again") != 1 {
		t.Errorf("%d\n%s", code, log.String())
	}
}
