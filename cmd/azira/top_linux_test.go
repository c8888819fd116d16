package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// openPTY returns both ends of a terminal of 120 by 30.
func openPTY(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no terminals here:", err)
	}
	t.Cleanup(func() { master.Close() })
	fd := int(master.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Skip("unlock terminal:", err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Skip("name terminal:", err)
	}
	slave, err = os.OpenFile(fmt.Sprint("/dev/pts/", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("open terminal:", err)
	}
	t.Cleanup(func() { slave.Close() })
	size := &unix.Winsize{Row: 30, Col: 120}
	if err := unix.IoctlSetWinsize(int(slave.Fd()), unix.TIOCSWINSZ, size); err != nil {
		t.Skip("size terminal:", err)
	}
	return master, slave
}

// On a terminal it draws over itself within the screen, ends with q or Ctrl-C, and
// leaves the terminal as it was.
func TestTopOnATerminal(t *testing.T) {
	admin := topServer(t, "")
	for _, key := range []string{"q", "\x03"} {
		master, slave := openPTY(t)
		before, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
		if err != nil {
			t.Fatal(err)
		}
		c := topConfig{admin: adminFlags{url: admin}, every: 10 * time.Millisecond}
		done := make(chan error, 1)
		go func() { done <- c.run(t.Context(), newTerminal(slave, slave, io.Discard)) }()
		var seen bytes.Buffer
		p := make([]byte, 32<<10)
		for pressed := false; !strings.Contains(seen.String(), "\x1b[?1049l"); {
			n, err := master.Read(p)
			seen.Write(p[:n])
			if err != nil {
				t.Fatalf("%v after %q", err, seen.String())
			}
			if !pressed && strings.Count(seen.String(), "\x1b[H") >= 3 {
				pressed = true
				if _, err := master.WriteString("x" + key); err != nil {
					t.Fatal(err)
				}
			}
		}
		select {
		case err = <-done:
		case <-time.After(10 * time.Second):
			t.Fatal("it does not end")
		}
		after, _ := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
		if err != nil || *after != *before {
			t.Errorf("%v, the terminal is %v, was %v", err, after, before)
		}
		for _, look := range strings.Split(seen.String(), "\x1b[H")[1:] {
			if n := strings.Count(look, "\n"); n > 29 {
				t.Errorf("%d lines on a screen of 30", n+1)
			}
		}
		if !strings.Contains(seen.String(), "tokens 1 ") {
			t.Errorf("%q", seen.String())
		}
	}
}
