package inbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"
)

// A message to many is stored once, and is in each inbox.
func TestSendMany(t *testing.T) {
	s := open(t, Options{})
	var names []string
	for i := range 50 {
		names = append(names, fmt.Sprint("c", i))
	}
	r, err := s.SendMany(context.Background(), names, Draft{From: "v", Content: []byte("all")})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		p, err := s.Messages(name, Query{Limit: 10})
		if err != nil || len(p.Messages) != 1 || p.Messages[0].ID != r.ID ||
			string(p.Messages[0].Content) != "all" || p.Unread != 1 {
			t.Fatalf("%s: %+v, %v", name, p, err)
		}
	}
}

// Members read a group's messages from when they joined to when they left.
func TestGroup(t *testing.T) {
	members := map[string][]Membership{}
	s := open(t, Options{Groups: func(name string) ([]Membership, error) { return members[name], nil }})
	say := func(text string) {
		t.Helper()
		_, err := s.SendGroup(context.Background(), "v", Draft{From: "v", Content: []byte(text)})
		if err != nil {
			t.Fatal(err)
		}
	}
	read := func(name string) (out []string) {
		p, err := s.Messages(name, Query{Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range p.Messages {
			out = append(out, string(m.Content))
		}
		if int(p.Unread) != len(out) {
			t.Errorf("%s: %d unread of %d", name, p.Unread, len(out))
		}
		return out
	}
	say("before")
	members["ann"] = []Membership{{Group: "v", From: s.Mark()}}
	say("one")
	s.mustSend(t, "ann", "direct")
	say("two")
	members["ann"][0].To = s.Mark()
	say("after")
	members["ann"] = append(members["ann"], Membership{Group: "v", From: s.Mark()})
	say("back")
	if got := fmt.Sprint(read("ann")); got != "[one direct two back]" {
		t.Error(got)
	}
	if got := read("bob"); got != nil {
		t.Error(got)
	}
	if from, err := s.Sender("ann", s.Mark()); err != nil || from != "v" {
		t.Errorf("%q, %v", from, err)
	}
	if _, err := s.Sender("bob", s.Mark()); !errors.Is(err, ErrNoMessage) {
		t.Error(err)
	}
}

// What is removed is gone, also for who has the name next.
func TestRemove(t *testing.T) {
	s := open(t, Options{})
	s.mustSend(t, "ann", "x")
	id := s.mustSend(t, "ann", "y")
	if err := s.Ack(context.Background(), "ann", id); err != nil {
		t.Fatal(err)
	}
	if err := s.Remove(context.Background(), "ann"); err != nil {
		t.Fatal(err)
	}
	s.mustSend(t, "ann", "z")
	p, err := s.Messages("ann", Query{Limit: 10})
	if err != nil || len(p.Messages) != 1 || p.Acked != 0 || p.Unread != 1 {
		t.Errorf("%+v, %v", p, err)
	}
}

// Messages that are too old are not shown, and swept; a key is forgotten after a day.
func TestAge(t *testing.T) {
	var ahead atomic.Int64
	s := open(t, Options{Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }})
	d := Draft{From: "ann", Content: []byte("x"), Key: "k"}
	first, err := s.SendMany(context.Background(), []string{"ann", "bob"}, d)
	if err != nil {
		t.Fatal(err)
	}
	ahead.Add(int64(23 * time.Hour))
	if again, _ := s.SendMany(context.Background(), []string{"ann", "bob"}, d); again != first {
		t.Errorf("%v, then %v", first, again)
	}
	ahead.Add(int64(7 * 24 * time.Hour))
	if p, err := s.Messages("bob", Query{Limit: 10}); err != nil || len(p.Messages) != 0 || p.Unread != 0 {
		t.Errorf("%+v, %v", p, err)
	}
	if err := s.sweepAll(); err != nil {
		t.Fatal(err)
	}
	s.mustSend(t, "eve", "later than the sweep's jobs")
	left := 0
	for _, prefix := range []byte{keyMessage, keyBody, keyReceipt} {
		_ = s.store.Scan('i', []byte{prefix}, func(_, _ []byte) error { left++; return nil })
	}
	if left != 1 {
		t.Errorf("%d records are left", left)
	}
	if again, err := s.SendMany(context.Background(), []string{"ann", "bob"}, d); err != nil || again == first {
		t.Errorf("%v, %v", again, err)
	}
}

// A clock that is wrong takes nothing away: neither a sweep by it, nor a message sent by it.
func TestUnsureClock(t *testing.T) {
	now, sure := time.Now(), time.Time{}
	s := open(t, Options{Now: func() time.Time { return now }, Sure: func() time.Time { return sure }})
	d := Draft{From: "ann", Content: bytes.Repeat([]byte("x"), 900), Key: "k"}
	first, err := s.SendMany(context.Background(), []string{"ann", "bob"}, d)
	if err != nil {
		t.Fatal(err)
	}
	now = now.Add(30 * 24 * time.Hour)
	if err := s.sweepAll(); err != nil {
		t.Fatal(err)
	}
	s.mustSend(t, "bob", "of the future")
	now = now.Add(-30 * 24 * time.Hour)
	if p, err := s.Messages("bob", Query{Limit: 10}); err != nil || len(p.Messages) != 2 {
		t.Errorf("%+v, %v", p, err)
	}
	if again, err := s.SendMany(context.Background(), []string{"ann", "bob"}, d); err != nil || again != first {
		t.Errorf("%v, then %v, %v", first, again, err)
	}
	sure = now.Add(8 * 24 * time.Hour)
	s.mustSend(t, "bob", "another")
	if p, err := s.Messages("bob", Query{Limit: 10}); err != nil || len(p.Messages) != 2 {
		t.Errorf("%+v, %v", p, err)
	}
}

func FuzzRecords(f *testing.F) {
	m := Message{From: "ann", Kind: "text", Content: []byte("x"), ReplyTo: 7, Expires: 8}
	f.Add(appendRecord(nil, 3, appendBody(nil, &m), false))
	f.Add(appendRecord(nil, 3, appendBody(nil, &m), true))
	h := header{last: 9, first: 3, id: 77, bytes: 500}
	f.Add(h.append(nil))
	c := cursor{acked: 5, told: 6, turns: true, reach: []reach{{"uann", 0, 4}}}
	f.Add(c.append(nil))
	f.Fuzz(func(t *testing.T, p []byte) {
		if e, err := parseRecord(p); err == nil {
			body := appendBody(nil, &e.Message)
			if e.shared {
				body = make([]byte, e.size-len(p))
			}
			again, err := parseRecord(appendRecord(nil, e.n, body, e.shared))
			if err != nil || again.n != e.n || again.From != e.From || again.Expires != e.Expires {
				t.Errorf("%+v, %+v, %v", e, again, err)
			}
		}
		if h, err := parseHeader(p); err == nil {
			if again, err := parseHeader(h.append(nil)); err != nil || again.last != h.last || again.first != h.first {
				t.Errorf("%+v, %+v, %v", h, again, err)
			}
		}
		if c, err := parseCursor(p); err == nil {
			if again, err := parseCursor(c.append(nil)); err != nil || again.acked != c.acked || len(again.reach) != len(c.reach) {
				t.Errorf("%+v, %+v, %v", c, again, err)
			}
		}
	})
}
