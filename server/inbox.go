package server

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"azira/inbox"
	"azira/proto"
)

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
	// A + that was not percent-encoded came as a blank: 05:00:00+05:30.
	t, err := time.Parse(time.RFC3339, strings.Replace(text, " ", "+", 1))
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
