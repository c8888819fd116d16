package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// post has the fake send a message.
func (f *typedFake) post(id int, more string) {
	f.tell(`{"type":"msg","id":%d,"from":"acme","ts":%d,"kind":"text","content":"m%d"%s}`,
		id, id, id, more)
}

func posted(t *testing.T, s *Stream) Message {
	t.Helper()
	select {
	case m, ok := <-s.Messages():
		if !ok {
			t.Fatal("the messages have ended")
		}
		return m
	case <-time.After(5 * time.Second):
		t.Fatal("no message within 5 s")
	}
	return Message{}
}

func TestMessages(t *testing.T) {
	both(t, func(t *testing.T, d Dialect) {
		f := newTypedFake(t, "A")
		s := f.hold(d, "A")
		f.post(7, "")
		f.tell(`{"type":"gap","dropped":12}`)
		f.tell(`{"type":"msg","id":9,"from":"a\"b","ts":8,"kind":"blob","encoding":"base64",` +
			`"content":"AP8=","reply_to":7,"group":"acme","redelivered":true,"new":1}`)
		for _, bad := range []string{`"id":"x"`, `"id":0`, `"id":9007199254740992`, `"id":1.5`,
			`"id":1,"encoding":"base64"`, `"id":1,"encoding":"rot13"`} {
			f.tell(`{"type":"msg","from":"a","ts":1,"content":"?",%s}`, bad)
		}
		f.publish("A", 1)
		receiveSeqs(t, s, "A", 1, 1)
		want := []Message{
			{ID: 7, From: "acme", Time: time.UnixMicro(7), Kind: "text", Content: []byte("m7")},
			{ID: 9, From: `a"b`, Time: time.UnixMicro(8), Kind: "blob", Content: []byte{0, 255},
				ReplyTo: 7, Group: "acme", Redelivered: true, Missed: 12},
		}
		for _, w := range want {
			if m := posted(t, s); !reflect.DeepEqual(m, w) {
				t.Fatalf("%+v, want %+v", m, w)
			}
		}
		if e := told[Missed](t, s); e.Count != 12 || s.Stats().Bad != 6 {
			t.Fatalf("%+v, %d bad", e, s.Stats().Bad)
		}
		if err := s.Ack(t.Context(), 9); err != nil {
			t.Fatal(err)
		}
		if got := f.requests(); got[1] != `{"op":"ack","id":"2","message":9}` {
			t.Fatalf("%q", got)
		}
		if p := f.proves(s, Complete); p.Gapped != 0 {
			t.Fatalf("%+v", p)
		}
	})
}

func TestMessagesAsked(t *testing.T) {
	f := newTypedFake(t, "A")
	o := f.options(JSON)
	o.Messages, o.Beat = MessagesOff, time.Second
	f.open(o)
	if got := f.queries[0]; got != "hb_ms=1000&messages=0" {
		t.Fatalf("asked for %q", got)
	}
	o.Messages = "yes"
	if _, err := OpenStream(t.Context(), o); !errors.Is(err, ErrOption) {
		t.Fatal(err)
	}
	g := newFake(t, "A")
	o = g.options()
	o.Messages = MessagesOn
	s := g.open(o)
	if err := s.Subscribe(t.Context(), "A"); err != nil {
		t.Fatal(err)
	}
	say := func(words string) {
		for _, c := range g.all() {
			g.write(c, words)
		}
	}
	say(`{"type":"gap","dropped":2}`)
	say(`{"type":"msg","id":5,"from":"acme","ts":5,"kind":"text","content":"{}"}`)
	say(`{"type":"msg","token":"A"}`) // a tick is what its publisher says it is
	if m := posted(t, s); m.ID != 5 || m.Missed != 2 || string(m.Content) != "{}" {
		t.Fatalf("%+v", m)
	}
	if tick := receive(t, s.Ticks()); tick.Token != "A" {
		t.Fatalf("%+v", tick)
	}
	var refused *RefusedError
	if err := s.Ack(t.Context(), 5); !errors.As(err, &refused) || g.requests()[1] != "ack|5" {
		t.Fatalf("%v after %q", err, g.requests())
	}
	x := &text{}
	if e := x.parse([]byte("Acknowledged messages up to: 5"), true); e.kind != eventAnswer || e.answer != nil {
		t.Fatalf("%+v", e)
	}
	if err := s.Roster(t.Context(), true); !errors.Is(err, ErrUntold) {
		t.Fatal(err)
	}
}

// Who takes no messages costs 256 of them. The rest is left with the server, and none is
// passed over by an ack: it comes on another connection, and ticks miss nothing by that.
func TestMessagesNotTaken(t *testing.T) {
	f := newTypedFake(t, "A")
	const all = 2*messagesMax + 10
	acked := 0
	f.hijack = func(c *typedConn, q asked) bool {
		if q.Op == "ack" {
			acked = max(acked, int(q.Message))
		}
		if q.Op == "subscribe" { // the server begins with what is not acknowledged
			defer func() {
				for id := acked + 1; id <= all; id++ {
					c.say(`{"type":"msg","id":%d,"from":"a","ts":1,"kind":"","content":""}`, id)
				}
			}()
			c.answer(q)
			return true
		}
		return false
	}
	s := f.hold(JSON, "A")
	eventually(t, "left", func() bool { return s.Stats().MessagesLeft == all-messagesMax })
	f.publish("A", 1)
	receiveSeqs(t, s, "A", 1, 1)
	for id := uint64(1); id <= all; id++ {
		m := posted(t, s)
		for m.ID < id && id-m.ID < 15 { // not acknowledged, so it comes again
			m = posted(t, s)
		}
		if m.ID != id {
			t.Fatalf("message %d in place of %d", m.ID, id)
		}
		if id%15 == 0 {
			if err := s.Ack(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
	}
	f.publish("A", 1)
	receiveSeqs(t, s, "A", 2, 2)
	if got := s.Stats(); got.Connects < 2 || got.Bad != 0 {
		t.Fatalf("%+v", got)
	}
	s.Close()
	if _, ok := <-s.Messages(); ok {
		t.Fatal("a message that nobody sent")
	}
}

func TestRoster(t *testing.T) {
	f := newTypedFake(t, "A")
	s := f.hold(JSON, "A")
	ctx := t.Context()
	if err := s.Roster(ctx, true); err != nil {
		t.Fatal(err)
	}
	f.tell(`{"type":"roster","clients":[{"client":"ana","online":true,"connections":2,"since":5,` +
		`"last_seen":6}],"more":true}`)
	f.tell(`{"type":"roster","clients":[{"client":"ben","online":false,"since":null,` +
		`"last_seen":null}],"more":false,"total":312}`)
	f.tell(`{"type":"presence","client":"ben","online":true,"ts":7}`)
	f.tell(`{"type":"presence","client":"ana","online":false,"ts":8,"left":true}`)
	want := Roster{Total: 312, Clients: []RosterClient{
		{"ana", true, 2, time.UnixMicro(5), time.UnixMicro(6)}, {Client: "ben"}}}
	if r := told[Roster](t, s); !reflect.DeepEqual(r, want) {
		t.Fatalf("%+v", r)
	}
	if p := told[Presence](t, s); p != (Presence{Client: "ben", Online: true, Time: time.UnixMicro(7)}) {
		t.Fatalf("%+v", p)
	}
	if p := told[Presence](t, s); !p.Left || p.String() != `"ana" has left` {
		t.Fatalf("%v", p)
	}
	// It is asked for again, until it is given up.
	asks := func() (n int) {
		for _, q := range f.requests() {
			n += strings.Count(q, `"op":"roster"`)
		}
		return n
	}
	f.end(closeLost, "")
	f.connected("A")
	eventually(t, "second request", func() bool { return asks() == 2 })
	if err := s.Roster(ctx, false); err != nil || asks() != 3 {
		t.Fatalf("%v, asked %d times", err, asks())
	}
	f.end(closeLost, "")
	eventually(t, "third connection", func() bool { return s.Stats().Connects == 3 && s.LostAt().IsZero() })
	if asks() != 3 {
		t.Fatalf("asked %d times", asks())
	}
}

// mailServer has an inbox of n messages.
func mailServer(t *testing.T, n int) (*Auth, *[]string) {
	var heard []string
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v1/messages", func(w http.ResponseWriter, r *http.Request) {
		p, _ := io.ReadAll(r.Body)
		heard = append(heard, r.Header.Get("Idempotency-Key")+" "+string(p))
		if strings.Contains(string(p), "nobody") {
			w.WriteHeader(403)
			fmt.Fprint(w, `{"detail":"You may not send to this user"}`)
			return
		}
		w.WriteHeader(202)
		fmt.Fprint(w, `{"id":1795841953264311,"ts":1795841953264311}`)
	})
	mux.HandleFunc("POST /api/v1/messages/ack", func(_ http.ResponseWriter, r *http.Request) {
		p, _ := io.ReadAll(r.Body)
		heard = append(heard, string(p))
	})
	mux.HandleFunc("GET /api/v1/messages", func(w http.ResponseWriter, r *http.Request) {
		heard = append(heard, r.URL.RawQuery)
		q, page := r.URL.Query(), []map[string]any{}
		var after, before int
		fmt.Sscan(q.Get("after"), &after)
		if fmt.Sscan(q.Get("before"), &before); before == 0 {
			before = n + 1
		}
		at, step := after+1, 1
		if q.Get("order") == "newest" {
			at, step = before-1, -1
		}
		for ; at > after && at < before && len(page) < 2; at += step {
			page = append(page, map[string]any{"id": at, "from": "a", "ts": at, "kind": "text",
				"content": "x", "unread": at > 1, "expires": 9e6})
		}
		out := map[string]any{"messages": page, "next": nil, "unread": n - 1, "acked": 1}
		if at > after && at < before {
			out["next"] = page[1]["id"]
		}
		json.NewEncoder(w).Encode(out)
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	a, err := NewAuth(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a, &heard
}

func TestSend(t *testing.T) {
	a, heard := mailServer(t, 0)
	ctx := t.Context()
	got, err := a.Send(ctx, "b.b", Outgoing{To: "ana", Content: []byte("héllo")})
	if err != nil || got.ID != 1795841953264311 || got.Time != time.UnixMicro(1795841953264311) {
		t.Fatalf("%+v %v", got, err)
	}
	_, err = a.Send(ctx, "b.b", Outgoing{To: "ana", Content: []byte{0, 255}, Kind: "blob",
		ReplyTo: 7, TTL: 1500 * time.Millisecond, Key: "k1"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{` {"content":"héllo","username":"ana"}`, `k1 {"content":"AP8=",` +
		`"encoding":"base64","reply_to":7,"ttl_s":1.5,"type":"blob","username":"ana"}`}
	if !slices.Equal(*heard, want) {
		t.Fatalf("%q", *heard)
	}
	_, err = a.Send(ctx, "b.b", Outgoing{To: "nobody"})
	if !errors.Is(err, ErrUnauthorized) || err.Error() != "send: You may not send to this user (403)" {
		t.Fatal(err)
	}
}

func TestInbox(t *testing.T) {
	a, heard := mailServer(t, 5)
	walk := func(q InboxQuery) (ids []uint64) {
		t.Helper()
		for page, err := range a.InboxPages(t.Context(), "b.b", q) {
			if err != nil || page.Unread != 4 || page.Acked != 1 {
				t.Fatalf("%+v %v", page, err)
			}
			for _, m := range page.Messages {
				if m.Unread != (m.ID > 1) || m.Expires != time.UnixMicro(9e6) || m.From != "a" {
					t.Fatalf("%+v", m)
				}
				ids = append(ids, m.ID)
			}
		}
		return ids
	}
	if ids := walk(InboxQuery{}); !slices.Equal(ids, []uint64{1, 2, 3, 4, 5}) {
		t.Fatalf("%d", ids)
	}
	if ids := walk(InboxQuery{Newest: true}); !slices.Equal(ids, []uint64{5, 4, 3, 2, 1}) {
		t.Fatalf("%d", ids)
	}
	if err := a.AckInbox(t.Context(), "b.b", 3); err != nil {
		t.Fatal(err)
	}
	q := InboxQuery{After: 2, Before: 5, Since: time.UnixMicro(3), Until: time.UnixMicro(9), Limit: 2}
	walk(q)
	want := []string{"", "after=2", "after=4", "order=newest", "before=4&order=newest",
		"before=2&order=newest", `{"message":3}`, "after=2&before=5&limit=2&since=3&until=9"}
	if !slices.Equal(*heard, want) {
		t.Fatalf("%q", *heard)
	}
	for _, odd := range inboxOddities {
		if _, err := parseInbox([]byte(odd)); !errors.Is(err, ErrAnswer) {
			t.Errorf("%s: %v", odd, err)
		}
	}
}

var inboxOddities = []string{`[]`, `{"messages":[{"id":1,"encoding":"x"}]}`, `{`}

func FuzzInbox(f *testing.F) {
	for _, odd := range inboxOddities {
		f.Add([]byte(odd))
	}
	f.Add([]byte(`{"messages":[{"id":1,"from":"a","ts":1,"kind":"","content":"x","expires":9}],"next":1}`))
	f.Fuzz(func(t *testing.T, p []byte) {
		page, err := parseInbox(p)
		if err != nil && (!errors.Is(err, ErrAnswer) || len(page.Messages) > 0) {
			t.Fatalf("%+v %v", page, err)
		}
	})
}
