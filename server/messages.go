package server

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"azira/auth"
	"azira/inbox"
	"azira/proto"
)

// send takes a message to a user.
func (p *public) send(r *request) answer {
	rc, a, ok := p.accept(r)
	if !ok {
		return a
	}
	a = object(map[string]uint64{"id": rc.ID, "ts": rc.ID})
	a.status = http.StatusAccepted
	return a
}

// sendAlias is send as older programs know it; they call their JSON anything.
func (p *public) sendAlias(r *request) answer {
	r.Header.Set("Content-Type", "application/json")
	rc, a, ok := p.accept(r)
	if !ok {
		return a
	}
	return object(map[string]any{"status": "ok", "id": rc.ID, "ts": rc.ID})
}

func (p *public) accept(r *request) (rc inbox.Receipt, a answer, ok bool) {
	f, a, ok := readFields(r)
	if !ok {
		return rc, a, false
	}
	vs, a, ok := f.texts("username")
	if !ok {
		return rc, a, false
	}
	d, a, ok := draftOf(r, f)
	if !ok {
		return rc, a, false
	}
	to, err := auth.ParseAccountName(vs[0])
	if err == nil {
		err = p.maySend(r.id, to, d.ReplyTo)
	} else {
		err = errNotTo
	}
	if err == nil {
		rc, err = p.inbox.Send(r.Context(), to, d)
	}
	if err != nil {
		return rc, p.messageProblem(err), false
	}
	return rc, answer{}, true
}

// maySend says whether a caller may send to an account: to itself, to the clients of its
// group, and to the vendor that it answers. Who can't be sent to is not told apart from
// who is not there.
func (p *public) maySend(from auth.Identity, to string, replyTo uint64) error {
	if to == from.Username {
		return nil
	}
	return errNotTo
}

// draftOf reads what all calls that send have in common.
func draftOf(r *request, f fields) (d inbox.Draft, a answer, ok bool) {
	d.From, d.Key = r.id.Username, r.Header.Get("Idempotency-Key")
	raw, there := f["content"]
	if !there {
		return d, unprocessable(missing("body", "content")), false
	}
	var x struct {
		Content  *string `json:"content"`
		Encoding string  `json:"encoding"`
		Kind     string  `json:"type"`
		TTL      float64 `json:"ttl_s"`
		ReplyTo  uint64  `json:"reply_to"`
	}
	for name, to := range map[string]any{
		"content": &x.Content, "encoding": &x.Encoding, "type": &x.Kind, "ttl_s": &x.TTL,
		"reply_to": &x.ReplyTo,
	} {
		if raw := f[name]; raw != nil && json.Unmarshal(raw, to) != nil {
			return d, unprocessable(wrong{[]any{"body", name},
				"value is not of the expected type", "type_error"}), false
		}
	}
	if x.Content == nil {
		_, fault := textOf(raw, "content")
		return d, unprocessable(*fault), false
	}
	d.Content, d.Kind, d.ReplyTo = []byte(*x.Content), x.Kind, x.ReplyTo
	d.TTL = time.Duration(x.TTL * float64(time.Second))
	switch x.Encoding {
	case "":
	case "base64":
		p, err := base64.StdEncoding.DecodeString(*x.Content)
		if err != nil {
			return d, unprocessable(wrong{[]any{"body", "content"},
				"value is not valid base64", "value_error"}), false
		}
		d.Content = p
	default:
		return d, unprocessable(wrong{[]any{"body", "encoding"},
			`expected "base64", or none for a string`, "value_error"}), false
	}
	if x.TTL < 0 || x.TTL > ttlMax.Seconds() || len(d.Kind) > inbox.KindBytesMax ||
		len(d.Key) > inbox.KeyBytesMax {
		return d, unprocessable(wrong{[]any{"body"}, "ttl_s, type or Idempotency-Key out of range",
			"value_error"}), false
	}
	return d, answer{}, true
}

var errNotTo = errors.New("server: may not send to this account")

func (p *public) messageProblem(err error) answer {
	switch {
	case errors.Is(err, errNotTo):
		return detail(http.StatusForbidden, "You may not send to this user")
	case errors.Is(err, inbox.ErrKeyReused):
		return unprocessable(wrong{[]any{"header", "Idempotency-Key"},
			"the key was used for another message", "value_error"})
	case errors.Is(err, inbox.ErrDraft):
		return detail(http.StatusRequestEntityTooLarge, "The message is too large")
	case errors.Is(err, inbox.ErrNoMessage):
		return detail(http.StatusNotFound, "No such message")
	case errors.Is(err, inbox.ErrBusy), errors.Is(err, inbox.ErrClosed):
		return unavailable("The server is busy", retryAfterBusy)
	}
	return p.problem(err)
}

// messages is a page of the caller's inbox.
func (p *public) messages(r *request) answer {
	q, a, ok := queryOf(r.URL.Query())
	if !ok {
		return a
	}
	page, err := p.inbox.Messages(r.id.Username, q)
	if err != nil {
		return p.messageProblem(err)
	}
	out := append([]byte(nil), `{"messages":[`...)
	for i := range page.Messages {
		m := &page.Messages[i]
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, '{')
		out = proto.AppendMessageFields(out, &proto.InboxMessage{
			ID: m.ID, From: m.From, Kind: m.Kind, Content: m.Content, ReplyTo: m.ReplyTo,
			Group: m.Group,
		})
		if m.Expires != 0 {
			out = strconv.AppendInt(append(out, `,"expires":`...), m.Expires, 10)
		}
		out = strconv.AppendBool(append(out, `,"unread":`...), m.Unread)
		out = append(out, '}')
	}
	out = append(out, `],"next":`...)
	if page.More {
		out = strconv.AppendUint(out, page.Messages[len(page.Messages)-1].ID, 10)
	} else {
		out = append(out, "null"...)
	}
	out = strconv.AppendUint(append(out, `,"unread":`...), page.Unread, 10)
	out = strconv.AppendUint(append(out, `,"acked":`...), page.Acked, 10)
	a = answer{status: http.StatusOK, body: append(out, '}')}
	a.secret = true
	return a
}

// queryOf reads after, before, since, until, limit and order.
func queryOf(v url.Values) (q inbox.Query, a answer, ok bool) {
	q.Limit = messagesPage
	bad := func(name, want string) (inbox.Query, answer, bool) {
		return q, unprocessable(wrong{[]any{"query", name}, want, "value_error"}), false
	}
	for name, set := range map[string]func(uint64){
		"after":  func(n uint64) { q.After = max(q.After, n) },
		"since":  func(n uint64) { q.After = max(q.After, max(n, 1)-1) },
		"before": func(n uint64) { q.Upto = lesser(q.Upto, max(n, 1)-1) },
		"until":  func(n uint64) { q.Upto = lesser(q.Upto, n) },
	} {
		text := v.Get(name)
		if text == "" {
			continue
		}
		n, err := timeOrID(text)
		if err != nil {
			return bad(name, "ensure this value is an id, a time in Unix µs, or one as RFC 3339")
		}
		set(n)
	}
	if text := v.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > messagesPageMax {
			return bad("limit", "ensure this value is from 1 to "+strconv.Itoa(messagesPageMax))
		}
		q.Limit = n
	}
	switch v.Get("order") {
	case "", "oldest":
	case "newest":
		q.Newest = true
	default:
		return bad("order", "ensure this value is oldest or newest")
	}
	return q, answer{}, true
}

// lesser is the lesser bound; 0 is none, so that a bound of 0 becomes 1, which no id is.
func lesser(a, b uint64) uint64 {
	b = max(b, 1)
	if a == 0 {
		return b
	}
	return min(a, b)
}

func timeOrID(text string) (uint64, error) {
	if n, err := strconv.ParseUint(text, 10, 63); err == nil {
		return n, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	return uint64(max(0, t.UnixMicro())), err
}

// ackMessages acknowledges the caller's messages up to an id.
func (p *public) ackMessages(r *request) answer {
	f, a, ok := readFields(r)
	if !ok {
		return a
	}
	raw, there := f["message"]
	if !there {
		return unprocessable(missing("body", "message"))
	}
	var id uint64
	if json.Unmarshal(raw, &id) != nil {
		return unprocessable(wrong{[]any{"body", "message"}, "value is not an id", "type_error"})
	}
	if err := p.inbox.Ack(r.Context(), r.id.Username, id); err != nil {
		return p.messageProblem(err)
	}
	return message("Acknowledged")
}

// delivery says whether messages go to all of the caller's streams, or to one.
func (p *public) delivery(r *request) answer {
	turns, err := p.inbox.Turns(r.id.Username)
	if err != nil {
		return p.messageProblem(err)
	}
	return object(map[string]string{"delivery": deliveries[oneOf(turns)]})
}

// deliveries are the words of MESSAGING D1.2.
var deliveries = [2]string{"all", "one"}

func oneOf(turns bool) int {
	if turns {
		return 1
	}
	return 0
}

func (p *public) setDelivery(r *request) answer {
	f, a, ok := readFields(r)
	if !ok {
		return a
	}
	vs, a, ok := f.texts("delivery")
	if !ok {
		return a
	}
	if vs[0] != deliveries[0] && vs[0] != deliveries[1] {
		return unprocessable(wrong{[]any{"body", "delivery"},
			`expected "all" or "one"`, "value_error"})
	}
	err := p.inbox.SetTurns(r.Context(), r.id.Username, vs[0] == deliveries[1])
	if err != nil {
		return p.messageProblem(err)
	}
	return object(map[string]string{"delivery": vs[0]})
}
