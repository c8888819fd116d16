package server

import (
	"strings"
	"sync"
	"syscall"
	"testing"

	"azira/engine"
	"azira/feed"
)

// adminCall asks the admin port.
func (s *running) adminCall(path string, headers ...string) reply {
	s.t.Helper()
	return s.callAt("http://"+s.addrs.Admin, "GET", path, nil, headers...)
}

func TestAdminPort(t *testing.T) {
	s := start(t)
	for path, has := range map[string]string{
		"/livez": "ok", "/readyz": "ok", "/debug/pprof/": "goroutine", "/debug/pprof/cmdline": "",
		"/debug/pprof/heap": "", "/metrics": "go_goroutines",
	} {
		if r := s.adminCall(path); r.StatusCode != 200 || !strings.Contains(string(r.body), has) {
			t.Errorf("%s: %d %.80s", path, r.StatusCode, r.body)
		}
	}
	if r := s.adminCall("/api/v1/tokens"); r.StatusCode != 404 {
		t.Errorf("the API at the admin port: %d", r.StatusCode)
	}
	if r := s.callAt("http://"+s.addrs.Admin, "POST", "/livez", nil); r.StatusCode != 405 {
		t.Errorf("POST: %d", r.StatusCode)
	}
}

// A page whose name was rebound to loopback says so in its Host.
func TestAdminPortRefusesForeignNames(t *testing.T) {
	a := &admin{}
	for host, want := range map[string]bool{
		"127.0.0.1:8001": true, "[::1]:8001": true, "localhost:8001": true, "localhost": true,
		"evil.example:8001": false, "evil.example": false, "127.0.0.1.evil.example": false,
	} {
		r := newRequest(t, host)
		if got := a.permits(r); got != want {
			t.Errorf("%s: %v", host, got)
		}
	}
}

func TestAdminToken(t *testing.T) {
	const token = "0123456789abcdef"
	s := start(t, func(c *Config) { c.AdminToken = token })
	for _, path := range []string{"/livez", "/readyz", "/metrics", "/debug/pprof/"} {
		for _, headers := range [][]string{nil, as("wrong"), as(token + "x"), as(""),
			{"Authorization", "Basic " + token}, {"Authorization", token}} {
			if r := s.adminCall(path, headers...); r.StatusCode != 401 {
				t.Errorf("%s %q: %d", path, headers, r.StatusCode)
			}
		}
		if r := s.adminCall(path, as(token)...); r.StatusCode != 200 {
			t.Errorf("%s: %d", path, r.StatusCode)
		}
	}
	if strings.Contains(s.log.String(), token) {
		t.Error("the token is in the log")
	}
}

// Ready is who has every endpoint, if the feed is needed.
func TestReadyNeedsFeed(t *testing.T) {
	there, err := feed.ListenPublisher("tcp://127.0.0.1:0", feed.PublisherOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	late, err := feed.ListenPublisher("tcp://127.0.0.1:0", feed.PublisherOptions{})
	if err != nil {
		t.Fatal(err)
	}
	both := []string{there.Endpoint(), late.Endpoint()}
	if err := late.Close(); err != nil {
		t.Fatal(err)
	}
	s := start(t, func(c *Config) { c.Feed, c.ReadyNeedsFeed = both, true })
	easy := start(t, func(c *Config) { c.Feed = both })
	none := start(t, func(c *Config) { c.ReadyNeedsFeed = true })
	eventually(t, "one endpoint is connected", func() bool {
		return strings.Contains(string(s.adminCall("/metrics").body),
			`azira_feed_connected{endpoint="`+both[0]+`"} 1`)
	})
	for what, r := range map[string]*running{"one of two": s, "no endpoint": none} {
		if r := r.adminCall("/readyz"); r.StatusCode != 503 {
			t.Errorf("%s: %d", what, r.StatusCode)
		}
	}
	if r := easy.adminCall("/readyz"); r.StatusCode != 200 {
		t.Errorf("one of two, not needed: %d", r.StatusCode)
	}
	if late, err = feed.ListenPublisher(both[1], feed.PublisherOptions{}); err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	eventually(t, "ready", func() bool { return s.adminCall("/readyz").StatusCode == 200 })
	_ = there.Close()
	eventually(t, "not ready", func() bool { return s.adminCall("/readyz").StatusCode == 503 })
}

// startInside starts a server whose parts a test can reach.
func startInside(t *testing.T) (*server, *running) {
	t.Helper()
	log := &syncBuffer{}
	s := &server{config: testConfig(t), log: testLogger(log), failed: make(chan error, 2)}
	t.Cleanup(func() { _ = s.stop() })
	addrs, err := s.start()
	if err != nil {
		t.Fatal(err)
	}
	return s, &running{t: t, addrs: addrs, log: log}
}

// Loops that have ended are said by livez, and once in the log; nothing else ends.
func TestLoopsThatEnd(t *testing.T) {
	s, run := startInside(t)
	if r := run.adminCall("/livez"); r.StatusCode != 200 {
		t.Errorf("before: %d", r.StatusCode)
	}
	if err := s.engine.Stop(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if r := run.adminCall("/livez"); r.StatusCode != 503 {
			t.Errorf("after: %d", r.StatusCode)
		}
	}
	if n := strings.Count(run.log.String(), "not live"); n != 1 {
		t.Errorf("said %d times in the log", n)
	}
	if len(s.failed) != 0 || run.call("GET", "/healthcheck", nil).StatusCode != 200 {
		t.Error("the public port ended")
	}
}

// A loop that a call keeps is said by livez while it does, and in the log.
func TestHeldLoop(t *testing.T) {
	t.Parallel()
	s, run := startInside(t)
	ends, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(ends[1])
	hold := make(keeper)
	release := sync.OnceFunc(func() { close(hold) })
	defer release()
	if err := s.engine.Attach(ends[0], engine.Stream{Owner: hold}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "not live", func() bool { return run.adminCall("/livez").StatusCode == 503 })
	release()
	eventually(t, "live again", func() bool { return run.adminCall("/livez").StatusCode == 200 })
	if text := run.log.String(); strings.Count(text, "not live") != 1 ||
		strings.Count(text, "live again") != 1 {
		t.Errorf("log: %s", text)
	}
}

// A keeper keeps the loop that opens its stream.
type keeper chan struct{}

func (k keeper) Opened(uint64) { <-k }
func (keeper) Holds(int)       {}
func (keeper) Parked(int64)    {}
func (keeper) Ended(int)       {}

func TestMetricsCount(t *testing.T) {
	s, f := startWithFeed(t)
	bearer := s.account("ann")
	c := s.open("/api/v1/stream", bearer)
	f.tick("NSE:1", `{"ltp":1}`)
	s.known(bearer, "NSE:1")
	say(t, c, "subscribe|NSE:1")
	f.tick("NSE:1", `{"ltp":2}`)
	readUntil(t, c, `{"ltp":2}`)
	endpoint := f.pub.Endpoint()
	for _, line := range []string{
		`azira_connections{dialect="text"} 1`,
		"azira_tokens 1",
		"azira_ready 1",
		`azira_ticks_in_total{endpoint="` + endpoint + `"} 2`,
		`azira_feed_connected{endpoint="` + endpoint + `"} 1`,
		`azira_frames_out_total{encoding="text"} `,
		"process_open_fds ",
	} {
		eventually(t, line, func() bool {
			return strings.Contains(string(s.adminCall("/metrics").body), "\n"+line)
		})
	}
}
