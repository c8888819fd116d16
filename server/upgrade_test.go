package server

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// upgradeText is an opening request of a WebSocket, with lines put in or
// replaced by "Name: value"; "-Name" takes one out.
func upgradeText(path string, lines ...string) string {
	order := []string{"Host", "Connection", "Upgrade", "Sec-WebSocket-Version", "Sec-WebSocket-Key"}
	all := map[string]string{"Host": "x", "Connection": "Upgrade", "Upgrade": "websocket",
		"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
	var b strings.Builder
	b.WriteString("GET " + path + " HTTP/1.1\r\n")
	for _, l := range lines {
		if name, out := strings.CutPrefix(l, "-"); out {
			delete(all, name)
			continue
		}
		name, value, _ := strings.Cut(l, ": ")
		if _, known := all[name]; known {
			all[name] = value
			continue
		}
		b.WriteString(strings.TrimPrefix(l, "+") + "\r\n")
	}
	for _, name := range order {
		if value, ok := all[name]; ok {
			b.WriteString(name + ": " + value + "\r\n")
		}
	}
	return b.String() + "\r\n"
}

func TestHandshakeRules(t *testing.T) {
	s := start(t)
	bearer := "Authorization: Bearer " + s.account("ann")
	for _, tc := range []struct {
		name   string
		lines  []string
		status string
		has    string
	}{
		{"no upgrade", []string{"-Upgrade"}, "426", "Sec-Websocket-Version: 13\r\n"},
		{"other upgrade", []string{"Upgrade: h2c"}, "426", "Sec-Websocket-Version: 13\r\n"},
		{"no connection", []string{"Connection: close"}, "426", "Sec-Websocket-Version: 13\r\n"},
		{"old version", []string{"Sec-WebSocket-Version: 8"}, "426", "Sec-Websocket-Version: 13\r\n"},
		{"no version", []string{"-Sec-WebSocket-Version"}, "426", "Sec-Websocket-Version: 13\r\n"},
		{"no key", []string{"-Sec-WebSocket-Key"}, "400", "Sec-WebSocket-Key"},
		{"two keys", []string{"+Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="}, "400", "one"},
		{"short key", []string{"Sec-WebSocket-Key: dGhlIHNhbXBsZQ=="}, "400", "16 bytes"},
		{"no base64", []string{"Sec-WebSocket-Key: ????????????????????????"}, "400", "16 bytes"},
		{"body", []string{"+Content-Length: 3"}, "400", "no body"},
		{"folded line", []string{"+X: a\r\n b"}, "400", "folded"},
		{"two hosts", []string{"+Host: y"}, "400", "Bad Request"},
	} {
		got := s.raw(upgradeText("/api/v1/stream", append(tc.lines, bearer)...))
		if !strings.HasPrefix(got, "HTTP/1.1 "+tc.status+" ") || !strings.Contains(got, tc.has) ||
			!strings.Contains(got, `{"detail":"`) {
			t.Errorf("%s: %q", tc.name, got)
		}
	}
	old := strings.Replace(upgradeText("/api/v1/stream", bearer), "HTTP/1.1", "HTTP/1.0", 1)
	if got := s.raw(old); !strings.Contains(got, " 400 ") || !strings.Contains(got, "HTTP/1.1") {
		t.Errorf("HTTP/1.0: %q", got)
	}
	if n := s.streams(strings.TrimPrefix(bearer, "Authorization: Bearer ")); n != 0 {
		t.Errorf("%d slots are held by handshakes that failed", n)
	}
}

// Each request of a connection is looked at by itself.
func TestFoldedLineOnAKeptConnection(t *testing.T) {
	s := start(t)
	bearer := "Authorization: Bearer " + s.account("ann")
	c, err := net.Dial("tcp", s.addrs.Public)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	rd := bufio.NewReader(c)
	for _, tc := range []struct {
		text string
		want int
	}{
		{"GET /healthcheck HTTP/1.1\r\nHost: x\r\n\r\n", 200},
		{"POST /ws/token HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n\n b\n", 401},
		{upgradeText("/api/v1/stream", bearer, "+X: a\r\n\tb"), 400},
	} {
		if _, err := io.WriteString(c, tc.text); err != nil {
			t.Fatal(err)
		}
		r, err := http.ReadResponse(rd, nil)
		if err != nil {
			t.Fatal(err)
		}
		if r.StatusCode != tc.want {
			t.Errorf("%.40q: %d, want %d", tc.text, r.StatusCode, tc.want)
		}
		_, _ = io.Copy(io.Discard, r.Body)
	}
	if _, err := rd.ReadByte(); err != io.EOF {
		t.Errorf("the connection goes on: %v", err)
	}
}

// The sample of RFC 6455 §1.3, with headers in other spellings, an extension
// and a subprotocol that are not taken, and frames sent along with the request.
func TestHandshakeAnswer(t *testing.T) {
	s := start(t)
	bearer := s.account("ann")
	c, err := net.Dial("tcp", s.addrs.Public)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	text := upgradeText("/api/v1/stream", "+Authorization: bearer "+bearer,
		"Connection: keep-alive, UPGRADE", "Upgrade: WebSocket",
		"+Sec-WebSocket-Extensions: permessage-deflate", "+Sec-WebSocket-Protocol: azira.v9")
	early := "\x81\x85\x00\x00\x00\x00foo|A" // masked with zeros
	if _, err := io.WriteString(c, text+early); err != nil {
		t.Fatal(err)
	}
	want := regexp.MustCompile(`^HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n` +
		`Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n` +
		`X-Process-Time: (\d+\.\d{6})\r\n\r\n$`)
	rd := bufio.NewReader(c)
	head := ""
	for err == nil && !strings.HasSuffix(head, "\r\n\r\n") {
		var line string
		line, err = rd.ReadString('\n')
		head += line
	}
	said := want.FindStringSubmatch(head)
	if err != nil || said == nil {
		t.Fatalf("%v: %q", err, head)
	}
	if took, _ := strconv.ParseFloat(said[1], 64); took <= 0 || took > 10 {
		t.Errorf("X-Process-Time %s", said[1])
	}
	answer := "\x81\x13Unknown action: foo"
	got := make([]byte, len(answer))
	if n, err := io.ReadFull(rd, got); err != nil || string(got) != answer {
		t.Errorf("%v: %q", err, got[:n])
	}
}

func TestStreamCredentials(t *testing.T) {
	s := start(t)
	ann, bob := s.account("ann"), s.account("bob")
	for _, tc := range []struct {
		path, bearer string
		status       int
	}{
		{"/api/v1/stream", "", 401},
		{"/api/v1/stream", "nonsense", 401},
		{"/api/v1/stream?ticket=nonsense", "", 401},
		{"/api/v1/stream?ticket=a&ticket=b", "", 401},
		{"/api/v1/stream?token=" + ann, "", 401},
		{"/api/trigger/ws/ann", "", 401},
		{"/api/trigger/ws/ann", bob, 403},
		{"/api/trigger/ws/Ann", ann, 403},
		{"/api/trigger/ws/ann%00", ann, 403},
		{"/api/trigger/ws/%FF", ann, 403},
		{"/api/trigger/ws/nobody", ann, 403},
	} {
		c, r, err := s.dial(tc.path, tc.bearer)
		if err == nil {
			_ = c.CloseNow()
			t.Errorf("%s: taken", tc.path)
			continue
		}
		if r == nil || r.StatusCode != tc.status {
			t.Errorf("%s: %v", tc.path, err)
		}
	}
	r := s.call("GET", "/api/v1/stream", nil, "Cookie", `access_token="Bearer `+ann+`"`)
	if r.StatusCode != 401 {
		t.Errorf("a cookie opened a stream: %d", r.StatusCode)
	}
	for _, path := range []string{"/api/v1/stream", "/api/trigger/ws/ann", "/api/trigger/ws/%61nn"} {
		c := s.open(path, ann)
		if got := say(t, c, "foo|A"); got != "Unknown action: foo" {
			t.Errorf("%s: %q", path, got)
		}
	}
}

func TestTicketIsBurntAtOnce(t *testing.T) {
	s := start(t)
	bearer := s.account("ann")
	r := s.call("POST", "/api/v1/stream/ticket", nil, as(bearer)...)
	if r.StatusCode != 200 || r.at("expires_in") != 60.0 {
		t.Fatalf("%d %s", r.StatusCode, r.body)
	}
	path := "/api/trigger/ws/ann?ticket=" + url.QueryEscape(r.text("ticket"))
	c := s.open(path, "")
	say(t, c, "foo|A")
	if got := s.refused(path, ""); got != 401 {
		t.Errorf("a second time: %d", got)
	}
	alias := s.call("POST", "/ws/token", nil, as(bearer)...).text("token")
	if alias == "" {
		t.Error("no token at /ws/token")
	}
	// Shown to the wrong door, it is gone all the same.
	if got := s.refused("/api/trigger/ws/bob?ticket="+alias, ""); got != 403 {
		t.Errorf("foreign: %d", got)
	}
	if got := s.refused("/api/v1/stream?ticket="+alias, ""); got != 401 {
		t.Errorf("after that: %d", got)
	}
	last := s.call("POST", "/ws/token", nil, as(bearer)...).text("token")
	s.call("POST", "/api/v1/users/logout", nil, as(bearer)...)
	if got := s.refused("/api/v1/stream?ticket="+last, ""); got != 401 {
		t.Errorf("after logout: %d", got)
	}
}

func TestFourthStreamIsToldWhy(t *testing.T) {
	s := start(t, func(c *Config) { c.StreamsPerAccount = 2 })
	bearer := s.account("ann")
	s.open("/api/v1/stream", bearer)
	second := s.open("/api/v1/stream", bearer)
	third := s.open("/api/v1/stream", bearer)
	if code, reason := closeOf(t, third); code != 1008 || reason != "connection limit 2 reached" {
		t.Errorf("%d %q", code, reason)
	}
	_ = second.Close(websocket.StatusNormalClosure, "")
	eventually(t, "the slot is free", func() bool { return s.streams(bearer) == 1 })
	if got := say(t, s.open("/api/v1/stream", bearer), "foo|A"); got != "Unknown action: foo" {
		t.Errorf("after one left: %q", got)
	}
}

func TestReplaceOldest(t *testing.T) {
	s := start(t, func(c *Config) { c.StreamsPerAccount, c.ReplaceOldest = 1, true })
	bearer := s.account("ann")
	first := s.open("/api/v1/stream", bearer)
	say(t, first, "foo|A")
	second := s.open("/api/v1/stream", bearer)
	if code, reason := closeOf(t, first); code != 3507 || reason != "replaced" {
		t.Errorf("%d %q", code, reason)
	}
	say(t, second, "foo|A")
}

// However many come at once, three are open, never more, and as soon as one
// goes there is room for one.
func TestHundredConnectsAtOnce(t *testing.T) {
	s := start(t)
	bearer := s.account("ann")
	done := make(chan struct{})
	var most atomic.Int64
	var watch sync.WaitGroup
	watch.Go(func() {
		for {
			most.Store(max(most.Load(), int64(s.streams(bearer))))
			select {
			case <-done:
				return
			default:
			}
		}
	})
	var opened, refused atomic.Int64
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			c, _, err := s.dial("/api/v1/stream", bearer)
			if err != nil {
				t.Error(err)
				return
			}
			t.Cleanup(func() { _ = c.CloseNow() })
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			_ = c.Write(ctx, websocket.MessageText, []byte("foo|A"))
			if _, _, err := c.Read(ctx); err == nil {
				opened.Add(1)
			} else if websocket.CloseStatus(err) == websocket.StatusPolicyViolation {
				refused.Add(1)
			} else {
				t.Error(err)
			}
		})
	}
	all.Wait()
	close(done)
	watch.Wait()
	if opened.Load() != 3 || refused.Load() != 97 || most.Load() > 3 || s.streams(bearer) != 3 {
		t.Errorf("opened %d, refused %d, at most %d, now %d",
			opened.Load(), refused.Load(), most.Load(), s.streams(bearer))
	}
}

// allSlotsFree waits until three streams can be opened: those that went away
// may not all have been met by the server yet.
func (s *running) allSlotsFree(bearer string) {
	s.t.Helper()
	eventually(s.t, "three streams fit", func() bool {
		for range 3 {
			c, _, err := s.dial("/api/v1/stream", bearer)
			if err != nil {
				return false
			}
			defer c.CloseNow()
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			_ = c.Write(ctx, websocket.MessageText, []byte("foo|A"))
			if _, _, err := c.Read(ctx); err != nil {
				return false
			}
		}
		return true
	})
}

// Clients that go away in the middle of the handshake leave no slot behind.
func TestDropDuringHandshake(t *testing.T) {
	s := start(t)
	bearer := s.account("ann")
	text := upgradeText("/api/v1/stream", "+Authorization: Bearer "+bearer)
	for i := range 60 {
		c, err := net.Dial("tcp", s.addrs.Public)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(c, text[:len(text)-i%3])
		_ = c.(*net.TCPConn).SetLinger(0) // a reset, not an orderly end
		c.Close()
	}
	s.allSlotsFree(bearer)
}

// A peer that sends no more has gone, though it could still read.
func TestHalfClosedPeerFreesItsSlot(t *testing.T) {
	s := start(t)
	bearer := s.account("ann")
	c := s.rawStream(bearer)
	eventually(t, "the stream is open", func() bool { return s.streams(bearer) == 1 })
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the slot is free", func() bool { return s.streams(bearer) == 0 })
}

func TestEcho(t *testing.T) {
	s := start(t, func(c *Config) { c.DebugEcho = true })
	c := s.open("/debug/echo", "")
	if got := say(t, c, "hello"); got != "hello" {
		t.Errorf("%q", got)
	}
	if r := s.call("GET", "/debug/echo", nil); r.StatusCode != http.StatusUpgradeRequired {
		t.Errorf("%d", r.StatusCode)
	}
}

func TestCloseOnExpiry(t *testing.T) {
	s := start(t, func(c *Config) { c.AccessTTL, c.CloseOnExpiry = time.Second, true })
	c := s.open("/api/v1/stream", s.account("ann"))
	if code, _ := closeOf(t, c); code != 3005 {
		t.Errorf("closed with %d", code)
	}
}
