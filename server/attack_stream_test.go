package server

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// A frameAttack is what no client may send, and the code it is closed with.
type frameAttack struct {
	name string
	send []byte
	code string
}

func frameAttacks() []frameAttack {
	raw := func(first byte, length ...byte) []byte { return append([]byte{first}, length...) }
	huge := binary.BigEndian.AppendUint64([]byte{fin | opText, 0x80 | 127}, 1<<40)
	negative := binary.BigEndian.AppendUint64([]byte{fin | opText, 0x80 | 127}, 1<<63|5)
	return []frameAttack{
		{"unmasked", append(raw(fin|opText, 5), "hello"...), "1002"},
		{"unmasked close", append(raw(fin|opClose, 2), 3, 0xe8), "1002"},
		{"huge frame", append(huge, 1, 2, 3, 4), "1009"},
		{"negative length", append(negative, 1, 2, 3, 4), "1002"},
		{"5 in two bytes", raw(fin|opText, 0x80|126, 0, 5, 1, 2, 3, 4), "1002"},
		{"200 in eight bytes", raw(fin|opText, 0x80|127, 0, 0, 0, 0, 0, 0, 0, 200, 1, 2, 3, 4), "1002"},
		{"compressed", wireFrame(fin|0x40|opText, "x"), "1002"},
		{"reserved bit", wireFrame(fin|0x10|opText, "x"), "1002"},
		{"reserved opcode", wireFrame(fin|0x3, "x"), "1002"},
		{"reserved control opcode", wireFrame(fin|0xB, "x"), "1002"},
		{"close of one byte", wireFrame(fin|opClose, "x"), "1002"},
		{"close with 1005", wireFrame(fin|opClose, closeBody(1005, "")), "1002"},
		{"close in bad UTF-8", wireFrame(fin|opClose, closeBody(1000, "\xff")), "1007"},
		{"text in bad UTF-8", wireFrame(fin|opText, "subscribe|\xff"), "1007"},
		{"surrogate in UTF-8", wireFrame(fin|opText, "\xed\xa0\x80"), "1007"},
		{"long ping", wireFrame(fin|opPing, strings.Repeat("x", 126)), "1002"},
		{"ping in pieces", wireFrame(opPing, "x"), "1002"},
		{"continuation of nothing", wireFrame(fin|opMore, "x"), "1002"},
		{"message in a message", append(wireFrame(opText, "a"), wireFrame(opText, "b")...), "1002"},
		{"fragments without end", manyFrames(1<<17, opMore, ""), "1008"},
		{"large fragments", manyFrames(2000, opMore, strings.Repeat("x", 1000)), "1009"},
	}
}

// manyFrames begins a message and goes on with n frames.
func manyFrames(n int, op byte, payload string) []byte {
	b := wireFrame(opText, "subscribe|")
	piece := wireFrame(op, payload)
	for range n {
		b = append(b, piece...)
	}
	return b
}

// Each is closed with its code, in each dialect, and its slot is free.
func TestAttackFrames(t *testing.T) {
	s := start(t, func(c *Config) { c.StreamsPerAccount = 1 })
	for _, protocol := range []string{"", "azira.v1.json", "azira.v1.bin"} {
		for i, a := range frameAttacks() {
			bearer := s.account(fmt.Sprintf("u%s%d", protocol, i))
			lines := []string{"+Authorization: Bearer " + bearer}
			if protocol != "" {
				lines = append(lines, "+Sec-WebSocket-Protocol: "+protocol)
			}
			w := openWire(t, s, "/api/v1/stream", lines...)
			sent := make(chan struct{})
			go func() {
				defer close(sent)
				w.send(a.send, 0)
			}()
			got, err := w.hear()
			for err == nil && !strings.HasPrefix(got, "close ") {
				got, err = w.hear()
			}
			if got != "close "+a.code {
				t.Errorf("%s %s: %q (%v), want %s", protocol, a.name, got, err, a.code)
			}
			_ = w.Close()
			<-sent
			eventually(t, "the slot is free", func() bool { return s.streams(bearer) == 0 })
		}
	}
}

// Who floods with pings is closed; the stream beside it notices nothing.
func TestAttackPingFlood(t *testing.T) {
	s := start(t, func(c *Config) { c.Loops = 1 })
	bearer := s.account("ann")
	other := s.open("/api/v1/stream", bearer)
	w := openWire(t, s, "/api/v1/stream", "+Authorization: Bearer "+bearer)
	ping, all := wireFrame(fin|opPing, "x"), []byte(nil)
	for range 20_000 {
		all = append(all, ping...)
	}
	go w.send(all, 4096)
	pongs := 0
	got, err := w.hear()
	for ; err == nil && got == "pong x"; got, err = w.hear() {
		pongs++
	}
	if got != "close 3503" || pongs < 1 || pongs > 500 {
		t.Errorf("%d pongs, then %q (%v)", pongs, got, err)
	}
	if got := say(t, other, "foo|A"); got != "Unknown action: foo" {
		t.Errorf("%q", got)
	}
}

// Pongs that nobody asked for, and empty messages, hold nobody up.
func TestAttackPongFlood(t *testing.T) {
	s := start(t, func(c *Config) { c.Loops = 1 })
	bearer := s.account("ann")
	other := s.open("/api/v1/stream", bearer)
	w := openWire(t, s, "/api/v1/stream", "+Authorization: Bearer "+bearer)
	pong, all := wireFrame(fin|opPong, ""), []byte(nil)
	for range 50_000 {
		all = append(all, pong...)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.send(all, 0)
	}()
	for range 5 {
		say(t, other, "foo|A")
	}
	<-done
	w.send(wireFrame(fin|opText, "foo|A"), 0)
	if got, err := w.hear(); got != "text Unknown action: foo" {
		t.Errorf("%q (%v)", got, err)
	}
}

// hearEvent reads the next event of a typed stream that is no heartbeat or welcome.
func hearEvent(t *testing.T, c *websocket.Conn) (v struct {
	Op     string
	Code   int
	Failed []struct{ Code int }
	More   bool
	Count  int
}) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for {
		_, p, err := c.Read(ctx)
		if err != nil {
			t.Fatalf("read: %v", err)
		}
		var head struct{ Type string }
		if err := json.Unmarshal(p, &head); err != nil {
			t.Fatalf("%q: %v", p, err)
		}
		if head.Type == "hb" || head.Type == "welcome" {
			continue
		}
		if err := json.Unmarshal(p, &v); err != nil {
			t.Fatalf("%q: %v", p, err)
		}
		v.Op = head.Type
		return v
	}
}

func (s *running) openTyped(bearer string) *websocket.Conn {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, _, err := websocket.Dial(ctx, "ws://"+s.addrs.Public+"/api/v1/stream", &websocket.DialOptions{
		Subprotocols: []string{"azira.v1.json"},
		HTTPHeader:   map[string][]string{"Authorization": {"Bearer " + bearer}},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	c.SetReadLimit(1 << 20)
	s.t.Cleanup(func() { _ = c.CloseNow() })
	return c
}

func write(t *testing.T, c *websocket.Conn, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := c.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
		t.Fatalf("write: %v", err)
	}
}

// Deep and odd JSON is answered 107, and the stream stays.
func TestAttackDeepJSON(t *testing.T) {
	s := start(t)
	c := s.openTyped(s.account("ann"))
	const deep = 2000
	for name, text := range map[string]string{
		"arrays":           strings.Repeat("[", deep),
		"objects":          strings.Repeat(`{"op":`, deep/4),
		"tokens in depth":  `{"op":"subscribe","tokens":` + strings.Repeat("[", deep-50) + strings.Repeat("]", deep-50) + `}`,
		"unknown field":    `{"op":1,"x":` + strings.Repeat("[", deep/2) + strings.Repeat("]", deep/2) + `}`,
		"token no text":    `{"op":"subscribe","tokens":[{}]}`,
		"number":           `{"op":"subscribe","tokens":["A"],"max_rate":1e999}`,
		"negative":         `{"op":"subscribe","tokens":["A"],"max_rate":-1}`,
		"from of what":     `{"op":"subscribe","from":{"A":-1},"epoch":99999999999999999999}`,
		"trailing garbage": `{"op":"ping"}{"op":"ping"}`,
	} {
		write(t, c, text)
		if v := hearEvent(t, c); v.Op != "error" || v.Code != 107 {
			t.Errorf("%s: %+v", name, v)
		}
	}
	write(t, c, `{"op":"ping"}`)
	if v := hearEvent(t, c); v.Op != "pong" {
		t.Errorf("after that: %+v", v)
	}
}

// Very many names are each answered; beyond the frame's size the stream is closed.
func TestAttackManyTokens(t *testing.T) {
	s := start(t)
	bearer := s.account("ann")
	c := s.openTyped(bearer)
	const n, many = 5000, 16_000
	names := make([]string, many)
	for i := range names {
		names[i] = fmt.Sprintf(`"%x"`, i)
	}
	ask := func(n int) { write(t, c, `{"op":"subscribe","tokens":[`+strings.Join(names[:n], ",")+`]}`) }
	ask(many)
	if v := hearEvent(t, c); v.Op != "error" || v.Code != 106 {
		t.Errorf("%+v", v)
	}
	ask(n)
	answered := 0
	for {
		v := hearEvent(t, c)
		if v.Op != "ack" {
			t.Fatalf("%+v", v)
		}
		answered += len(v.Failed)
		if !v.More {
			break
		}
	}
	if answered != n {
		t.Errorf("%d of %d names are answered", answered, n)
	}
	write(t, c, `{"op":"subscribe","tokens":["`+strings.Repeat("A", 128<<10)+`"]}`)
	if code, _ := closeOf(t, c); code != 1009 {
		t.Errorf("closed with %d", code)
	}
	text := "subscribe|" + strings.Repeat("X,", 60_000) + "X"
	old := s.open("/api/v1/stream", bearer)
	old.SetReadLimit(1 << 20)
	if got := say(t, old, text); !strings.HasPrefix(got, "Tokens not found: X") {
		t.Errorf("%.60q", got)
	}
	if code, _ := closeOf(t, old); code != 1008 {
		t.Errorf("closed with %d", code)
	}
}

// A credential opens the streams of its own account, however the path spells another.
func TestAttackUsernameMismatch(t *testing.T) {
	s := start(t)
	ann, bob := s.account("ann"), s.account("bob")
	s.account("Zo\u00eb")
	for _, name := range []string{"ann", "%61nn", "ann%2f", "ann%2fbob", "bob%2f..%2fann", "ann%00", "ann%20",
		"ann;bob", "Ann", "ANN", "a%CC%80nn", "ann%E2%80%AE", "bob%00ann", "%2e", "..%2fbob", "bob%0a", "bob%0d%0aX"} {
		path := "/api/trigger/ws/" + name
		if got := s.refused(path, bob); got != 403 && got != 404 {
			t.Errorf("bob as %s: %d", name, got)
		}
		ticket := s.call("POST", "/ws/token", nil, as(bob)...).text("token")
		if got := s.refused(path+"?ticket="+ticket, ""); got != 403 && got != 404 {
			t.Errorf("bob as %s by ticket: %d", name, got)
		}
	}
	if got := s.refused("/api/trigger/ws/bob?username=bob", ann); got != 403 {
		t.Errorf("ann as bob: %d", got)
	}
	if n := s.streams(ann) + s.streams(bob); n != 0 {
		t.Errorf("%d slots are held", n)
	}
	zoe := s.login("Zo\u00eb")
	say(t, s.open("/api/trigger/ws/Zoe%CC%88", zoe), "foo|A") // the same name, in its other form
}

// Through all doors at once there are three streams, and never more.
func TestAttackSlotRaceByAllDoors(t *testing.T) {
	s := start(t)
	bearer := s.account("ann")
	paths := []string{"/api/v1/stream", "/api/trigger/ws/ann", "/api/trigger/ws/%61nn?hb_ms=500"}
	var opened, refused, most atomic.Int64
	var all sync.WaitGroup
	for i := range 60 {
		path, shown := paths[i%len(paths)], bearer
		if i%2 == 0 {
			sep := map[bool]string{true: "&", false: "?"}[strings.Contains(path, "?")]
			path += sep + "ticket=" + s.call("POST", "/ws/token", nil, as(bearer)...).text("token")
			shown = ""
		}
		all.Go(func() {
			c, _, err := s.dial(path, shown)
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
			}
			most.Store(max(most.Load(), int64(s.streams(bearer))))
		})
	}
	all.Wait()
	if opened.Load() != 3 || refused.Load() != 57 || most.Load() > 3 {
		t.Errorf("opened %d, refused %d, at most %d", opened.Load(), refused.Load(), most.Load())
	}
}
