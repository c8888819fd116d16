package server

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"azira/store"

	"go.uber.org/goleak"
)

// Each start that can't be ends in one line that says what to do, and leaves
// nothing running.
func TestStartFailures(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	inUse := start(t)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	ignore := goleak.IgnoreCurrent()
	for _, tc := range []struct {
		name   string
		change func(*Config)
		is     error
		says   string
	}{
		{"public port in use", func(c *Config) { c.Listen = taken.Addr().String() },
			errPortUsed, "another --listen"},
		{"admin port in use", func(c *Config) { c.Admin = taken.Addr().String() },
			errPortUsed, "another --admin"},
		{"address of another machine", func(c *Config) { c.Listen = "192.0.2.1:0" },
			errNoAddress, "--listen"},
		{"data directory in use", func(c *Config) { c.Data = inUse.config.Data },
			store.ErrLocked, "stop that one"},
		{"data directory is a file", func(c *Config) { c.Data = file },
			store.ErrNotDirectory, "directory"},
		{"nowhere for checkpoints", func(c *Config) { c.BackupDir = filepath.Join(file, "b") },
			errBackupDir, "another --backup-dir"},
		{"key file missing", func(c *Config) { c.JWTKeyFile = file + "x" }, errKeyFile, "can't be read"},
		{"key too short", func(c *Config) { c.JWTKeyFile = file }, errKeyFile, "at least 32"},
	} {
		c := testConfig(t)
		tc.change(&c)
		c.Logger = testLogger(&syncBuffer{})
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		err := Run(ctx, c, func(Addresses) { t.Errorf("%s: it serves", tc.name) })
		cancel()
		if !errors.Is(err, tc.is) || !strings.Contains(err.Error(), tc.says) ||
			strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
	if err := goleak.Find(ignore); err != nil {
		t.Error(err)
	}
}

func TestCorruptDatabaseIsSaid(t *testing.T) {
	s := start(t)
	s.account("ann")
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	names, _ := filepath.Glob(filepath.Join(s.config.Data, "db", "MANIFEST-*"))
	if len(names) == 0 {
		t.Fatal("no manifest")
	}
	for _, name := range names {
		if err := os.WriteFile(name, []byte("garbage garbage garbage"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := testConfig(t)
	c.Data, c.Logger = s.config.Data, testLogger(&syncBuffer{})
	err := Run(t.Context(), c, nil)
	if !errors.Is(err, store.ErrDamaged) || strings.Contains(err.Error(), "\n") {
		t.Errorf("%v", err)
	}
}

func TestNothingIsLeftRunning(t *testing.T) {
	ignore := goleak.IgnoreCurrent()
	s, f := startWithFeed(t)
	bearer := s.account("ann")
	c := s.open("/api/v1/stream", bearer)
	say(t, c, "foo|A")
	go func() { _, _, _ = c.Read(context.Background()) }() // answers the close
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	_ = c.CloseNow()
	_ = f.pub.Close()
	if err := goleak.Find(ignore); err != nil {
		t.Error(err)
	}
}

// The end is in order: not ready, no new streams, those open closed with 1012
// over the window, and Run returns nil.
func TestDrain(t *testing.T) {
	s := start(t, func(c *Config) { c.DrainWindow = 1500 * time.Millisecond })
	bearer := s.account("ann")
	var closed sync.WaitGroup
	for range 3 {
		c := s.open("/api/v1/stream", bearer)
		say(t, c, "foo|A")
		closed.Go(func() {
			if code, _ := closeOf(t, c); code != 1012 {
				t.Errorf("closed with %d", code)
			}
		})
	}
	s.cancel()
	eventually(t, "not ready", func() bool { return s.adminCall("/readyz").StatusCode == 503 })
	_, r, err := s.dial("/api/v1/stream", s.login("ann"))
	if err == nil || r == nil || r.StatusCode != 503 || r.Header.Get("Retry-After") == "" {
		t.Errorf("a new stream: %v", err)
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", s.addrs.Public); err == nil {
		t.Error("the port is still open")
	}
	closed.Wait()
}

// Accounts, sessions, tokens and last ticks are there after a restart, though
// no feed is.
func TestRestartKeepsEverything(t *testing.T) {
	s, f := startWithFeed(t)
	bearer := s.account("ann")
	f.tick("NSE:1", `{"ltp":7}`)
	f.tick("NSE/2", `{"ltp":8}`)
	s.known(bearer, "NSE:1", "NSE/2")
	before := s.last(bearer, "NSE:1")
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	c := testConfig(t)
	c.Data = s.config.Data
	s = startConfig(t, c)
	after := s.last(bearer, "NSE:1")
	if after.StatusCode != 200 || after.at("data", "ltp") != 7.0 || after.at("seq") != 0.0 ||
		after.at("ts") != before.at("ts") {
		t.Errorf("before %s after %s", before.body, after.body)
	}
	stream := s.open("/api/v1/stream", bearer)
	if got := say(t, stream, "subscribe|NSE:1,NSE/2"); got != "Subscribed to tokens: NSE:1, NSE/2" {
		t.Errorf("%q", got)
	}
}

func TestConnectionsLeaveNoDescriptors(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("counts descriptors in /proc")
	}
	s := start(t)
	bearer := s.account("ann")
	count := func() int {
		names, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(names)
	}
	before := 0
	for round := range 21 {
		for range 4 {
			c, _, err := s.dial("/api/v1/stream", bearer)
			if err == nil {
				_ = c.CloseNow()
			}
		}
		eventually(t, "no stream", func() bool { return s.streams(bearer) == 0 })
		if round == 0 {
			before = count()
		}
	}
	eventually(t, "as many descriptors as before", func() bool { return count() <= before+2 })
}

func TestUnlimitedStreams(t *testing.T) {
	s := start(t, func(c *Config) { c.StreamsPerAccount = 0 })
	bearer := s.account("ann")
	for range 10 {
		say(t, s.open("/api/v1/stream", bearer), "foo|A")
	}
	if n := s.streams(bearer); n != 10 {
		t.Errorf("%d streams", n)
	}
}

// A slot whose connection never came is free, whatever went wrong.
func TestSlotIsFreeWhenTheEngineIsGone(t *testing.T) {
	s := &server{config: testConfig(t), log: testLogger(&syncBuffer{})}
	t.Cleanup(func() { _ = s.stop() })
	addrs, err := s.start()
	if err != nil {
		t.Fatal(err)
	}
	g, err := s.auth.Register(t.Context(), "ann", goodPassword)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.engine.Stop(); err != nil {
		t.Fatal(err)
	}
	run := &running{t: t, addrs: addrs}
	for range 5 {
		if c, _, err := run.dial("/api/v1/stream", g.AccessToken); err == nil {
			_ = c.CloseNow()
		}
	}
	eventually(t, "no slot is held", func() bool { return len(s.auth.Streams("ann")) == 0 })
}
