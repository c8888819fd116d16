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
