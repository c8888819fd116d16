package server

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// all is the inbox of a bearer's account as "from content" in one line.
func (s *running) all(bearer string) string {
	s.t.Helper()
	r := s.call("GET", "/api/v1/messages?limit=500", nil, as(bearer)...)
	var lines []string
	for _, m := range asList(r.at("messages")) {
		m := event(m.(map[string]any))
		lines = append(lines, m.text("from")+" "+m.text("content"))
	}
	return strings.Join(lines, ", ")
}

// tell sends to clients of a vendor and returns the answer.
func (s *running) tell(vendor, bearer, to, content string) reply {
	s.t.Helper()
	return s.call("POST", "/api/v1/vendors/"+vendor+"/messages",
		fmt.Sprintf(`{"to":%s,"content":%q}`, to, content), as(bearer)...)
}

// Two vendors with one client in common: each reaches its own, all that it names or
// none; an answer goes to the vendor that wrote, under the client's name; nobody else
// sees any of it.
func TestVendorsMessages(t *testing.T) {
	s := start(t)
	ann, bob, cid := s.account("ann"), s.account("bob"), s.account("cid")
	v, w := s.vendor("v", "ann", "bob"), s.vendor("w", "ann", "cid")
	ok := func(r reply, accepted float64) float64 {
		t.Helper()
		if r.StatusCode != 202 || r.at("accepted") != accepted {
			t.Fatalf("%d %s", r.StatusCode, r.body)
		}
		return r.at("id").(float64)
	}
	id := ok(s.tell("v", v, `["ann","bob","ann"]`, "list"), 2)
	ok(s.tell("v", v, `"*"`, "star"), 2)
	theirs := ok(s.tell("w", w, `"*"`, "other"), 2)
	for _, to := range []string{`["ann","cid"]`, `["ann","none"]`, `["ann","v"]`, `["ann","a/b"]`} {
		if r := s.tell("v", v, to, "to nobody"); r.StatusCode != 403 {
			t.Errorf("%s: %d %s", to, r.StatusCode, r.body)
		}
	}
	for _, to := range []string{`[]`, `"ann"`, `7`, `null`, `[7]`} {
		if r := s.tell("v", v, to, "to nobody"); r.StatusCode != 422 {
			t.Errorf("%s: %d %s", to, r.StatusCode, r.body)
		}
	}
	reply := func(bearer, to string, id float64) int {
		return s.call("POST", "/api/v1/messages", map[string]any{
			"username": to, "content": "answer", "reply_to": id, "from": "v", "sender": "v",
		}, as(bearer)...).StatusCode
	}
	for name, got := range map[string][2]int{
		"hers":                     {reply(ann, "v", id), 202},
		"what another vendor sent": {reply(ann, "v", theirs), 403},
		"what nobody sent":         {reply(ann, "v", id-1), 403},
		"without":                  {reply(ann, "v", 0), 403},
		"to a client":              {reply(ann, "bob", id), 403},
		"of who did not get it":    {reply(cid, "v", id), 403},
	} {
		if got[0] != got[1] {
			t.Errorf("answer to %s: %d", name, got[0])
		}
	}
	for bearer, want := range map[string]string{
		ann: "v list, v star, w other", bob: "v list, v star", cid: "w other", v: "ann answer", w: "",
	} {
		if got := s.all(bearer); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// An open stream gets what is sent to a group from when its account joins to when it
// leaves, direct messages in between in their place; who left can't answer any more.
func TestGroupWhileConnected(t *testing.T) {
	s := start(t)
	ann, v := s.account("ann"), s.vendor("v")
	p := s.typed(ann, "azira.v1.json", "")
	s.tell("v", v, `"*"`, "before")
	s.grant("PUT", "/api/v1/vendors/v/clients/ann")
	id := s.tell("v", v, `"*"`, "one").at("id")
	s.tell("v", v, `["ann"]`, "two")
	s.tell("v", v, `"*"`, "three")
	for i, want := range []string{"one", "two", "three"} {
		if e := p.expect("msg"); e.text("content") != want || (e["group"] == "v") != (i != 1) {
			t.Errorf("%v, want %s", e, want)
		}
	}
	if r := s.call("DELETE", "/api/v1/vendors/v/clients/ann", nil, as(ann)...); r.StatusCode != 200 {
		t.Fatalf("%d %s", r.StatusCode, r.body)
	}
	s.tell("v", v, `"*"`, "after")
	s.post(ann, "ann", "own")
	if e := p.expect("msg"); e.text("content") != "own" {
		t.Errorf("%v", e)
	}
	if got := s.all(ann); got != "v one, v two, v three, ann own" {
		t.Error(got)
	}
	r := s.call("POST", "/api/v1/messages",
		map[string]any{"username": "v", "content": "x", "reply_to": id}, as(ann)...)
	if r.StatusCode != 403 {
		t.Errorf("an answer of who left: %d %s", r.StatusCode, r.body)
	}
}

// A vendor beyond its limit is slowed and, far beyond it, told when to come again. That
// costs nothing, and what was refused is nowhere.
func TestVendorIsSlowed(t *testing.T) {
	s := start(t)
	ann := s.account("ann")
	v := s.vendor("v", "ann")
	limit := func(body string) {
		t.Helper()
		r := s.callAt("http://"+s.addrs.Admin, "PUT", "/api/v1/vendors/v", body)
		if r.StatusCode != 200 {
			t.Fatalf("%d %s", r.StatusCode, r.body)
		}
	}
	limit(`{"messages_per_s":10}`)
	for i := range 10 {
		s.tell("v", v, `"*"`, fmt.Sprint(i))
	}
	began := time.Now()
	for i := range 5 {
		if r := s.tell("v", v, `["ann"]`, fmt.Sprint(10+i)); r.StatusCode != 202 {
			t.Fatalf("%d %s", r.StatusCode, r.body)
		}
	}
	if took := time.Since(began); took < 200*time.Millisecond {
		t.Errorf("not slowed: %v", took)
	}
	limit(`{"messages_per_s":null,"bytes_per_s":1000}`)
	if r := s.tell("v", v, `"*"`, strings.Repeat("x", 10_000)); r.StatusCode != 202 {
		t.Fatalf("%d %s", r.StatusCode, r.body)
	}
	r := s.tell("v", v, `"*"`, "x")
	if r.StatusCode != 429 || r.Header.Get("Retry-After") == "" {
		t.Errorf("%d %v %s", r.StatusCode, r.Header, r.body)
	}
	r = s.call("POST", "/api/v1/messages", `{"username":"ann","content":"x"}`, as(v)...)
	if r.StatusCode != 429 {
		t.Errorf("one message: %d %s", r.StatusCode, r.body)
	}
	u := s.call("GET", "/api/v1/vendors/v", nil, as(v)...)
	if u.at("usage", "messages") != 16.0 || u.at("usage", "refused") != 2.0 || u.at("usage", "slowed").(float64) < 4 {
		t.Errorf("%s", u.body)
	}
	if got := s.call("GET", "/api/v1/messages", nil, as(ann)...); len(asList(got.at("messages"))) != 16 {
		t.Errorf("%s", got.body)
	}
}

// A thousand long names and a message full of escapes fit.
func TestLargeSends(t *testing.T) {
	s := start(t)
	s.account("ann")
	v := s.vendor("v", "ann")
	names := make([]string, 1000)
	for i := range names {
		names[i] = fmt.Sprintf(`"%s%04d"`, strings.Repeat("\U0001d400", 60), i)
	}
	if r := s.tell("v", v, "["+strings.Join(names, ",")+"]", "x"); r.StatusCode != 403 {
		t.Errorf("1,000 names: %d %s", r.StatusCode, r.body)
	}
	r := s.tell("v", v, "["+strings.Join(append(names, `"ann"`), ",")+"]", "x")
	if r.StatusCode != 422 {
		t.Errorf("1,001 names: %d %s", r.StatusCode, r.body)
	}
	for n, status := range map[int]int{16 << 10: 202, 16<<10 + 1: 413} {
		body := `{"username":"ann","content":"` + strings.Repeat(`\u0001`, n) + `"}`
		if r := s.call("POST", "/api/v1/messages", body, as(v)...); r.StatusCode != status {
			t.Errorf("%d escapes: %d %s", n, r.StatusCode, r.body)
		}
	}
	r = s.call("POST", "/api/v1/messages", `{"username":"ann","content":"a\ud800b"}`, as(v)...)
	if r.StatusCode != 422 {
		t.Errorf("half a surrogate pair: %d %s", r.StatusCode, r.body)
	}
}
