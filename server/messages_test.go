package server

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// post sends a message and returns its id.
func (s *running) post(bearer, to, content string, headers ...string) float64 {
	s.t.Helper()
	r := s.call("POST", "/api/v1/messages",
		map[string]string{"username": to, "content": content}, append(as(bearer), headers...)...)
	id, _ := r.at("id").(float64)
	if r.StatusCode != http.StatusAccepted || id == 0 || r.at("ts") != id {
		s.t.Fatalf("send: %d %s", r.StatusCode, r.body)
	}
	return id
}

// The original's audit: whoever sends to a username reaches all of its sockets, in three
// dialects, in order.
func TestMessageReachesAllStreams(t *testing.T) {
	s := start(t)
	ann := s.account("ann")
	j, b := s.typed(ann, "azira.v1.json", ""), s.typed(ann, "azira.v1.bin", "")
	text := s.open("/api/v1/stream?messages=1", ann)
	var ids []float64
	for i := range 20 {
		ids = append(ids, s.post(ann, "ann", fmt.Sprintf("hello %d \u2028 \x00", i)))
	}
	want := func(e event, i int) {
		t.Helper()
		if e.number("id") != ids[i] || e.number("ts") != ids[i] || e.text("from") != "ann" ||
			e.text("kind") != "text" || e.text("content") != fmt.Sprintf("hello %d \u2028 \x00", i) ||
			e["redelivered"] != nil {
			t.Fatalf("message %d: %v", i, e)
		}
	}
	for i := range ids {
		want(j.expect("msg"), i)
		want(b.expect("msg"), i)
		var e event
		if err := json.Unmarshal([]byte(hear(t, text)), &e); err != nil || e.text("type") != "msg" {
			t.Fatalf("%v, %v", err, e)
		}
		want(e, i)
	}
	if a := j.ask(fmt.Sprintf(`{"op":"ack","id":"x","message":%.0f}`, ids[9])); a.text("op") != "ack" {
		t.Errorf("%v", a)
	}
	if got := say(t, text, fmt.Sprintf("ack|%.0f", ids[14])); !strings.HasPrefix(got, "Acknowledged") {
		t.Errorf("%q", got)
	}
	eventually(t, "the inbox knows", func() bool {
		r := s.call("GET", "/api/v1/messages", nil, as(ann)...)
		return r.at("acked") == ids[14] && r.at("unread") == 5.0
	})
	for _, c := range []*websocket.Conn{j.conn, b.conn} {
		c.CloseNow()
	}
	eventually(t, "they are gone", func() bool { return s.streams(ann) == 1 })
	again := s.typed(ann, "azira.v1.json", "")
	for i := 15; i < 20; i++ {
		if e := again.expect("msg"); e.number("id") != ids[i] || e["redelivered"] != true {
			t.Fatalf("message %d again: %v", i, e)
		}
	}
}

// hear reads one text frame.
func hear(t *testing.T, c *websocket.Conn) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, p, err := c.Read(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return string(p)
}

// Messages wait while nobody is there: in order, and in pages.
func TestInboxHistory(t *testing.T) {
	s := start(t)
	ann := s.account("ann")
	var ids []float64
	for i := range 25 {
		ids = append(ids, s.post(ann, "ann", fmt.Sprint(i)))
	}
	page := func(query string) (got []float64, r reply) {
		t.Helper()
		r = s.call("GET", "/api/v1/messages?"+query, nil, as(ann)...)
		list, ok := r.at("messages").([]any)
		if r.StatusCode != 200 || !ok {
			t.Fatalf("%s: %d %s", query, r.StatusCode, r.body)
		}
		for _, m := range list {
			got = append(got, m.(map[string]any)["id"].(float64))
		}
		return got, r
	}
	for order, bound := range map[string]string{"oldest": "after", "newest": "before"} {
		var all []float64
		next := ""
		for {
			got, r := page("limit=10&order=" + order + next)
			all = append(all, got...)
			n, more := r.at("next").(float64)
			if !more {
				break
			}
			next = fmt.Sprintf("&%s=%.0f", bound, n)
		}
		for i := range ids {
			want := ids[i]
			if order == "newest" {
				want = ids[len(ids)-1-i]
			}
			if len(all) != len(ids) || all[i] != want {
				t.Fatalf("%s: %v", order, all)
			}
		}
	}
	got, _ := page(fmt.Sprintf("since=%.0f&until=%.0f", ids[3], ids[6]))
	if len(got) != 4 || got[0] != ids[3] || got[3] != ids[6] {
		t.Errorf("by time: %v", got)
	}
	if got, _ := page("until=" + time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)); len(got) != 0 {
		t.Errorf("an hour ago: %v", got)
	}
	for _, bad := range []string{"limit=0", "limit=501", "after=x", "order=up", "since=yesterday"} {
		if r := s.call("GET", "/api/v1/messages?"+bad, nil, as(ann)...); r.StatusCode != 422 {
			t.Errorf("%s: %d", bad, r.StatusCode)
		}
	}
}

// A retry with its key is the same message; another message with it is refused.
func TestIdempotencyKey(t *testing.T) {
	s := start(t)
	ann, bob := s.account("ann"), s.account("bob")
	key := []string{"Idempotency-Key", "k1"}
	first := s.post(ann, "ann", "once", key...)
	if again := s.post(ann, "ann", "once", key...); again != first {
		t.Errorf("%v, then %v", first, again)
	}
	if other := s.post(bob, "bob", "once", key...); other == first {
		t.Error("keys of two senders are one")
	}
	r := s.call("POST", "/api/v1/messages", map[string]string{"username": "ann", "content": "twice"},
		append(as(ann), key...)...)
	if r.StatusCode != 422 {
		t.Errorf("another message: %d %s", r.StatusCode, r.body)
	}
	if r := s.call("GET", "/api/v1/messages", nil, as(ann)...); len(r.at("messages").([]any)) != 1 {
		t.Errorf("%s", r.body)
	}
}

// Nobody may send to just anyone, and is not told who there is.
func TestMessageToOthers(t *testing.T) {
	s := start(t)
	ann := s.account("ann")
	s.account("bob")
	var bodies []string
	for _, to := range []string{"bob", "nobody", "a/b", "\u202e"} {
		r := s.call("POST", "/api/v1/messages", map[string]string{"username": to, "content": "x"}, as(ann)...)
		if r.StatusCode != http.StatusForbidden {
			t.Errorf("to %q: %d %s", to, r.StatusCode, r.body)
		}
		bodies = append(bodies, string(r.body))
	}
	for _, b := range bodies {
		if b != bodies[0] {
			t.Errorf("told apart: %q", bodies)
		}
	}
	if r := s.call("POST", "/api/v1/messages", map[string]string{"username": "bob", "content": "x"}); r.StatusCode != 401 {
		t.Errorf("without bearer: %d", r.StatusCode)
	}
}

// Any bytes come out as they went in.
func TestMessageBytes(t *testing.T) {
	s := start(t)
	ann := s.account("ann")
	p := s.typed(ann, "azira.v1.json", "")
	all := make([]byte, 16<<10)
	for i := range all {
		all[i] = byte(i * 7)
	}
	send := func(content, encoding string) int {
		body := map[string]string{"username": "ann", "content": content, "type": "blob"}
		if encoding != "" {
			body["encoding"] = encoding
		}
		return s.call("POST", "/message", body, append(as(ann), "Content-Type", "text/plain")...).StatusCode
	}
	if got := send(base64.StdEncoding.EncodeToString(all), "base64"); got != 200 {
		t.Fatal(got)
	}
	e := p.expect("msg")
	back, err := base64.StdEncoding.DecodeString(e.text("content"))
	if err != nil || string(back) != string(all) || e.text("encoding") != "base64" || e.text("kind") != "blob" {
		t.Errorf("%v: %d bytes, %s", err, len(back), e.text("encoding"))
	}
	for content, status := range map[string]int{
		strings.Repeat("x", 16<<10): 200, strings.Repeat("x", 16<<10+1): 413, "": 200,
	} {
		if got := send(content, ""); got != status {
			t.Errorf("%d bytes: %d", len(content), got)
		}
	}
	for _, bad := range []string{
		`{"username":"ann"}`, `{"username":"ann","content":7}`, `{"username":"ann","content":null}`,
		`{"content":"x"}`, `{"username":"ann","content":"x","encoding":"rot13"}`,
		`{"username":"ann","content":"?","encoding":"base64"}`,
		`{"username":"ann","content":"x","ttl_s":-1}`, `{"username":"ann","content":"x","type":[]}`,
		`{"username":"ann","content":"x","reply_to":"y"}`,
	} {
		if r := s.call("POST", "/api/v1/messages", bad, as(ann)...); r.StatusCode != 422 {
			t.Errorf("%s: %d %s", bad, r.StatusCode, r.body)
		}
	}
}

// The old browser programs' way: a ticket by another name, and JSON without asking.
func TestMessageStream(t *testing.T) {
	t.Parallel()
	s := start(t)
	ann := s.account("ann")
	r := s.call("POST", "/ws/token", nil, as(ann)...)
	c, _, err := s.dial("/ws?authorization="+r.text("token"), "")
	if err != nil {
		t.Fatal(err)
	}
	var e event
	if json.Unmarshal([]byte(hear(t, c)), &e); e.text("type") != "welcome" || e.text("username") != "ann" {
		t.Fatalf("%v", e)
	}
	id := s.post(ann, "ann", "hello")
	for e.text("type") != "msg" {
		e = nil
		if err := json.Unmarshal([]byte(hear(t, c)), &e); err != nil {
			t.Fatal(err)
		}
	}
	if e.number("id") != id {
		t.Errorf("%v", e)
	}
	if _, resp, err := s.dial("/ws?authorization="+r.text("token"), ""); err == nil || resp.StatusCode != 401 {
		t.Errorf("a ticket twice: %v", err)
	}
}

// A message that has had its time is not delivered, and is history.
func TestMessageTTL(t *testing.T) {
	s := start(t)
	ann := s.account("ann")
	for _, body := range []string{
		`{"username":"ann","content":"brief","ttl_s":0.001}`, `{"username":"ann","content":"long","ttl_s":100}`,
	} {
		if r := s.call("POST", "/api/v1/messages", body, as(ann)...); r.StatusCode != 202 {
			t.Fatalf("%d %s", r.StatusCode, r.body)
		}
	}
	time.Sleep(10 * time.Millisecond)
	if e := s.typed(ann, "azira.v1.json", "").expect("msg"); e.text("content") != "long" {
		t.Errorf("%v", e)
	}
	if r := s.call("GET", "/api/v1/messages", nil, as(ann)...); len(r.at("messages").([]any)) != 2 {
		t.Errorf("%s", r.body)
	}
}

// What nobody acknowledged makes room, and that is told.
func TestMessagesMakeRoom(t *testing.T) {
	s := start(t, func(c *Config) { c.InboxMessages = 5 })
	ann := s.account("ann")
	for i := range 12 {
		s.post(ann, "ann", fmt.Sprint(i))
	}
	p := s.typed(ann, "azira.v1.json", "")
	if e := p.expect("gap"); e.number("dropped") != 7 {
		t.Errorf("%v", e)
	}
	for i := 7; i < 12; i++ {
		if e := p.expect("msg"); e.text("content") != fmt.Sprint(i) {
			t.Errorf("%v", e)
		}
	}
	r := s.call("GET", "/api/v1/messages", nil, as(ann)...)
	if len(r.at("messages").([]any)) != 5 || r.at("unread") != 5.0 {
		t.Errorf("%s", r.body)
	}
}

// Deliver to one: each message goes to one of three streams, in turn; what one has not
// acknowledged when it goes, another gets.
func TestDeliveryInTurn(t *testing.T) {
	s := start(t)
	ann := s.account("ann")
	r := s.call("PUT", "/api/v1/users/delivery", map[string]string{"delivery": "one"}, as(ann)...)
	if r.StatusCode != 200 || s.call("GET", "/api/v1/users/delivery", nil, as(ann)...).text("delivery") != "one" {
		t.Fatalf("%d %s", r.StatusCode, r.body)
	}
	const n = 90
	got := make(chan struct {
		from int
		id   float64
	}, 4*n)
	var streams []*typed
	for i := range 3 {
		p := s.typed(ann, "azira.v1.json", "")
		streams = append(streams, p)
		go func() {
			for {
				e, err := p.read()
				if err != nil {
					return
				}
				if e.text("type") == "msg" {
					got <- struct {
						from int
						id   float64
					}{i, e.number("id")}
				}
			}
		}()
	}
	sent := map[float64]bool{}
	for i := range n {
		sent[s.post(ann, "ann", fmt.Sprint(i))] = true
	}
	per, seen, first := [3]int{}, map[float64]int{}, [3][]float64{}
	for range n {
		x := <-got
		per[x.from]++
		seen[x.id]++
		first[x.from] = append(first[x.from], x.id)
	}
	for i, k := range per {
		if k < n/3-4 || k > n/3+4 {
			t.Errorf("stream %d got %d: %v", i, k, per)
		}
	}
	if len(seen) != n {
		t.Errorf("%d of %d", len(seen), n)
	}
	streams[0].conn.CloseNow() // has acknowledged nothing
	for range per[0] {
		x := <-got
		if x.from == 0 || seen[x.id] != 1 {
			t.Fatalf("%v", x)
		}
		seen[x.id]++
	}
}

// driveMessages sends to a user, alone and as one of a group, and acknowledges.
func driveMessages(t *testing.T, protocol string) witness {
	s := start(t, func(c *Config) { c.InboxMessages = 2 })
	ann := s.account("ann")
	vic := s.vendor("vic", "ann")
	for _, body := range []string{
		`{"username":"ann","content":"AP8=","encoding":"base64"}`,
		`{"username":"ann","content":"gone"}`, `{"username":"ann","content":"x","reply_to":1}`,
	} {
		if r := s.call("POST", "/api/v1/messages", body, as(ann)...); r.StatusCode != 202 {
			t.Fatalf("%d %s", r.StatusCode, r.body)
		}
	}
	p := s.typed(ann, protocol, "")
	p.expect("gap")
	p.expect("msg")
	if r := s.call("POST", "/api/v1/messages", `{"username":"ann","content":"AP8=","encoding":"base64"}`,
		as(ann)...); r.StatusCode != 202 {
		t.Fatalf("%d %s", r.StatusCode, r.body)
	}
	p.expect("msg", func(e event) bool { return e.text("encoding") == "base64" })
	r := s.call("POST", "/api/v1/vendors/vic/messages", `{"to":"*","content":"all"}`, as(vic)...)
	if r.StatusCode != 202 || r.at("accepted") != 1.0 {
		t.Fatalf("%d %s", r.StatusCode, r.body)
	}
	e := p.expect("msg", func(e event) bool { return e.text("group") == "vic" })
	again := s.typed(ann, protocol, "")
	again.expect("msg", func(e event) bool { return e["redelivered"] == true })
	p.ask(fmt.Sprintf(`{"op":"ack","id":"a","message":%.0f}`, e.number("id")))
	p.seen.add(again.seen)
	return p.seen
}
