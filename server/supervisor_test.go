package server

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestSupervisorOf(t *testing.T) {
	pid := "WATCHDOG_PID=" + strconv.Itoa(os.Getpid())
	for environ, want := range map[string]supervisor{
		"":                               {},
		"NOTIFY_SOCKET=/run/n":           {socket: "/run/n"},
		"WATCHDOG_USEC=2000000":          {watchdog: 2 * time.Second},
		"WATCHDOG_USEC=5 " + pid:         {watchdog: 5 * time.Microsecond},
		"WATCHDOG_USEC=-5":               {},
		"WATCHDOG_USEC=x":                {},
		"WATCHDOG_USEC=9" + zeros:        {},
		"WATCHDOG_USEC=5 WATCHDOG_PID=1": {},
	} {
		if got := supervisorOf(strings.Fields(environ)); got != want {
			t.Errorf("%q: %+v", environ, got)
		}
	}
}

const zeros = "000000000000000000"

// TestSupervisorHears has a server tell of its life: ready, alive, stopping.
func TestSupervisorHears(t *testing.T) {
	name := filepath.Join(t.TempDir(), "n")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	hear := func() string {
		p := make([]byte, 1024)
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
		n, err := c.Read(p)
		if err != nil {
			t.Fatal(err)
		}
		return string(p[:n])
	}
	until := func(want string) {
		for got := ""; got != want; {
			if got = hear(); got != want && got != "WATCHDOG=1" {
				t.Fatalf("%q, want %q", got, want)
			}
		}
	}
	s := start(t, func(c *Config) { c.supervisor = supervisor{name, 200 * time.Millisecond} })
	until("READY=1")
	for range 3 {
		until("WATCHDOG=1")
	}
	s.cancel()
	until("STOPPING=1\nEXTEND_TIMEOUT_USEC=15000000")
}

// TestWatchdogIsStill holds that a stuck loop sends no sign of life.
func TestWatchdogIsStill(t *testing.T) {
	name := filepath.Join(t.TempDir(), "n")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var stuck atomic.Bool
	stuck.Store(true)
	go supervisor{name, 20 * time.Millisecond}.watch(t.Context(), func(time.Duration) error {
		if stuck.Load() {
			return errors.New("stuck")
		}
		return nil
	})
	p := make([]byte, 64)
	_ = c.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	if n, err := c.Read(p); err == nil {
		t.Errorf("%q", p[:n])
	}
	stuck.Store(false)
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := c.Read(p); err != nil {
		t.Error(err)
	}
}
