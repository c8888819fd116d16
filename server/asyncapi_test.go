package server

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"azira/proto"
)

// The document is AsyncAPI 3.0 in the main: every reference leads somewhere, every
// message has a payload, operations use messages of their channel, nothing is idle.
func TestAsyncAPIForm(t *testing.T) {
	d := loadDocument(t, asyncAPIText)
	if d["asyncapi"] != "3.0.0" || dig(d["info"], "title") == nil || dig(d["info"], "version") == nil {
		t.Errorf("%v, %v", d["asyncapi"], d["info"])
	}
	used := map[string]bool{}
	walk(map[string]any(d), func(at string, v any) {
		ref, ok := dig(v, "$ref").(string)
		if ok && d.refer(ref) == nil {
			t.Errorf("%s: %s is not there", at, ref)
		}
		used[ref] = true
	})
	for _, of := range []string{"messages", "schemas"} {
		for name := range dig(d["components"], of).(map[string]any) {
			if !used["#/components/"+of+"/"+name] {
				t.Errorf("%s %s is used nowhere", of, name)
			}
		}
	}
	for name, m := range dig(d["components"], "messages").(map[string]any) {
		schema := dig(m, "payload")
		if schema == nil || dig(m, "name") != name {
			t.Errorf("message %s: %v", name, m)
		}
		for _, x := range asList(dig(m, "examples")) {
			if err := d.fits(schema, dig(x, "payload"), name); err != nil {
				t.Errorf("example: %v", err)
			}
		}
	}
	for name, c := range d["channels"].(map[string]any) {
		known := slices.ContainsFunc(routes, func(ro route) bool { return ro.path == dig(c, "address") })
		if messages, _ := dig(c, "messages").(map[string]any); !known || len(messages) == 0 {
			t.Errorf("channel %s: %v", name, c)
		}
	}
	for name, op := range d["operations"].(map[string]any) {
		checkOperation(t, name, op)
	}
}

func checkOperation(t *testing.T, name string, op any) {
	if action := dig(op, "action"); action != "send" && action != "receive" {
		t.Errorf("%s: action %v", name, action)
	}
	for _, part := range []any{op, dig(op, "reply")} {
		channel, _ := dig(part, "channel", "$ref").(string)
		for _, m := range asList(dig(part, "messages")) {
			ref, _ := dig(m, "$ref").(string)
			if !strings.HasPrefix(channel, "#/channels/") || !strings.HasPrefix(ref, channel+"/messages/") {
				t.Errorf("%s: %s is no message of %s", name, ref, channel)
			}
		}
	}
}

// walk visits every object of a JSON value.
func walk(v any, visit func(at string, v any)) { walkAt("", v, visit) }

func walkAt(at string, v any, visit func(at string, v any)) {
	switch x := v.(type) {
	case map[string]any:
		visit(at, v)
		for name, inner := range x {
			walkAt(at+"/"+name, inner, visit)
		}
	case []any:
		for _, inner := range x {
			walkAt(at, inner, visit)
		}
	}
}

// described is all that a channel's messages may hold, in a witness's words.
func (d document) described(channel string) witness {
	w := witness{}
	for name := range dig(d["channels"], channel, "messages").(map[string]any) {
		d.describe(w, channel+"."+name, dig(d["components"], "messages", name, "payload"))
	}
	return w
}

func (d document) describe(w witness, at string, schema any) {
	if ref, ok := dig(schema, "$ref").(string); ok {
		schema = d.refer(ref)
	}
	w[at] = true
	for _, v := range asList(dig(schema, "enum")) {
		if text, ok := v.(string); ok {
			w[at+"="+text] = true
		}
	}
	if items := dig(schema, "items"); items != nil {
		d.describe(w, at, items)
	}
	properties, _ := dig(schema, "properties").(map[string]any)
	for name, inner := range properties {
		d.describe(w, at+"."+name, inner)
	}
}

// What is said in the text dialect is as described, too.
func TestAsyncAPIDescribesTheTextDialect(t *testing.T) {
	d := loadDocument(t, asyncAPIText)
	s, f := startWithFeed(t)
	ann := s.account("ann")
	f.tick("A", quoteTick)
	s.known(ann, "A")
	schema := func(name string) any {
		if dig(d["channels"], "text", "messages", name) == nil {
			t.Fatalf("%s is no message of the channel", name)
		}
		return dig(d["components"], "messages", name, "payload")
	}
	c := s.open("/api/v1/stream?messages=1", ann)
	for _, tc := range []struct {
		request, answer string
		good            bool
	}{
		{"foo|A", "Unknown action: foo", false},
		{"hello", "Error: ", false},
		{"subscribe|", "Error: ", false},
		{"unsubscribe|A", "Unsubscribed from tokens: A", true},
		{"subscribe|A", "Subscribed to tokens: A", true},
		{"ack|x", "Error: ", false},
	} {
		got := say(t, c, tc.request)
		if err := d.fits(schema("textAnswer"), got, "answer"); err != nil || !strings.HasPrefix(got, tc.answer) {
			t.Errorf("%s: %q, %v", tc.request, got, err)
		}
		if err := d.fits(schema("textRequest"), tc.request, "request"); (err == nil) != tc.good {
			t.Errorf("%s: %v", tc.request, err)
		}
	}
	f.tick("A", quoteTick)
	var tick any
	if err := json.Unmarshal([]byte(read(t, c)), &tick); err != nil {
		t.Fatal(err)
	}
	if err := d.fits(schema("textTick"), tick, "tick"); err != nil {
		t.Error(err)
	}
	ack := fmt.Sprintf("ack|%.0f", s.post(ann, "ann", "hello"))
	var msg any
	if err := json.Unmarshal([]byte(read(t, c)), &msg); err != nil || d.fits(schema("msg"), msg, "msg") != nil {
		t.Errorf("%v, %v", msg, err)
	}
	got := say(t, c, ack)
	if d.fits(schema("textRequest"), ack, "ack") != nil || d.fits(schema("textAnswer"), got, "answer") != nil {
		t.Errorf("%s: %s", ack, got)
	}
	gap := map[string]any{"type": "gap", "dropped": 1.0}
	if err := d.fits(schema("messageGap"), gap, "gap"); err != nil {
		t.Error(err)
	}
	got = say(t, c, "subscribe|X")
	if err := d.fits(schema("textAnswer"), got, "answer"); err != nil || got != "Tokens not found: X" {
		t.Errorf("%q, %v", got, err)
	}
}

// Every event and request that is described, with every field, is met on real streams
// of a real server, each frame fitting its schema; and every error code.
func TestAsyncAPIDescribesTheStreams(t *testing.T) {
	t.Parallel()
	d := loadDocument(t, asyncAPIText)
	for channel, protocol := range map[string]string{"json": proto.ProtocolJSON, "binary": proto.ProtocolBinary} {
		t.Run(channel, func(t *testing.T) {
			seen := witness{}
			for _, drive := range []func(*testing.T, string) witness{
				driveTicks, driveGaps, driveFeedGap, driveErrors, driveLimits, driveInternal,
				driveRoster, driveMessages,
			} {
				seen.add(drive(t, protocol))
			}
			for _, what := range d.described(channel).sorted() {
				if !seen[what] {
					t.Errorf("described, but never met: %s", what)
				}
			}
			for _, code := range asList(dig(d["components"], "schemas", "code", "enum")) {
				if !seen[fmt.Sprintf("code %v", code)] {
					t.Errorf("error code %v was never met", code)
				}
			}
		})
	}
}

const quoteTick = `{"token":"A","ltp":123.45,"bestbidprice":123.40,"bestaskprice":123.50}`

// driveTicks goes through all that an ordinary stream brings, up to the drain.
func driveTicks(t *testing.T, protocol string) witness {
	s, f := startWithFeed(t, func(c *Config) { c.DrainWindow = time.Second })
	ann := s.account("ann")
	f.tick("A", quoteTick)
	f.tick("B", `{"token":"B","ltp":"none"}`)
	s.known(ann, "A", "B")
	p := s.typed(ann, protocol, "?hb_ms=500")
	p.expect("hb", says("stale"))
	p.ask(`{"op":"subscribe","id":"r1","tokens":["A","B"],"mode":"full","snapshot":true}`)
	p.expect("snap", is("A"))
	if e := p.expect("snap", is("B")); e["binary"] != nil || e["data"] == nil {
		t.Errorf("a tick without a price: %v", e)
	}
	f.tick("A", quoteTick)
	if e := p.expect("tick"); (e["binary"] != nil) != (protocol == proto.ProtocolBinary) {
		t.Errorf("tick %v", e)
	}
	f.tick("B", `{"token":"B","ltp":"none"}`)
	p.expect("tick", is("B"))
	p.expect("hb", says("live"))
	p.ask(`{"op":"list"}`)
	p.ask(`{"op":"subscribe","id":2,"tokens":["A","B"],"mode":"ltp","max_rate":5}`)
	p.expect("snap", is("B"))
	if e := p.ask(`{"op":"list","id":"r3"}`); len(e.list("ok")) != 2 || e.list("ok")[0].number("max_rate") != 5 {
		t.Errorf("list %v", e)
	}
	for range 20 {
		f.tick("A", quoteTick)
		f.tick("B", `{"token":"B","ltp":"none"}`)
	}
	if e := p.expect("skip"); e.number("count") > e.number("seq") {
		t.Errorf("skip %v", e)
	}
	p.expect("tick", is("B"))
	p.send(`{"op":"ping","id":"r4"}`)
	p.expect("pong")
	if e := p.ask(`{"op":"auth","id":"r5","bearer":"` + s.login("ann") + `"}`); e.number("expires_in") < 1700 {
		t.Errorf("auth %v", e)
	}
	p.ask(`{"op":"unsubscribe","id":"r6","tokens":["A"]}`)
	p.ask(`{"op":"unsubscribe","tokens":"*"}`)
	go s.cancel()
	p.expect("drain")
	if code := p.closed(); code != 1012 {
		t.Errorf("drained with %d", code)
	}
	return p.seen
}

// is is for events of a token.
func is(token string) func(event) bool {
	return func(e event) bool { return e["token"] == token }
}

// says is for heartbeats with a state of the feed.
func says(feed string) func(event) bool {
	return func(e event) bool { return e["feed"] == feed }
}

// driveGaps resumes what the ring has no more, and what was of another run.
func driveGaps(t *testing.T, protocol string) witness {
	s, f := startWithFeed(t, func(c *Config) { c.RingBytes = 64 << 10 })
	ann := s.account("ann")
	f.tick("A", quoteTick)
	s.known(ann, "A")
	p := s.typed(ann, protocol, "")
	epoch := int64(p.welcome.number("epoch"))
	f.tick("A", quoteTick)
	pad := `{"token":"B","ltp":1,"pad":"` + strings.Repeat("x", 8<<10) + `"}`
	for range 100 {
		f.tick("B", pad)
	}
	f.tick("A", quoteTick)
	eventually(t, "all is there", func() bool { return s.last(ann, "A").at("seq") == 3.0 })
	p.ask(fmt.Sprintf(`{"op":"subscribe","id":"r1","epoch":%d,"from":{"A":1}}`, epoch))
	if e := p.expect("gap"); e.number("from") != 2 || e.number("to") != 2 || e.text("reason") != "ring" {
		t.Errorf("gap %v", e)
	}
	if e := p.expect("snap"); e.number("seq") != 3 {
		t.Errorf("snap %v", e)
	}
	q := s.typed(ann, protocol, "")
	q.ask(fmt.Sprintf(`{"op":"subscribe","epoch":%d,"from":{"A":1}}`, epoch-1))
	if e := q.expect("gap"); e.number("from") != 1 || e.number("to") != 2 || e.text("reason") != "epoch" {
		t.Errorf("gap %v", e)
	}
	q.expect("snap")
	p.seen.add(q.seen)
	return p.seen
}

// driveFeedGap has the feed's own numbers leave one out.
func driveFeedGap(t *testing.T, protocol string) witness {
	s, f := startWithFeed(t, func(c *Config) { c.FeedSeqField = "n" })
	ann := s.account("ann")
	f.tick("A", `{"ltp":1,"n":7}`)
	s.known(ann, "A")
	p := s.typed(ann, protocol, "")
	p.ask(`{"op":"subscribe","tokens":["A"]}`)
	for _, n := range []int{8, 9, 12} { // the first ones may come before the encoding is made
		f.tick("A", fmt.Sprintf(`{"ltp":1,"n":%d}`, n))
		if n < 12 {
			p.expect("tick")
		}
	}
	e := p.expect("gap")
	if e.number("from") != 10 || e.number("to") != 11 || e.text("reason") != "feed" {
		t.Errorf("gap %v", e)
	}
	if e := p.next(); e["type"] != "tick" || e.number("seq") != 4 {
		t.Errorf("behind the gap: %v", e)
	}
	return p.seen
}

// driveErrors provokes what a request can be refused for.
func driveErrors(t *testing.T, protocol string) witness {
	s, f := startWithFeed(t, func(c *Config) { c.TokensPerStream, c.AccessTTL = 1, 2*time.Second })
	ann := s.account("ann")
	expired := s.login("ann")
	f.tick("A", quoteTick)
	f.tick("B", quoteTick)
	s.known(ann, "A", "B")
	p := s.typed(ann, protocol, "")
	e := p.ask(`{"op":"subscribe","tokens":["A","B","X"]}`)
	if failed := e.list("failed"); len(failed) != 2 || failed[0].number("code") != 106 ||
		failed[1].number("code") != 102 {
		t.Errorf("%v", e)
	}
	unknown := `"x"`
	for i := range 99 {
		unknown += fmt.Sprintf(`,"no-%057d"`, i)
	}
	if e := p.ask(`{"op":"subscribe","id":"long","tokens":[` + unknown + `]}`); len(e.list("failed")) != 100 {
		t.Errorf("%v", e)
	}
	p.send(`{"op":"sing","id":"r1"}`, true)
	if e := p.expect("error"); e.number("code") != 108 {
		t.Errorf("%v", e)
	}
	for request, code := range map[string]int{
		`{"op":"auth","bearer":"nonsense"}`:                 101,
		`{"op":"auth","bearer":"` + s.account("bob") + `"}`: 103,
		`{"op":"ack","id":"m","message":9007199254740000}`:  107,
	} {
		if got := p.refused(request); got != code {
			t.Errorf("%s: %d, want %d", request, got, code)
		}
	}
	time.Sleep(2100 * time.Millisecond)
	if got := p.refused(`{"op":"auth","bearer":"` + expired + `"}`); got != 109 {
		t.Errorf("an expired bearer: %d", got)
	}
	return p.seen
}

// driveLimits asks faster than is served.
func driveLimits(t *testing.T, protocol string) witness {
	s := start(t)
	p := s.typed(s.account("ann"), protocol, "")
	for range 60 {
		p.send(`{"op":"ping"}`)
	}
	if e := p.expect("error"); e.number("code") != 111 || e.number("retry_ms") != 100 {
		t.Errorf("%v", e)
	}
	return p.seen
}

// driveInternal takes the database away from under a renewal.
func driveInternal(t *testing.T, protocol string) witness {
	c := testConfig(t)
	parts := &server{config: c, log: testLogger(&syncBuffer{})}
	t.Cleanup(func() { _ = parts.stop() })
	addrs, err := parts.start()
	if err != nil {
		t.Fatal(err)
	}
	s := &running{t: t, addrs: addrs}
	p := s.typed(s.account("ann"), protocol, "")
	other := s.login("ann")
	if err := parts.store.Close(); err != nil {
		t.Fatal(err)
	}
	if got := p.refused(`{"op":"auth","id":"r1","bearer":"` + other + `"}`); got != 100 {
		t.Errorf("without a database: %d", got)
	}
	return p.seen
}
