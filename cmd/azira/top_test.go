package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"azira/feed"
	"azira/server"
)

// A topServer is a real server with a feed that ticks until the test ends.
func topServer(t *testing.T, token string) (admin string) {
	t.Helper()
	pub, err := feed.ListenPublisher("tcp://127.0.0.1:0", feed.PublisherOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c := server.Defaults()
	c.Listen, c.Admin, c.Data, c.AdminToken = "127.0.0.1:0", "127.0.0.1:0", t.TempDir(), token
	c.Feed, c.Loops, c.RingBytes, c.DrainWindow = []string{pub.Endpoint()}, 2, 4<<20, 0
	c.LogTo = &bytes.Buffer{}
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan string, 1), make(chan error, 2)
	go func() {
		ended <- server.Run(ctx, c, func(a server.Addresses) { ready <- "http://" + a.Admin })
	}()
	go func() {
		for ctx.Err() == nil {
			pub.Publish([]byte("NSE:1\x1b[2J"), []byte(`{"ltp":1}`)) // no token: it is dropped
			pub.Publish([]byte("NSE:1"), []byte(`{"ltp":1}`))
			pub.Flush()
			time.Sleep(5 * time.Millisecond)
		}
		ended <- pub.Close()
	}()
	t.Cleanup(func() {
		cancel()
		for range 2 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	})
	select {
	case admin = <-ready:
	case err := <-ended:
		t.Fatal(err)
	}
	port, err := newAdminPort(admin, token)
	if err != nil {
		t.Fatal(err)
	}
	defer port.close()
	for { // until the feed is connected
		st, err := look(t.Context(), port)
		if err != nil {
			t.Fatal(err)
		}
		if st.Ticks.In > 0 {
			return admin
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestTopOnce(t *testing.T) {
	const token = "0123456789abcdef"
	admin := topServer(t, token)
	t.Setenv("AZIRA_ADMIN_TOKEN", token)
	code, stdout, stderr := runCommand(t.Context(), "top", "--once", "--admin", admin)
	if code != 0 || stderr != "" {
		t.Fatalf("%d %s %s", code, stdout, stderr)
	}
	for _, want := range []string{"azira top  " + admin, "ready  feed live", "\nstreams  0 of ",
		"\nLOOP ", "\nFEED ", "connected", "\nTOKEN ", "\nNSE:1 ", "goroutines"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("lacks %q:\n%s", want, stdout)
		}
	}
	if strings.Contains(stdout, "\x1b") || strings.Contains(stdout, token) {
		t.Errorf("%q", stdout)
	}
	// A bare address will do.
	code, stdout, _ = runCommand(t.Context(), "top", "--once", "--json", "--admin",
		strings.TrimPrefix(admin, "http://"))
	var r topReport
	if err := json.Unmarshal([]byte(stdout), &r); code != 0 || err != nil || r.Rates == nil ||
		r.Rates.TicksIn <= 0 || r.Ticks.Tokens != 1 || len(r.Rates.Busy) != 2 ||
		r.Rates.Fanout.P99 <= 0 || r.Feeds[0].Bad == 0 {
		t.Errorf("%d %v %s", code, err, stdout)
	}
	t.Setenv("AZIRA_ADMIN_TOKEN", "")
	if code, _, stderr := runCommand(t.Context(), "top", "--admin", admin); code != 1 ||
		!strings.Contains(stderr, "asks for its token") || strings.Count(stderr, "\n") != 1 {
		t.Errorf("without the token: %d %q", code, stderr)
	}
}

// In a pipe it goes on until it is told to end, over a server that comes and goes.
func TestTopGoesOn(t *testing.T) {
	status := server.Status{Time: 1, UptimeS: 60, Feed: "live"}
	looks := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if looks++; looks == 2 {
			http.Error(w, "", http.StatusBadGateway)
			return
		}
		status.Time += 1e6
		status.Ticks.In += 50
		_ = json.NewEncoder(w).Encode(status)
	}))
	defer srv.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var out lines
	out.until, out.done = 3, cancel
	var errs bytes.Buffer
	c := topConfig{admin: adminFlags{url: srv.URL}, json: true, every: 5 * time.Millisecond}
	if err := c.run(ctx, newTerminal(strings.NewReader(""), &out, &errs)); err != nil {
		t.Error(err)
	}
	if out.n < 3 || !strings.Contains(errs.String(), "answers 502") {
		t.Errorf("%d lines, %q", out.n, errs.String())
	}
}

// lines counts what is written, and calls done at a number.
type lines struct {
	n, until int
	done     func()
}

func (l *lines) Write(p []byte) (int, error) {
	if l.n += bytes.Count(p, []byte("\n")); l.n >= l.until {
		l.done()
	}
	return len(p), nil
}

func TestTopRefuses(t *testing.T) {
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	strange := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("ok"))
	}))
	defer strange.Close()
	for _, tc := range []struct {
		code int
		says string
		args []string
	}{
		{2, "not defined", []string{"--twice"}},
		{2, "unexpected", []string{"now"}},
		{2, "expected a URL", []string{"--admin", "http://%"}},
		{1, "no such call", []string{"--admin", other.URL}},
		{1, "no admin port", []string{"--admin", strange.URL}},
		{1, "nobody listens at", []string{"--admin", "127.0.0.1:1"}},
		{1, "read token", []string{"--token-file", "/nowhere/token"}},
	} {
		code, stdout, stderr := runCommand(t.Context(), append([]string{"top"}, tc.args...)...)
		if code != tc.code || stdout != "" || !strings.Contains(stderr, tc.says) {
			t.Errorf("%q: %d %q %q", tc.args, code, stdout, stderr)
		}
	}
	if code, stdout, _ := runCommand(t.Context(), "top", "--help"); code != 0 ||
		!strings.Contains(stdout, "--once") {
		t.Errorf("help: %d %s", code, stdout)
	}
}

func TestTopRates(t *testing.T) {
	a := server.Status{Time: 1e6}
	a.Ticks.In, a.Out.Frames = 100, map[string]uint64{"text": 5}
	a.Fanout = server.Buckets{BoundsS: []float64{1, 2}, Counts: []uint64{100, 0, 0}}
	b := server.Status{Time: 3e6, Loops: []server.LoopStatus{{BusyS: 1}}}
	b.Ticks.In, b.Out.Frames = 300, map[string]uint64{"text": 5, "bin": 10}
	b.Fanout = server.Buckets{BoundsS: []float64{1, 2}, Counts: []uint64{100, 3, 1}}
	r := topRatesOf(&a, &b)
	if r.TicksIn != 100 || r.Frames != 5 || r.Busy[0] != 0.5 || r.Fanout != (topQuantiles{2, 2}) ||
		r.First != (topQuantiles{-1, -1}) {
		t.Errorf("%+v", r)
	}
	if r = topRatesOf(&b, &a); r.TicksIn != 0 || r.Frames != 0 { // it was started anew
		t.Errorf("%+v", r)
	}
	if got := strings.Join(columns([][]string{{"A", "B"}, {"xx", "é"}}), "|"); got != "|A   B|xx  é" {
		t.Errorf("%q", got)
	}
	many := topReport{Rates: r}
	for range 3 * topLoopsMax {
		many.Loops = append(many.Loops, server.LoopStatus{})
	}
	many.Parked = []server.ParkedRow{{Account: "a\x1b[2Jb", Address: "1.2.3.4:5"}}
	text := strings.Join(many.lines("http://x", nil), "\n")
	if !strings.Contains(text, "LOOP (16 of 48)") || strings.Contains(text, "\x1b") {
		t.Errorf("%s", text)
	}
}
