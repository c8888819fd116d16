package server

import (
	"strings"
	"testing"

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

func TestReadyNeedsFeed(t *testing.T) {
	pub, err := feed.ListenPublisher("tcp://127.0.0.1:0", feed.PublisherOptions{})
	if err != nil {
		t.Fatal(err)
	}
	endpoint := pub.Endpoint()
	if err := pub.Close(); err != nil {
		t.Fatal(err)
	}
	s := start(t, func(c *Config) { c.Feed, c.ReadyNeedsFeed = []string{endpoint}, true })
	easy := start(t, func(c *Config) { c.Feed = []string{endpoint} })
	if r := s.adminCall("/readyz"); r.StatusCode != 503 {
		t.Errorf("without feed: %d", r.StatusCode)
	}
	if r := easy.adminCall("/readyz"); r.StatusCode != 200 {
		t.Errorf("without feed, not needed: %d", r.StatusCode)
	}
	if pub, err = feed.ListenPublisher(endpoint, feed.PublisherOptions{}); err != nil {
		t.Fatal(err)
	}
	defer pub.Close()
	eventually(t, "ready", func() bool { return s.adminCall("/readyz").StatusCode == 200 })
}

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
		"azira_connections 1",
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
