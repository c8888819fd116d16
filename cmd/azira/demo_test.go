package main

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func demoOn(t *testing.T) demoConfig {
	return demoConfig{listen: "127.0.0.1:0", admin: "127.0.0.1:0", pub: "tcp://127.0.0.1:0",
		control: "tcp://127.0.0.1:0", data: filepath.Join(t.TempDir(), "data"),
		tokens: []string{"NSE:1", "NSE:2"}, rate: 200}
}

// startDemo runs it until the test ends it.
func startDemo(t *testing.T, c demoConfig) (out, errs *output, stop func() error) {
	out, errs = &output{}, &output{}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.run(ctx, newTerminal(strings.NewReader(""), out, errs)) }()
	stop = func() error {
		cancel()
		select {
		case err := <-done:
			done <- err
			return err
		case <-time.After(10 * time.Second):
			t.Fatal("still running 10 s after the interrupt")
		}
		return nil
	}
	t.Cleanup(func() { stop() })
	return out, errs, stop
}

func awaitOutput(t *testing.T, out, errs *output, form string) []string {
	t.Helper()
	re := regexp.MustCompile(form)
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if m := re.FindStringSubmatch(out.String()); m != nil {
			return m
		}
		if time.Now().After(end) {
			t.Fatalf("no %s within 10 s:\n%s%s", form, out.String(), errs.String())
		}
	}
}

// The whole path: the demo's table moves, the line it prints works in a second
// process, it ends in order, and comes up again on the same data.
func TestDemo(t *testing.T) {
	t.Setenv("AZIRA_SERVER", "")
	t.Setenv("AZIRA_PASSWORD", "")
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	c := demoOn(t)
	for run := range 2 {
		out, errs, stop := startDemo(t, c)
		awaitOutput(t, out, errs, `NSE:2 +\d+\.\d\d [▲▼ ] [+-]`)
		line := awaitOutput(t, out, errs, `client (watch NSE:1,NSE:2 --server \S+ --user demo .*)\n`)
		ticks, _, err := runWith(t, t.Context(), "", append(strings.Fields(line[1]), "--count=5")...)
		if err != nil || strings.Count(ticks, " ltp ") != 5 {
			t.Fatalf("run %d: %v\n%s", run, err, ticks)
		}
		awaitOutput(t, out, errs, `1 stream   ticks in [\d,]+ \([\d,]+/s\)   frames out [\d,]+`)
		if err := stop(); err != nil {
			t.Fatalf("run %d: %v\n%s", run, err, errs.String())
		}
	}
	info, err := os.Stat(filepath.Join(c.data, "demo-password"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("password file: %v %v", info, err)
	}
}

// When the password file is lost, the demo takes another name.
func TestDemoPasswordLost(t *testing.T) {
	t.Parallel()
	c := demoOn(t)
	out, errs, stop := startDemo(t, c)
	awaitOutput(t, out, errs, `--user demo `)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(c.data, "demo-password")); err != nil {
		t.Fatal(err)
	}
	out, errs, stop = startDemo(t, c)
	awaitOutput(t, out, errs, `--user demo-[a-z0-9]{6} `)
	awaitOutput(t, out, errs, `NSE:1 +\d`)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
}

func TestDemoPortInUse(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	taken := ln.Addr().String()
	for flag, set := range map[string]func(*demoConfig){
		"--listen":  func(c *demoConfig) { c.listen = taken },
		"--admin":   func(c *demoConfig) { c.admin = taken },
		"--pub":     func(c *demoConfig) { c.pub = "tcp://" + taken },
		"--control": func(c *demoConfig) { c.control = "tcp://" + taken },
	} {
		c := demoOn(t)
		set(&c)
		_, _, stop := startDemo(t, c)
		err := stop()
		if err == nil || !strings.HasSuffix(err.Error(), "give another "+flag) ||
			!strings.Contains(err.Error(), taken) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", flag, err)
		}
	}
}

func TestDemoDataUnusable(t *testing.T) {
	c := demoOn(t)
	if err := os.WriteFile(c.data, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	out, errs := &output{}, &output{}
	err := c.run(t.Context(), newTerminal(strings.NewReader(""), out, errs))
	if err == nil || !strings.Contains(err.Error(), c.data) {
		t.Fatalf("err = %v", err)
	}
}

func TestDemoFlags(t *testing.T) {
	wants2 := func(args ...string) {
		t.Helper()
		err := runDemo(t.Context(), args, &output{}, &output{})
		if exitCode("demo", err, &output{}) != 2 {
			t.Errorf("%q: %v", args, err)
		}
	}
	for _, bad := range [][]string{{"--rate", "0"}, {"--tokens", "A,,B"}, {"--nosuch"}, {"word"},
		{"--listen", "8000"}, {"--admin", "localhost"}, {"--data", ""}, {"--pub", "udp://x:1"}} {
		wants2(bad...)
	}
	t.Setenv("AZIRA_LISTEN", "127.0.0.1")
	wants2()
}

func TestQuote(t *testing.T) {
	for in, want := range map[string]string{
		"NSE:1,NSE:2": "NSE:1,NSE:2", "": "''", "a b": "'a b'", "it's": `'it'\''s'`, "$(x)": "'$(x)'",
	} {
		if got := quote(in); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}
