package server

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// A thousand posts, one after the other: a stream that reads has each in its order while
// another of the account reads nothing, and a stream of who was away all the time has them
// when it comes, as the history has them in pages. Ticks go on beside.
func TestThousandMessages(t *testing.T) {
	t.Parallel()
	n := 1000
	if testing.Short() {
		n = 200
	}
	s, f := startWithFeed(t)
	ann, bob := s.account("ann"), s.account("bob")
	v := s.vendor("v", "ann", "bob")
	f.tick("A", `{"ltp":0}`)
	s.known(ann, "A")
	reads, stuck := s.typed(ann, "azira.v1.json", ""), s.leanTyped(ann, "azira.v1.json")
	reads.ask(`{"op":"subscribe","tokens":["A"]}`)
	sent := make(chan []float64)
	go func() { sent <- s.tellMany(v, n) }()
	stop, ticked := make(chan struct{}), make(chan int)
	go func() { ticked <- f.tickOn("A", stop) }()
	ids, ticks := []float64{}, 0
	for len(ids) < n {
		switch e := reads.next(); e["type"] {
		case "msg":
			if !strings.HasPrefix(e.text("content"), fmt.Sprintf("%d ", len(ids))) {
				t.Fatalf("message %d is %.80v", len(ids), e)
			}
			ids = append(ids, e.number("id"))
		case "tick":
			ticks++
		}
	}
	answered := <-sent
	close(stop)
	if published := <-ticked; ticks == 0 {
		t.Errorf("none of %d ticks came between the messages", published)
	}
	for i, id := range ids {
		if answered[i] != id {
			t.Fatalf("message %d has id %.0f, and %.0f on the stream", i, answered[i], id)
		}
	}
	s.hasAll(bob, ids)
	late := s.typed(bob, "azira.v1.json", "")
	for k, id := range ids {
		if e := late.expect("msg"); e.number("id") != id || e["redelivered"] != nil {
			t.Fatalf("who was away: message %d is %.80v", k, e)
		}
	}
	for k, id := range ids[:20] { // its window is small: all would take long
		if e := stuck.expect("msg"); e.number("id") != id || e["redelivered"] != nil {
			t.Fatalf("who did not read: message %d is %.80v", k, e)
		}
	}
}

// tellMany sends so many messages of 2 KB to a vendor's clients, by turns to the group and
// to both by name, and returns their ids.
func (s *running) tellMany(vendor string, n int) (ids []float64) {
	pad := strings.Repeat("x", 2000)
	for i := range n {
		to := `"*"`
		if i%2 == 1 {
			to = `["bob","ann"]`
		}
		r := s.tell("v", vendor, to, fmt.Sprint(i, " ", pad))
		id, _ := r.at("id").(float64)
		if r.StatusCode != 202 {
			s.t.Errorf("%d %s", r.StatusCode, r.body)
		}
		ids = append(ids, id)
	}
	return ids
}

// tickOn publishes until it is told to stop.
func (b *bus) tickOn(topic string, stop chan struct{}) (n int) {
	for {
		select {
		case <-stop:
			return n
		case <-time.After(2 * time.Millisecond):
			n++
			b.tick(topic, fmt.Sprintf(`{"ltp":%d}`, n))
		}
	}
}

// hasAll looks at an account's history, in pages.
func (s *running) hasAll(bearer string, ids []float64) {
	s.t.Helper()
	after := 0.0
	for len(ids) > 0 {
		r := s.call("GET", fmt.Sprintf("/api/v1/messages?limit=77&after=%.0f", after), nil, as(bearer)...)
		list := asList(r.at("messages"))
		if len(list) == 0 || len(list) > 77 || len(list) > len(ids) {
			s.t.Fatalf("%d messages, %d to come", len(list), len(ids))
		}
		for i, m := range list {
			if after = event(m.(map[string]any)).number("id"); after != ids[i] {
				s.t.Fatalf("%.0f, want %.0f", after, ids[i])
			}
		}
		ids = ids[len(list):]
	}
}

// Who got messages of its own and of a group, acknowledged none and went, has them again,
// marked; what had to go of the group meanwhile is told, once.
func TestAwayFromGroup(t *testing.T) {
	s := start(t, func(c *Config) { c.InboxMessages = 5 })
	ann := s.account("ann")
	v := s.vendor("v", "ann")
	p := s.typed(ann, "azira.v1.json", "")
	own := s.post(ann, "ann", "own")
	s.tell("v", v, `"*"`, "group 0")
	p.expect("msg")
	p.expect("msg")
	p.conn.CloseNow()
	eventually(t, "it is gone", func() bool { return s.streams(ann) == 0 })
	time.Sleep(50 * time.Millisecond) // the desk, too
	for i := 1; i < 4; i++ {
		s.tell("v", v, `"*"`, fmt.Sprint("group ", i))
	}
	p = s.typed(ann, "azira.v1.json", "")
	if e := p.expect("msg"); e.number("id") != own || e["redelivered"] != true {
		t.Errorf("%v", e)
	}
	for i := range 4 {
		e := p.expect("msg")
		if e.text("content") != fmt.Sprint("group ", i) || (e["redelivered"] == true) != (i == 0) {
			t.Errorf("%d: %v", i, e)
		}
	}
	p.conn.CloseNow()
	eventually(t, "it is gone", func() bool { return s.streams(ann) == 0 })
	for i := 4; i < 12; i++ {
		s.tell("v", v, `"*"`, fmt.Sprint("group ", i))
	}
	p = s.typed(ann, "azira.v1.json", "")
	if e := p.expect("msg"); e.number("id") != own {
		t.Errorf("%v", e)
	}
	if e := p.expect("gap"); e.number("dropped") != 7 {
		t.Errorf("%v", e)
	}
	for i := 7; i < 12; i++ {
		if e := p.expect("msg"); e.text("content") != fmt.Sprint("group ", i) || e["redelivered"] != nil {
			t.Errorf("%d: %v", i, e)
		}
	}
	r := s.call("GET", "/api/v1/messages", nil, as(ann)...)
	if r.at("unread") != 6.0 {
		t.Errorf("%s", r.body)
	}
}
