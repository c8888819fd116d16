package server

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"azira/auth"
	"azira/inbox"
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
	f, a, ok := readFieldsUpTo(r, sendBodyMax)
	if !ok {
		return rc, a, false
	}
	vs, a, ok := f.texts("username")
	if !ok {
		return rc, a, false
	}
	d, a, ok := p.draftOf(r, f)
	if !ok {
		return rc, a, false
	}
	to, err := p.maySend(r, vs[0], &d)
	if err == nil {
		rc, err = p.inbox.Send(r.Context(), to, d)
	}
	if err != nil {
		return rc, p.messageProblem(err), false
	}
	return rc, answer{}, true
}

// maySend says whether a caller may send to an account: to itself, as a vendor to the
// clients of its group, and as one of them to the vendor that it answers. Who can't be
// sent to is not told apart from who is not there.
func (p *public) maySend(r *request, to string, d *inbox.Draft) (string, error) {
	from := r.id.Username
	to, err := auth.ParseAccountName(to)
	if err != nil {
		return "", errNotTo
	}
	if to == from && r.id.Scopes == 0 {
		return to, nil
	}
	if p.auth.IsVendor(from) {
		switch in, err := p.auth.InGroup(from, to); {
		case err != nil:
			return "", err
		case in:
			return to, p.auth.Spend(r.Context(), from, 1, len(d.Content))
		}
	}
	if d.ReplyTo != 0 && p.auth.IsVendor(to) {
		sender, err := p.inbox.Sender(from, d.ReplyTo)
		if err != nil && !errors.Is(err, inbox.ErrNoMessage) {
			return "", err
		}
		in, err := p.auth.InGroup(to, from)
		if err != nil || in && sender == to {
			return to, err
		}
	}
	return "", errNotTo
}

// draftOf reads what all calls that send have in common.
func (p *public) draftOf(r *request, f fields) (d inbox.Draft, a answer, ok bool) {
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
	for _, name := range []string{"content", "type"} {
		if unpaired(f[name]) {
			return d, unprocessable(wrong{[]any{"body", name},
				"must not contain unpaired surrogates", "value_error.str.characters"}), false
		}
	}
	d.Content, d.Kind, d.ReplyTo = []byte(*x.Content), x.Kind, x.ReplyTo
	d.TTL = time.Duration(x.TTL * float64(time.Second))
	switch x.Encoding {
	case "":
	case "base64":
		raw, err := base64.StdEncoding.DecodeString(*x.Content)
		if err != nil {
			return d, unprocessable(wrong{[]any{"body", "content"},
				"value is not valid base64", "value_error"}), false
		}
		d.Content = raw
	default:
		return d, unprocessable(wrong{[]any{"body", "encoding"},
			`expected "base64", or none for a string`, "value_error"}), false
	}
	if faults := boundsOf(&d, x.TTL); len(faults) > 0 {
		return d, unprocessable(faults...), false
	}
	if err := p.inbox.Check(&d); err != nil { // before it costs anything
		return d, p.messageProblem(err), false
	}
	return d, answer{}, true
}

// boundsOf is what of a message is out of its bounds, but for its size.
func boundsOf(d *inbox.Draft, ttl float64) (faults []wrong) {
	add := func(where, name, want string) {
		faults = append(faults,
			wrong{[]any{where, name}, "ensure this value " + want, "value_error"})
	}
	if ttl < 0 || ttl > ttlMax.Seconds() {
		add("body", "ttl_s", fmt.Sprintf("is from 0 to %.0f", ttlMax.Seconds()))
	}
	if len(d.Kind) > inbox.KindBytesMax {
		add("body", "type", fmt.Sprintf("has at most %d bytes", inbox.KindBytesMax))
	}
	if len(d.Key) > inbox.KeyBytesMax {
		add("header", "Idempotency-Key", fmt.Sprintf("has at most %d bytes", inbox.KeyBytesMax))
	}
	return faults
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
