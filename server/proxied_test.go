package server

import (
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// trusting is a server behind proxies on this machine.
func trusting(protocol bool) func(*Config) {
	return func(c *Config) {
		c.TrustedProxies = prefixes{netip.MustParsePrefix("127.0.0.1/32")}
		c.ProxyProtocol = protocol
	}
}

// seen is the address that the server lists for the one stream of a bearer.
func (s *running) seen(bearer string, headers ...string) string {
	s.t.Helper()
	eventually(s.t, "one stream is listed", func() bool {
		list, _ := s.call("GET", "/api/v1/sessions", nil, append(as(bearer), headers...)...).
			at("sessions").([]any)
		return len(list) == 1
	})
	list := s.call("GET", "/api/v1/sessions", nil, append(as(bearer), headers...)...).at("sessions")
	address, _ := list.([]any)[0].(map[string]any)["address"].(string)
	return address
}

func TestForwardedFor(t *testing.T) {
	p := &proxies{trusted: prefixes{netip.MustParsePrefix("10.0.0.0/8")}}
	peer := netip.MustParseAddrPort("10.0.0.1:5")
	for _, tc := range []struct {
		want  string
		lines []string
	}{
		{"10.0.0.1:5", nil},
		{"192.0.2.1:0", []string{"192.0.2.1"}},
		{"192.0.2.1:77", []string{" 192.0.2.1:77 "}},
		{"[2001:db8::1]:0", []string{"2001:db8::1"}},
		{"[2001:db8::1]:0", []string{"[2001:db8::1]"}},
		{"[2001:db8::1]:9", []string{"[2001:db8::1]:9"}},
		{"192.0.2.1:0", []string{"::ffff:192.0.2.1"}},
		{"192.0.2.1:0", []string{"6.6.6.6, 192.0.2.1"}},
		{"192.0.2.1:0", []string{"6.6.6.6", "192.0.2.1"}},
		{"192.0.2.1:0", []string{"6.6.6.6, 192.0.2.1, 10.2.3.4"}},
		{"192.0.2.1:0", []string{"6.6.6.6, 192.0.2.1", "10.2.3.4,10.5.6.7"}},
		{"10.2.3.4:0", []string{"nonsense, 10.2.3.4"}},
		{"10.2.3.4:0", []string{"10.2.3.4"}},
		{"10.0.0.1:5", []string{""}},
		{"10.0.0.1:5", []string{"192.0.2.1, unknown"}},
		{"10.0.0.1:5", []string{"192.0.2.1,"}},
		{"10.9.9.9:0", []string{"192.0.2.1" + strings.Repeat(", 10.9.9.9", 100)}},
	} {
		if got := p.forwarded(peer, tc.lines); got.String() != tc.want {
			t.Errorf("%q: %v, want %s", tc.lines, got, tc.want)
		}
	}
}

// A list is anybody's: whatever it is, what is read of it is an address in it, or the peer.
func FuzzForwardedFor(f *testing.F) {
	f.Add("6.6.6.6, 192.0.2.1, 10.2.3.4", "[::1]:5")
	p := &proxies{trusted: prefixes{netip.MustParsePrefix("10.0.0.0/8")}}
	peer := netip.MustParseAddrPort("10.0.0.1:5")
	f.Fuzz(func(t *testing.T, a, b string) {
		got := p.forwarded(peer, []string{a, b})
		if got == peer {
			return
		}
		all := a + "," + b
		for _, item := range strings.Split(all, ",") {
			if hop, ok := parseHop(item); ok && hop == got {
				return
			}
		}
		t.Fatalf("%q: %v is not in it", all, got)
	})
}

// Only a proxy that is trusted is believed, in sessions as in logs.
func TestAddressOfForwardedClients(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"trusted", trusting(false), "203.0.113.9:0"},
		{"unknown", func(*Config) {}, "127.0.0.1"},
		{"by PROXY alone", func(c *Config) {
			trusting(true)(c)
			c.TrustedProxies = prefixes{netip.MustParsePrefix("192.0.2.1/32")}
		}, "127.0.0.1"},
	} {
		s := start(t, tc.change)
		bearer := s.account("ann")
		openWire(t, s, "/api/v1/stream", "+Authorization: Bearer "+bearer,
			"+X-Forwarded-For: 6.6.6.6, 203.0.113.9")
		if got := s.seen(bearer); !strings.HasPrefix(got, tc.want) {
			t.Errorf("%s: %s", tc.name, got)
		}
		if strings.Contains(s.log.String(), "6.6.6.6") {
			t.Errorf("%s: an invented address is in the log", tc.name)
		}
		warned := strings.Contains(s.log.String(), "is not in trusted-proxies")
		if warned != (tc.name == "unknown") {
			t.Errorf("%s: warned %v", tc.name, warned)
		}
	}
}

func TestProxyProtocol(t *testing.T) {
	s := start(t, func(c *Config) {
		trusting(true)(c)
		c.timeouts = timeouts{header: 300 * time.Millisecond}
	})
	ask := func(head string) string {
		return s.raw(head + "GET /healthcheck HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	}
	v2 := "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xcb\x00\x71\x09\x7f\x00\x00\x01\x12\x34\x00\x50"
	for name, head := range map[string]string{
		"v1":       "PROXY TCP4 203.0.113.9 127.0.0.1 4660 80\r\n",
		"v2":       v2,
		"v2 local": "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00",
	} {
		if got := ask(head); !strings.HasPrefix(got, "HTTP/1.1 200 ") {
			t.Errorf("%s: %q", name, got)
		}
	}
	if n := strings.Count(s.log.String(), "remote=203.0.113.9:4660"); n != 2 {
		t.Errorf("the address is %d times in the log", n)
	}
	for name, head := range map[string]string{
		"none": "", "bad": "PROXY TCP4 x y 1 2\r\n", "half": "PROXY TCP4 203.0.113.9",
		"two": "PROXY UNKNOWN\r\nPROXY UNKNOWN\r\n",
	} {
		if got := ask(head); strings.Contains(got, " 200 ") {
			t.Errorf("%s: %q", name, got)
		}
	}
	// One who says nothing is waited for as long as for a header.
	c, err := net.Dial("tcp", s.addrs.Public)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(8 * time.Second))
	if _, err := io.ReadAll(c); err != nil {
		t.Errorf("silent: %v", err)
	}
}

// The header comes before TLS.
func TestProxyProtocolUnderTLS(t *testing.T) {
	s, trust := startTLS(t, trusting(true))
	c, err := net.Dial("tcp", s.addrs.Public)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = io.WriteString(c, "PROXY TCP6 2001:db8::9 ::1 4660 80\r\n")
	trust.ServerName = "127.0.0.1"
	inside := tls.Client(c, trust)
	_, _ = io.WriteString(inside, "GET /healthcheck HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	p, _ := io.ReadAll(inside)
	if !strings.HasPrefix(string(p), "HTTP/1.1 200 ") ||
		!strings.Contains(string(p), "\r\nStrict-Transport-Security: ") {
		t.Errorf("%q", p)
	}
	if !strings.Contains(s.log.String(), "remote=[2001:db8::9]:4660") {
		t.Error("the address is not in the log")
	}
}

// A proxy on this machine that nobody has named lends its clients none of its exemption.
func TestUndeclaredProxy(t *testing.T) {
	s := start(t, func(c *Config) { c.RateRegister = rate{1, time.Hour} })
	for _, header := range []string{"X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"} {
		limited := 0
		for range burstMin + 5 {
			r := s.call("POST", "/api/v1/users/register", "{", header, "203.0.113.9")
			if r.StatusCode == 429 {
				limited++
			}
		}
		if limited < 5 {
			t.Errorf("%s: %d refused", header, limited)
		}
	}
	for range burstMin + 5 {
		if r := s.call("POST", "/api/v1/users/register", "{"); r.StatusCode != 422 {
			t.Fatalf("this machine itself: %d", r.StatusCode)
		}
	}
	if n := strings.Count(s.log.String(), "is not in trusted-proxies"); n != 1 {
		t.Errorf("warned %d times", n)
	}
	for i := range 30 { // a spray
		s.call("POST", "/api/v1/users/login", credentials(strings.Repeat("u", i+1), "wrong wrong"),
			"X-Forwarded-For", "203.0.113.9")
	}
	limited := 0
	for i := range 60 {
		r := s.call("POST", "/api/v1/users/login", credentials(strings.Repeat("v", i%60+1), "wrong wrong"),
			"X-Forwarded-For", "203.0.113.9")
		if r.StatusCode == 429 {
			limited++
		}
	}
	if limited == 0 {
		t.Error("one password at many accounts is not slowed")
	}
}

// Who is no proxy can't say that he is one.
func TestProxyHeaderOfAnybody(t *testing.T) {
	s := start(t)
	got := s.raw("PROXY TCP4 203.0.113.9 127.0.0.1 4660 80\r\n" +
		"GET /healthcheck HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if !strings.HasPrefix(got, "HTTP/1.1 400 ") || strings.Contains(got, " 200 ") {
		t.Errorf("%q", got)
	}
	other := start(t, func(c *Config) {
		trusting(true)(c)
		c.TrustedProxies = prefixes{netip.MustParsePrefix("192.0.2.1/32")}
	})
	got = other.raw("PROXY TCP4 203.0.113.9 127.0.0.1 4660 80\r\n" +
		"GET /healthcheck HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if !strings.HasPrefix(got, "HTTP/1.1 400 ") || strings.Contains(other.log.String(), "203.0.113.9") {
		t.Errorf("from another than the proxy: %q", got)
	}
}

func TestOrigins(t *testing.T) {
	s := start(t, func(c *Config) {
		c.CORSOrigins = []string{"https://cors.example"}
		c.StreamsPerAccount, c.DebugEcho = 0, true
	})
	listed := start(t, func(c *Config) {
		c.AllowedOrigins, c.StreamsPerAccount = []string{"https://app.example"}, 0
	})
	anyone := start(t, func(c *Config) { c.StreamsPerAccount = 0 })
	bearer := map[*running]string{s: s.account("ann"), listed: listed.account("ann"),
		anyone: anyone.account("ann")}
	for _, tc := range []struct {
		s       *running
		origins []string
		taken   bool
	}{
		{s, nil, true},
		{s, []string{"https://cors.example"}, true},
		{s, []string{"HTTPS://CORS.example"}, true},
		{s, []string{"http://x"}, true}, // the Host of these requests
		{s, []string{"https://x:443"}, true},
		{s, []string{"https://evil.example"}, false},
		{s, []string{"http://cors.example"}, false},
		{s, []string{"https://cors.example.evil.example"}, false},
		{s, []string{"https://cors.example:8443"}, false},
		{s, []string{"https://x/"}, false},
		{s, []string{"https://evil@x"}, false},
		{s, []string{"null"}, false},
		{s, []string{""}, false},
		{s, []string{"https://cors.example", "https://evil.example"}, false},
		{listed, []string{"https://app.example"}, true},
		{listed, []string{"https://other.example"}, false},
		{anyone, []string{"https://other.example"}, true},
		{anyone, []string{"null"}, true},
	} {
		lines := []string{"+Authorization: Bearer " + bearer[tc.s]}
		for _, o := range tc.origins {
			lines = append(lines, "+Origin: "+o)
		}
		got := tc.s.raw(upgradeText("/api/v1/stream", lines...))
		if taken := strings.HasPrefix(got, "HTTP/1.1 101 "); taken != tc.taken ||
			!taken && !strings.HasSuffix(got, `{"detail":"Origin not allowed"}`) {
			t.Errorf("%q: %.200q", tc.origins, got)
		}
	}
	got := s.raw(upgradeText("/debug/echo", "+Origin: https://evil.example"))
	if !strings.HasPrefix(got, "HTTP/1.1 403 ") {
		t.Errorf("echo: %q", got)
	}
}

// A ticket that a foreign page shows is burnt, though it opens nothing.
func TestForeignPageBurnsTheTicket(t *testing.T) {
	s := start(t, func(c *Config) { c.AllowedOrigins = []string{"https://app.example"} })
	ticket := s.call("POST", "/api/v1/stream/ticket", nil, as(s.account("ann"))...).text("ticket")
	path := "/api/v1/stream?ticket=" + ticket
	if got := s.raw(upgradeText(path, "+Origin: https://evil.example")); !strings.Contains(got, " 403 ") {
		t.Errorf("%q", got)
	}
	if got := s.raw(upgradeText(path)); !strings.Contains(got, " 401 ") {
		t.Errorf("%q", got)
	}
}

// Beyond --rate-accept clients are told when to come; those let in work.
func TestStormOfStreams(t *testing.T) {
	s := start(t, func(c *Config) {
		c.RateAccept = rate{10, time.Second}
		c.StreamsPerAccount = 0
	})
	bearer := s.account("ann")
	var open *websocket.Conn
	refused := 0
	for range 40 {
		c, r, err := s.dial("/api/v1/stream", bearer)
		if err == nil {
			t.Cleanup(func() { _ = c.CloseNow() })
			open = c
			continue
		}
		if r == nil || r.StatusCode != 503 || r.Header.Get("Retry-After") == "" {
			t.Fatalf("%v", err)
		}
		refused++
	}
	if refused == 0 || open == nil {
		t.Fatalf("%d of 40 refused", refused)
	}
	say(t, open, "foo|A")
	page := string(s.callAt("http://"+s.addrs.Admin, "GET", "/metrics", nil).body)
	if strings.Contains(page, "\nazira_storm_refused_total 0\n") {
		t.Error("nobody is counted")
	}
}
