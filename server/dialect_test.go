package server

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"azira/proto"
)

// The first known subprotocol that is offered is selected, however the offers are
// spread over headers; what is unknown, or of another case, is not.
func TestDialectNegotiation(t *testing.T) {
	s := start(t, func(c *Config) { c.StreamsPerAccount = 0 })
	bearer := "+Authorization: Bearer " + s.account("ann")
	const header = "+Sec-WebSocket-Protocol: "
	for _, tc := range []struct {
		offers   []string // one a header line
		selected string
	}{
		{nil, ""},
		{[]string{"azira.v9"}, ""},
		{[]string{"AZIRA.V1.JSON"}, ""},
		{[]string{"azira.v1.json"}, proto.ProtocolJSON},
		{[]string{"azira.v1.bin"}, proto.ProtocolBinary},
		{[]string{"azira.v1.json, azira.v1.bin"}, proto.ProtocolJSON},
		{[]string{"azira.v1.bin,azira.v1.json"}, proto.ProtocolBinary},
		{[]string{"azira.v9, ,azira.v1.bin"}, proto.ProtocolBinary},
		{[]string{"azira.v9", "azira.v1.json", "azira.v1.bin"}, proto.ProtocolJSON},
		{[]string{"azira.v1.bin", "azira.v1.json"}, proto.ProtocolBinary},
		{[]string{""}, ""},
	} {
		lines := []string{bearer}
		for _, offer := range tc.offers {
			lines = append(lines, header+offer)
		}
		got := s.raw(upgradeText("/api/v1/stream", lines...))
		head, body, _ := strings.Cut(got, "\r\n\r\n")
		said := strings.Count(head, "Sec-WebSocket-Protocol")
		ok := said == 0
		if tc.selected != "" {
			ok = said == 1 && strings.Contains(head+"\r\n", "\r\nSec-WebSocket-Protocol: "+tc.selected+"\r\n")
		}
		if !ok || !strings.HasPrefix(head, "HTTP/1.1 101 ") ||
			strings.Contains(body, `{"type":"welcome"`) != (tc.selected != "") {
			t.Errorf("%q: %q", tc.offers, got)
		}
	}
}

// upgrading adds the headers of a handshake.
func upgrading(headers []string) []string {
	return append(headers, "Connection", "Upgrade", "Upgrade", "websocket",
		"Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
}

func TestHeartbeatBounds(t *testing.T) {
	s := start(t, func(c *Config) { c.StreamsPerAccount = 0 })
	ann := s.account("ann")
	for query, want := range map[string]float64{
		"":                    5000,
		"?hb_ms=500":          500,
		"?hb_ms=599":          500,
		"?hb_ms=1234":         1200,
		"?hb_ms=30000":        30000,
		"?hb_ms=700&unknown=": 700,
	} {
		if got := s.typed(ann, proto.ProtocolJSON, query).welcome.number("hb_ms"); got != want {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
	d := loadDocument(t, openAPIText)
	for _, query := range []string{"499", "30001", "0", "-500", "", "x", "1e3", "500.5",
		"99999999999999999999", "500&hb_ms=600"} {
		for _, path := range []string{"/api/v1/stream", "/api/trigger/ws/ann"} {
			r := s.call("GET", path+"?hb_ms="+query, nil, upgrading(as(ann))...)
			where := strings.Replace(path, "/ann", "/{username}", 1)
			if err := d.check("GET", where, r); r.StatusCode != 422 || err != nil {
				t.Errorf("%s?hb_ms=%s: %d %s %v", path, query, r.StatusCode, r.body, err)
			}
		}
	}
	if n := s.streams(ann); n != 6 {
		t.Errorf("%d streams: a refusal holds a place", n)
	}
}

// What welcome says is so.
func TestWelcome(t *testing.T) {
	s := start(t, func(c *Config) {
		c.StreamsPerAccount, c.TokensPerStream, c.HeartbeatEvery = 2, 7, 3*time.Second
	})
	before := time.Now()
	ann := s.account("ann")
	for i, protocol := range []string{proto.ProtocolJSON, proto.ProtocolBinary} {
		p := s.typed(ann, protocol, "")
		w, limits := p.welcome, event(p.welcome["limits"].(map[string]any))
		list := s.call("GET", "/api/v1/sessions", nil, as(ann)...)
		sessions := event(list.json.(map[string]any)).list("sessions")
		if len(sessions) != i+1 || sessions[i]["id"] != w["conn"] || sessions[i]["dialect"] != protocol {
			t.Errorf("welcome %v, listed %s", w, list.body)
		}
		if err := loadDocument(t, openAPIText).check("GET", "/api/v1/sessions", list); err != nil {
			t.Error(err)
		}
		if w["username"] != "ann" || w.number("hb_ms") != 3000 || limits.number("connections") != 2 ||
			limits.number("tokens") != 7 || limits.number("frame_bytes") != 4096 ||
			limits.number("subscribe_bytes") != 128<<10 || limits.number("ops_per_s") != 10 ||
			limits.number("ops_burst") != 50 {
			t.Errorf("%v", w)
		}
		if left := w.number("expires_in"); left < 1790 || left > 1800 {
			t.Errorf("expires_in %v", left)
		}
		started := time.UnixMicro(int64(w.number("epoch")))
		if started.After(before) || before.Sub(started) > 10*time.Second {
			t.Errorf("epoch %v", started)
		}
	}
	third, _, err := s.dialAs("/api/v1/stream", ann, proto.ProtocolJSON)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = third.CloseNow() })
	if code, reason := closeOf(t, third); code != 1008 || reason != "connection limit 2 reached" {
		t.Errorf("%d %q", code, reason)
	}
}

// Any number of streams is told as 0.
func TestWelcomeWithoutALimit(t *testing.T) {
	s := start(t, func(c *Config) { c.StreamsPerAccount = 0 })
	p := s.typed(s.account("ann"), proto.ProtocolJSON, "")
	if n, ok := dig(map[string]any(p.welcome), "limits", "connections").(float64); !ok || n != 0 {
		t.Errorf("%v", p.welcome)
	}
}

// A frame may be as long as welcome says, and no longer.
func TestRequestBytes(t *testing.T) {
	s := start(t)
	ann := s.account("ann")
	for _, tc := range []struct {
		begin string
		bytes int
		code  int // 0 = answered
	}{
		{`{"op":"ping"`, 4096, 0},
		{`{"op":"ping"`, 4097, 1009},
		{`{"op":"subscribe","tokens":["A"]`, 4097, 0},
		{`{"op":"subscribe","tokens":["A"]`, 128 << 10, 0},
		{`{"op":"subscribe","tokens":["A"]`, 128<<10 + 1, 1009},
	} {
		p := s.typed(ann, proto.ProtocolJSON, "")
		p.send(tc.begin + strings.Repeat(" ", tc.bytes-len(tc.begin)-1) + "}")
		if tc.code == 0 {
			if kind := p.next()["type"]; kind != "pong" && kind != "ack" {
				t.Errorf("%s of %d bytes: %v", tc.begin, tc.bytes, kind)
			}
			_ = p.conn.CloseNow()
		} else if code := p.closed(); code != tc.code {
			t.Errorf("%s of %d bytes: closed with %d", tc.begin, tc.bytes, code)
		}
		eventually(t, "the place is free, after "+strconv.Itoa(tc.bytes),
			func() bool { return s.streams(ann) == 0 })
	}
}
