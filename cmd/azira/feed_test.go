package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"azira/feed"
)

func TestFeedUsage(t *testing.T) {
	for _, c := range []struct {
		args, env string // env: NAME=VALUE
		want      string
	}{
		{"--rate 0", "", "--rate 0"},
		{"--rate 1000001", "", "rate 1000001, expected 1 to 1000000"},
		{"--rate x", "", "rate"},
		{"--tokens A,,B", "", "token name is empty"},
		{"--tokens 0", "", "0 tokens"},
		{"--tokens A|B", "", `"A|B"`},
		{"--loop", "", "--loop without --replay"},
		{"--speed 0", "", "--speed 0"},
		{"--pub 5556", "", `"5556"`},
		{"--bogus", "", "bogus"},
		{"surplus", "", `unexpected "surplus"`},
		{"", "AZIRA_RATE=x", `AZIRA_RATE="x"`},
		{"record", "", "--out FILE is missing"},
		{"record --out f --from nowhere", "", `"nowhere"`},
		{"record --out f --duration -1s", "", "--duration"},
		{"record --out f --count x", "", "count"},
	} {
		t.Run(c.args+c.env, func(t *testing.T) {
			t.Chdir(t.TempDir())
			if name, value, set := strings.Cut(c.env, "="); set {
				t.Setenv(name, value)
			}
			var out bytes.Buffer
			err := runFeed(t.Context(), strings.Fields(c.args), &out, &out)
			if !errors.Is(err, errUsage) || !strings.Contains(err.Error(), c.want) ||
				strings.Contains(err.Error(), "\n") || out.Len() > 0 {
				t.Errorf("%v, printed %q", err, &out)
			}
			if left, _ := os.ReadDir("."); len(left) > 0 {
				t.Errorf("left %v behind", left)
			}
		})
	}
}

func TestFeedHelp(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"record", "-h"}} {
		var out bytes.Buffer
		err := runFeed(t.Context(), args, &out, io.Discard)
		if !errors.Is(err, flag.ErrHelp) || !strings.Contains(out.String(), "AZIRA_") {
			t.Errorf("%q: %v, %s", args, err, &out)
		}
	}
}

// TestFeedRecordAndReplay runs the three commands against one another, with the
// rate from the environment and the endpoints from flags, which win.
func TestFeedRecordAndReplay(t *testing.T) {
	t.Setenv("AZIRA_RATE", "5000")
	t.Setenv("AZIRA_PUB", "tcp://127.0.0.1:1")
	file := filepath.Join(t.TempDir(), "recording")
	bind := []string{"--pub", "tcp://127.0.0.1:0", "--control", "tcp://127.0.0.1:0"}
	pub, stop := readyFeed(t, append(bind, "--tokens", "A,B"))
	var out bytes.Buffer
	args := []string{"record", "--from", pub, "--out", file, "--count", "50"}
	if err := runFeed(t.Context(), args, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "50 ticks") {
		t.Errorf("record printed %q", &out)
	}
	stop()
	pub, stop = readyFeed(t, append(bind, "--replay", file, "--loop", "--speed", "2"))
	defer stop()
	ctx, cancel := context.WithCancel(t.Context())
	if err := feed.NewSubscriber(pub, firstTick{cancel}, feed.SubscriberOptions{}).Run(ctx); err != nil {
		t.Error(err)
	}
}

// A firstTick is a feed.Sink that ends its subscriber.
type firstTick struct{ stop func() }

func (f firstTick) Tick(_, _ []byte, _ int64) { f.stop() }
func (f firstTick) Flush()                    {}

// readyFeed starts `azira feed` and returns where it publishes, from its ready line.
func readyFeed(t *testing.T, args []string) (pub string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, stdout := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := runFeed(ctx, args, stdout, io.Discard)
		stdout.CloseWithError(io.EOF)
		ended <- err
	}()
	line := make([]byte, 1000)
	n, err := out.Read(line)
	_, rest, found := strings.Cut(string(line[:n]), "azira feed: ready, pub ")
	if !found {
		t.Fatalf("printed %q, %v", line[:n], err)
	}
	pub, _, _ = strings.Cut(rest, ",")
	return pub, func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("azira feed: %v", err)
		}
	}
}
