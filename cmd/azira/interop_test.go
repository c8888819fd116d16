package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// The tests in this file have another language's client go the original's whole
// way: Python, with libzmq (Debian's python3-zmq) and a WebSocket client of its
// own (python3-websockets). They are skipped where these are not.

const scenarioTimeout = time.Minute

func TestInterop(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][]string{
		"whole": {"subscribed", "ticks without holes", "unsubscribed",
			"the publisher's bytes, unchanged", "fragments, ping, unknown action", "closed"},
		"refusals": {"credentials", "unknown token: 1008", "three and no more",
			"a place was freed"},
		"restart": {"two endpoints", "one of them, while the other is gone", "both again"},
	} {
		t.Run(name, func(t *testing.T) { scenario(t, want, name) })
	}
}

func TestInteropControl(t *testing.T) {
	python(t)
	out, errs := &output{}, &output{}
	ended := make(chan error, 1)
	go func() {
		ended <- runFeed(t.Context(), []string{"--pub", "tcp://127.0.0.1:0",
			"--control", "tcp://127.0.0.1:0", "--tokens", "OLD:1", "--rate", "200"}, out, errs)
	}()
	at := awaitOutput(t, out, errs, `ready, pub (\S+), control (\S+),`)
	scenario(t, []string{"a token added, seen on the bus", "and in the stream",
		"bad requests answered", "terminated"}, "control", at[1], at[2])
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("azira feed ended with %v", err)
		}
	case <-time.After(scenarioTimeout):
		t.Error("azira feed goes on after terminate")
	}
}

// scenario runs one of interop.py against a server of its own, and wants lines.
func scenario(t *testing.T, want []string, args ...string) {
	ctx, cancel := context.WithTimeout(t.Context(), scenarioTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, python(t), append([]string{"-B", "testdata/interop.py"}, args...)...)
	var errs strings.Builder
	cmd.Stderr = &errs
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	lines.Scan()
	feed, ok := strings.CutPrefix(lines.Text(), "feed ")
	if ok {
		fmt.Fprintln(in, serveOn(t, feed))
	}
	var got []string
	for lines.Scan() {
		got = append(got, lines.Text())
	}
	if err := cmd.Wait(); err != nil || !slices.Equal(got, want) {
		t.Errorf("%v; it saw %q, want %q\n%s", err, got, want, &errs)
	}
}

// serveOn runs azira serve on free ports until the test ends and returns its URL.
func serveOn(t *testing.T, feed string) string {
	t.Helper()
	out, errs := &output{}, &output{}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- runServe(ctx, []string{"--listen", "127.0.0.1:0", "--admin", "off", "--feed", feed,
			"--data", t.TempDir(), "--drain-window", "0s", "--ring-bytes", "4MiB"}, out, errs)
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("azira serve ended with %v", err)
		}
	})
	return awaitOutput(t, out, errs, `ready: (http://\S+)`)[1]
}

// python is an interpreter with all that interop.py needs.
func python(t *testing.T) string {
	t.Helper()
	for _, p := range []string{"/usr/bin/python3", "python3"} {
		cmd := exec.Command(p, "-c", "import websockets, zmq")
		cmd.Stderr = io.Discard
		if cmd.Run() == nil {
			return p
		}
	}
	t.Skip("SKIPPED: no python3 with zmq and websockets" +
		" (Debian: apt install python3-zmq python3-websockets)")
	return ""
}
