package client

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"
	"unicode/utf8"
)

const (
	opSend     = "send"
	opInbox    = "read inbox"
	opAckInbox = "acknowledge"

	pathMessages    = "/api/v1/messages"
	pathMessagesAck = "/api/v1/messages/ack"
)

// An Outgoing is a message to be sent. To and Content are required.
type Outgoing struct {
	To      string
	Content []byte        // any bytes, 16 KiB of them unless the server takes more
	Kind    string        // up to 32 bytes; empty is text
	ReplyTo uint64        // ID of the message that it answers; 0 = none
	TTL     time.Duration // after which it is delivered no more; 0 = as long as it is kept

	// Key makes it safe to send again what had no answer: the same message with the
	// same key within a day is the same message. Up to 255 bytes.
	Key string
}

// A Receipt says that a message is on the server's disk.
type Receipt struct {
	ID   uint64
	Time time.Time
}

// Send sends a message from the bearer's account. To whom it may is the server's rule: to
// itself, a vendor to its clients, a client to a vendor that it answers; all else is
// ErrUnauthorized. After an error that is no *Error, or ErrBusy, it is unknown whether the
// message was sent.
func (a *Auth) Send(ctx context.Context, bearer string, m Outgoing) (Receipt, error) {
	in := map[string]any{"username": m.To, "content": string(m.Content)}
	if !utf8.Valid(m.Content) {
		in["content"] = base64.StdEncoding.EncodeToString(m.Content)
		in["encoding"] = "base64"
	}
	if m.Kind != "" {
		in["type"] = m.Kind
	}
	if m.ReplyTo != 0 {
		in["reply_to"] = m.ReplyTo
	}
	if m.TTL > 0 {
		in["ttl_s"] = m.TTL.Seconds()
	}
	req, err := a.request(ctx, post, pathMessages, bearer, in)
	if err != nil {
		return Receipt{}, fmt.Errorf("%s: %w", opSend, err)
	}
	if m.Key != "" {
		req.Header.Set("Idempotency-Key", m.Key)
	}
	_, body, err := a.do(opSend, req, bodyBytesMax)
	if err != nil {
		return Receipt{}, err
	}
	var out struct {
		ID uint64 `json:"id"`
		TS int64  `json:"ts"`
	}
	if err := json.Unmarshal(body, &out); err != nil || out.ID == 0 {
		return Receipt{}, fmt.Errorf("%s: %w: no id in it", opSend, ErrAnswer)
	}
	return Receipt{ID: out.ID, Time: time.UnixMicro(out.TS)}, nil
}

// An InboxQuery says which messages of an inbox are wanted. Zero is all, the oldest first.
type InboxQuery struct {
	After, Before uint64    // IDs, themselves not wanted; 0 = no bound
	Since, Until  time.Time // likewise wanted; zero = no bound
	Limit         int       // messages in a page, up to 500 (100)
	Newest        bool      // the newest first
}

// An InboxPage is some messages in a row.
type InboxPage struct {
	Messages []InboxMessage
	Next     uint64 // After of the next page, or Before, newest first; 0: there is none
	Unread   uint64 // messages in the whole inbox that are not acknowledged
	Acked    uint64 // all up to this ID are
}

// An InboxMessage is a message as the inbox keeps it.
type InboxMessage struct {
	Message
	Unread  bool
	Expires time.Time // it is not delivered from then on; zero = never
}

// Inbox is one page of the bearer's inbox.
func (a *Auth) Inbox(ctx context.Context, bearer string, q InboxQuery) (InboxPage, error) {
	req, err := a.request(ctx, http.MethodGet, pathMessages+q.query(), bearer, nil)
	if err != nil {
		return InboxPage{}, fmt.Errorf("%s: %w", opInbox, err)
	}
	_, body, err := a.do(opInbox, req, inboxBytesMax)
	if err != nil {
		return InboxPage{}, err
	}
	return parseInbox(body)
}

// InboxPages are the pages from q on, until one is the last. Nothing is seen twice and
// nothing missed, whatever is sent meanwhile. An error is the last that is yielded.
func (a *Auth) InboxPages(ctx context.Context, bearer string, q InboxQuery) iter.Seq2[InboxPage,
	error] {
	return func(yield func(InboxPage, error) bool) {
		for {
			page, err := a.Inbox(ctx, bearer, q)
			from := &q.After
			if q.Newest {
				from = &q.Before
			}
			if err == nil && page.Next != 0 && *from != 0 && (page.Next > *from) == q.Newest {
				err = fmt.Errorf("%s: %w: the next page is behind", opInbox, ErrAnswer)
			}
			if !yield(page, err) || err != nil || page.Next == 0 {
				return
			}
			*from = page.Next
		}
	}
}

// AckInbox acknowledges the messages up to an ID, for all streams of the account.
func (a *Auth) AckInbox(ctx context.Context, bearer string, id uint64) error {
	in := map[string]uint64{"message": id}
	_, _, err := a.call(ctx, opAckInbox, post, pathMessagesAck, bearer, in)
	return err
}

func (q InboxQuery) query() string {
	v := url.Values{}
	for name, n := range map[string]uint64{
		"after": q.After, "before": q.Before, "limit": uint64(max(0, q.Limit)),
	} {
		if n != 0 {
			v.Set(name, strconv.FormatUint(n, 10))
		}
	}
	for name, t := range map[string]time.Time{"since": q.Since, "until": q.Until} {
		if !t.IsZero() {
			v.Set(name, strconv.FormatInt(max(0, t.UnixMicro()), 10))
		}
	}
	if q.Newest {
		v.Set("order", "newest")
	}
	if len(v) == 0 {
		return ""
	}
	return "?" + v.Encode()
}

func parseInbox(body []byte) (InboxPage, error) {
	var in struct {
		Messages []struct {
			ID uint64 `json:"id"`
			TS int64  `json:"ts"`
			letter
			Unread  bool    `json:"unread"`
			Expires *uint64 `json:"expires"` // µs
		} `json:"messages"`
		Next   *uint64 `json:"next"`
		Unread uint64  `json:"unread"`
		Acked  uint64  `json:"acked"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return InboxPage{}, fmt.Errorf("%s: %w: not JSON of the expected form", opInbox, ErrAnswer)
	}
	out := InboxPage{Unread: in.Unread, Acked: in.Acked}
	if in.Next != nil {
		out.Next = *in.Next
	}
	for i := range in.Messages {
		w := &in.Messages[i]
		m, ok := w.message(w.ID, w.TS)
		if !ok {
			return InboxPage{}, fmt.Errorf("%s: %w: message %d", opInbox, ErrAnswer, w.ID)
		}
		out.Messages = append(out.Messages, InboxMessage{m, w.Unread, moment(w.Expires)})
	}
	return out, nil
}
