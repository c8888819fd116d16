package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"azira/client"
)

// What the client package's tests ask of a fake, of the real server.
func TestClientMessagesAgainstServer(t *testing.T) {
	out, errs, _ := startDemo(t, demoOn(t))
	url := awaitOutput(t, out, errs, `running: (\S+),`)[1]
	auth, err := client.NewAuth(url)
	if err != nil {
		t.Fatal(err)
	}
	defer auth.Close()
	cred, err := auth.Register(t.Context(), "zoe", "a good password")
	if err != nil {
		t.Fatal(err)
	}
	proxy := newCutter(t, strings.TrimPrefix(url, "http://"))
	p := &postal{t: t, auth: auth, bearer: cred.Bearer, url: "http://" + proxy.ln.Addr().String()}
	p.send(client.Outgoing{Content: []byte("before"), Kind: "note"})
	bin, text := p.open(client.Binary, client.MessagesDefault), p.open(client.Text, client.MessagesOn)
	none := p.open(client.JSON, client.MessagesOff)
	p.send(client.Outgoing{Content: []byte{0, 255, '\n'}, ReplyTo: p.ids[0], TTL: time.Hour})
	p.send(client.Outgoing{Content: []byte("\u2028 \"\x00 é"), Key: "k"})
	again, err := auth.Send(t.Context(), cred.Bearer,
		client.Outgoing{To: "zoe", Content: []byte("\u2028 \"\x00 é"), Key: "k"})
	if err != nil || again.ID != p.ids[2] {
		t.Fatalf("%+v %v", again, err)
	}
	for _, s := range []*client.Stream{bin, text} {
		p.expect(s, 0, 1, 2)
	}
	if len(none.Messages()) > 0 {
		t.Error("messages that were not wanted")
	}
	var refused *client.RefusedError
	if err := none.Ack(t.Context(), p.ids[0]); !errors.As(err, &refused) || refused.Code != 103 {
		t.Errorf("%v", err)
	}
	if err := bin.Ack(t.Context(), p.ids[2]+1<<40); !errors.As(err, &refused) || refused.Code != 107 {
		t.Errorf("%v", err)
	}
	if err := bin.Ack(t.Context(), p.ids[0]); err != nil {
		t.Error(err)
	}
	if err := text.Ack(t.Context(), p.ids[1]); err != nil {
		t.Error(err)
	}
	proxy.cut()
	for _, s := range []*client.Stream{bin, text} {
		if m := p.expect(s, 2); !m.Redelivered {
			t.Errorf("%+v", m)
		}
	}
	p.history()
	rosterAgainstServer(t, bin, proxy)
}

// rosterAgainstServer asks for it, and has it again after a cut: with the account itself
// online, then or soon.
func rosterAgainstServer(t *testing.T, s *client.Stream, proxy *cutter) {
	t.Helper()
	if err := s.Roster(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	for n := range 2 {
		whole, online := false, false
		late := time.After(5 * time.Second)
		for !whole || !online {
			select {
			case e := <-s.Events():
				switch e := e.(type) {
				case client.Roster:
					whole, online = e.Total == 1, len(e.Clients) == 1 && e.Clients[0].Client == "zoe" &&
						e.Clients[0].Online && !e.Clients[0].Since.IsZero()
				case client.Presence:
					online = e.Client == "zoe" && e.Online && !e.Left
				}
			case <-late:
				t.Fatalf("after %d cuts within 5 s: roster %v, online %v", n, whole, online)
			}
		}
		proxy.cut()
	}
	if bad := s.Stats().Bad; bad != 0 {
		t.Errorf("%d bad", bad)
	}
}

// A postal sends to zoe, and knows what.
type postal struct {
	t           *testing.T
	auth        *client.Auth
	bearer, url string
	ids         []uint64
	sent        []client.Outgoing
}

func (p *postal) open(d client.Dialect, m client.MessagesMode) *client.Stream {
	p.t.Helper()
	s, err := client.OpenStream(p.t.Context(), client.StreamOptions{Server: p.url,
		Bearer: client.Fixed(p.bearer), Dialect: d, Messages: m, BackoffMin: 10 * time.Millisecond})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { s.Close() })
	return s
}

func (p *postal) send(m client.Outgoing) {
	p.t.Helper()
	m.To = "zoe"
	got, err := p.auth.Send(p.t.Context(), p.bearer, m)
	if err != nil || time.Since(got.Time).Abs() > time.Minute {
		p.t.Fatalf("%+v %v", got, err)
	}
	p.ids, p.sent = append(p.ids, got.ID), append(p.sent, m)
}

func (p *postal) expect(s *client.Stream, which ...int) (m client.Message) {
	p.t.Helper()
	for _, i := range which {
		select {
		case m = <-s.Messages():
		case <-time.After(5 * time.Second):
			p.t.Fatalf("no message %d within 5 s", i)
		}
		p.check(i, m)
	}
	return m
}

func (p *postal) check(i int, m client.Message) {
	p.t.Helper()
	kind := p.sent[i].Kind
	if kind == "" {
		kind = "text"
	}
	if m.ID != p.ids[i] || m.From != "zoe" || m.Time.UnixMicro() != int64(m.ID) || m.Kind != kind ||
		!slices.Equal(m.Content, p.sent[i].Content) || m.ReplyTo != p.sent[i].ReplyTo ||
		m.Group != "" || m.Missed != 0 {
		p.t.Fatalf("message %d: %+v", i, m)
	}
}

// history has all, in pages of two, with what is acknowledged.
func (p *postal) history() {
	p.t.Helper()
	if err := p.auth.AckInbox(p.t.Context(), p.bearer, p.ids[2]); err != nil {
		p.t.Fatal(err)
	}
	at, pages := 0, 0
	for page, err := range p.auth.InboxPages(p.t.Context(), p.bearer, client.InboxQuery{Limit: 2}) {
		if err != nil || page.Unread != 0 || page.Acked != p.ids[2] {
			p.t.Fatalf("%+v %v", page, err)
		}
		for _, m := range page.Messages {
			p.check(at, m.Message)
			if m.Unread || m.Expires.IsZero() != (p.sent[at].TTL == 0) {
				p.t.Fatalf("%+v", m)
			}
			at++
		}
		pages++
	}
	if at != 3 || pages != 2 {
		p.t.Fatalf("%d messages in %d pages", at, pages)
	}
}

// The commands, as a person would use them.
func TestClientMessageCommands(t *testing.T) {
	out, errs, _ := startDemo(t, demoOn(t))
	t.Setenv("AZIRA_SERVER", awaitOutput(t, out, errs, `running: (\S+),`)[1])
	t.Setenv("AZIRA_PASSWORD", "a good password")
	t.Setenv("AZIRA_USER", "ana")
	run := func(input, form string, args ...string) (first string) {
		t.Helper()
		out, said, err := runWith(t, t.Context(), input, args...)
		found := regexp.MustCompile(form).FindStringSubmatch(out + said)
		if err != nil || found == nil {
			t.Fatalf("%q: %v\n%s%s", args, err, out, said)
		}
		return found[len(found)-1]
	}
	refused := func(want string, args ...string) {
		t.Helper()
		if _, _, err := runWith(t, t.Context(), "", args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", args, err)
		}
	}
	run("", "registered", "register")
	refused("may send to yourself", "send", "--to", "bob", "hello")
	refused("greater --message-bytes", "send", "--to", "ana", strings.Repeat("x", 20<<10))
	id := run("", `^sent (\d{16})\n$`, "send", "--to", "ana", "hello", "you")
	run("a\x1b[2J\u202eb\n", `^{"id":\d+,"ts":\d+}\n$`, "send", "--to=ana", "-", "--type", "note", "--reply-to",
		id, "--json", "--ttl=1h")
	run("\xff\xfe", "sent", "send", "--to=ana", "-")
	first := `(?m)^\* \S+ \S+ message ` + id + ` from ana: hello you$`
	second := fmt.Sprintf(`message \d+ from ana \(note, answers %s\): a \[2J b $`, id)
	run("", `(?s)`+first+`.*`+second+`.*3 messages shown, 3 unread\n$`, "inbox")
	run("", `^\* .*: 2 bytes, fffe\n1 messages shown, 3 unread; there are more: --limit 0 shows all\n$`,
		"inbox", "--newest", "--limit", "1")
	const watch = `(?ms)^\S+ message \d+ from ana( \(again\))?: hello you$.*^\S+ NSE:1 #\d+ ltp`
	run("", watch, "watch", "NSE:1", "--dialect=json", "--count=100")
	run("", `(?m)^\S+ \S+ message \d+ from ana.*: 2 bytes, fffe$`, "watch", "NSE:1", "--dialect=bin", "--table",
		"--count=150")
	run("", `(?s)hello you.*acknowledged up to `+id, "inbox", "--ack", "--limit=1")
	out2, _, err := runWith(t, t.Context(), "", "watch", "NSE:1", "--dialect=json", "--raw", "--count=50")
	if err != nil || strings.Contains(out2, "message") {
		t.Errorf("%v\n%s", err, out2)
	}
	run("", "fffe", "watch", "NSE:1", "--dialect=json", "--ack", "--count=100")
	run("", `3 messages shown, 0 unread\n$`, "inbox")
}

// What may have been sent says how to send it again.
func TestClientSendUnknown(t *testing.T) {
	auth, err := client.NewAuth("http://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	defer auth.Close()
	v := &visit{auth: auth, keep: auth.Keep(client.Credential{Bearer: "a.b.c"})}
	_, err = v.send(context.Background(), client.Outgoing{To: "ana", Key: "k1"})
	if err == nil || !strings.HasSuffix(err.Error(), "add --key k1") {
		t.Fatal(err)
	}
}
