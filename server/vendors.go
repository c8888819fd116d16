package server

import (
	"encoding/json"
	"time"

	"azira/auth"
)

// This file holds what vendors and their clients ask of the public port. Whatever is
// outside a vendor's group does not exist for it, and another vendor's calls do not
// either: both are 404, and so is who or what there is not.

// vendorLimits are what an operator has set; null = no limit.
type vendorLimits struct {
	Streams  *int `json:"streams"`
	Tokens   *int `json:"tokens"`
	Messages *int `json:"messages_per_s"`
	Bytes    *int `json:"bytes_per_s"`
}

// vendorUsage is what a vendor has, and has sent since the server's start.
type vendorUsage struct {
	Clients      int    `json:"clients"`
	Keys         int    `json:"keys"`
	Streams      int    `json:"streams"`
	Messages     uint64 `json:"messages"`
	Bytes        uint64 `json:"bytes"`
	MessagesPerS uint64 `json:"messages_per_s"`
	BytesPerS    uint64 `json:"bytes_per_s"`
	Slowed       uint64 `json:"slowed"`
	Refused      uint64 `json:"refused"`
}

type seenVendor struct {
	Vendor   string       `json:"vendor"`
	Disabled bool         `json:"disabled"`
	Limits   vendorLimits `json:"limits"`
	Usage    vendorUsage  `json:"usage"`
}

func vendorSeen(i *auth.VendorInfo) seenVendor {
	orNull := func(n int) *int {
		if n == 0 {
			return nil
		}
		return &n
	}
	l, u := i.Limits, i.Usage
	return seenVendor{
		Vendor: i.Vendor, Disabled: i.Disabled,
		Limits: vendorLimits{
			orNull(l.Streams), orNull(l.Tokens), orNull(l.Messages), orNull(l.Bytes)},
		Usage: vendorUsage{
			u.Clients, u.Keys, u.Streams, u.Messages, u.Bytes, u.MessagesPerS, u.BytesPerS,
			u.Slowed, u.Refused},
	}
}

// A seenClient is a client as its vendor sees it.
type seenClient struct {
	Client   string `json:"client"`
	Created  bool   `json:"created_here"`
	Tickets  bool   `json:"tickets"`
	Disabled bool   `json:"disabled"`
	Joined   int64  `json:"joined"` // Unix µs
}

func clientSeen(m *auth.Member) seenClient {
	return seenClient{m.Client, m.Created, m.Tickets, m.Disabled, m.Joined.UnixMicro()}
}

// clientPage is a page of a group.
func clientPage(s *auth.Service, vendor string, r *request) (answer, error) {
	after, limit, a, ok := pageAsked(r)
	if !ok {
		return a, nil
	}
	list, more, err := s.ClientsOf(vendor, after, limit)
	if err != nil {
		return answer{}, err
	}
	clients := make([]seenClient, len(list))
	for i := range list {
		clients[i] = clientSeen(&list[i])
	}
	body := map[string]any{"clients": clients}
	if more {
		body["next"] = list[len(list)-1].Client
	}
	return object(body), nil
}

// mark is the id of the newest message there is.
func (p *public) mark() uint64 { return p.inbox.Mark() }

// join puts a client into a group, whose messages it gets from then on.
func (p *public) join(r *request, vendor, client string, tickets *bool) (auth.Member, error) {
	m, err := p.auth.Join(r.Context(), vendor, client, tickets, p.mark())
	if err == nil {
		err = p.inbox.Regroup(r.Context(), m.Client)
	}
	return m, err
}

// part takes it out, and it gets no more.
func (p *public) part(r *request, vendor, client string) error {
	name, err := auth.ParseAccountName(client)
	if err != nil {
		return auth.ErrNoClient
	}
	if err := p.auth.Leave(r.Context(), vendor, name, p.mark()); err != nil {
		return err
	}
	return p.inbox.Regroup(r.Context(), name)
}

// own is for calls that are the vendor's in the path alone: the caller must be it.
func (p *public) own(r *request, f func(vendor string) (answer, error)) answer {
	if !isName(r.param, r.id) || !p.auth.IsVendor(r.id.Username) {
		return p.problem(auth.ErrNoVendor)
	}
	a, err := f(r.id.Username)
	if err != nil {
		return p.problem(err)
	}
	return a
}

// vendorsOf lists in whose groups the caller is.
func (p *public) vendorsOf(r *request) answer {
	type row struct {
		Vendor  string `json:"vendor"`
		Created bool   `json:"created_here"`
		Tickets bool   `json:"tickets"`
		Joined  int64  `json:"joined"`
	}
	list, err := p.auth.VendorsOf(r.id.Username)
	if err != nil {
		return p.problem(err)
	}
	rows := []row{}
	for _, m := range list {
		if m.Left == 0 {
			rows = append(rows, row{m.Vendor, m.Created, m.Tickets, m.At.UnixMicro()})
		}
	}
	return object(map[string]any{"vendors": rows})
}

func (p *public) vendor(r *request) answer {
	return p.own(r, func(vendor string) (answer, error) {
		i, err := p.auth.Vendor(vendor)
		return object(vendorSeen(&i)), err
	})
}

// A seenKey is an API key in answers. Only the one to making it has Key.
type seenKey struct {
	ID      string   `json:"id"`
	Key     string   `json:"key,omitempty"`
	Label   string   `json:"label"`
	Scopes  []string `json:"scopes"`
	Created int64    `json:"created"` // Unix µs, as all times here
	Expires *int64   `json:"expires"`
	Used    *int64   `json:"last_used"`
}

func keySeen(k *auth.APIKey) seenKey {
	orNull := func(t time.Time) *int64 {
		if t.IsZero() {
			return nil
		}
		us := t.UnixMicro()
		return &us
	}
	return seenKey{ID: k.ID, Label: k.Label, Scopes: k.Scopes.Names(),
		Created: k.Created.UnixMicro(), Expires: orNull(k.Expires), Used: orNull(k.Used)}
}

func (p *public) keys(r *request) answer {
	return p.own(r, func(vendor string) (answer, error) {
		list, err := p.auth.VendorKeys(vendor)
		keys := make([]seenKey, len(list))
		for i := range list {
			keys[i] = keySeen(&list[i])
		}
		return object(map[string]any{"keys": keys}), err
	})
}

// newKey makes a key. Its text is in this answer and nowhere else.
func (p *public) newKey(r *request) answer {
	return p.own(r, func(vendor string) (answer, error) {
		f, a, ok := readFields(r)
		if !ok {
			return a, nil
		}
		vs, a, ok := f.texts("label")
		if !ok {
			return a, nil
		}
		scopes, fault := f.scopes()
		ttl, fault2 := f.seconds("expires_in")
		if faults := faultsOf(fault, fault2); faults != nil {
			return unprocessable(faults...), nil
		}
		text, k, err := p.auth.NewKey(r.Context(), vendor, vs[0], scopes, ttl)
		if err == auth.ErrOptions {
			return unprocessable(wrong{[]any{"body", "label"},
				"expected at most 64 characters, none of control", "value_error"}), nil
		}
		if err != nil {
			return a, err
		}
		p.log.Info("API key made", "vendor", vendor, "key_id", k.ID, "remote", r.from)
		seen := keySeen(&k)
		seen.Key = text
		a = object(seen)
		a.secret = true
		return a, nil
	})
}

func (p *public) deleteKey(r *request) answer {
	return p.own(r, func(vendor string) (answer, error) {
		err := p.auth.DeleteKey(r.Context(), vendor, r.params[1])
		if err == nil {
			p.log.Info("API key deleted", "vendor", vendor, "key_id", r.params[1],
				"remote", r.from)
		}
		return message("API key deleted"), err
	})
}

func (p *public) clients(r *request) answer {
	return p.own(r, func(vendor string) (answer, error) { return clientPage(p.auth, vendor, r) })
}

// createClient makes an account in the caller's group.
func (p *public) createClient(r *request) answer {
	return p.own(r, func(vendor string) (answer, error) {
		f, a, ok := readFields(r)
		if !ok {
			return a, nil
		}
		vs, a, ok := f.texts("username")
		if !ok {
			return a, nil
		}
		var password *string
		if raw, given := f["password"]; given && string(raw) != "null" {
			text, fault := textOf(raw, "password")
			if fault != nil {
				return unprocessable(*fault), nil
			}
			password = &text
		}
		m, err := p.auth.CreateClient(r.Context(), vendor, vs[0], password, p.mark())
		if err == nil {
			err = p.inbox.Remove(r.Context(), m.Client) // of one who had the name before
		}
		if err == nil {
			err = p.inbox.Regroup(r.Context(), m.Client) // gaps count from now on
		}
		return object(clientSeen(&m)), err
	})
}

// consent lets the caller into a vendor's group by its own will. For everybody else there
// is no such client.
func (p *public) consent(r *request) answer {
	if !isName(r.params[1], r.id) {
		return p.problem(auth.ErrNoClient)
	}
	tickets, a, ok := readConsent(r)
	if !ok {
		return a
	}
	m, err := p.join(r, r.param, r.id.Username, tickets)
	if err != nil {
		return p.problem(err)
	}
	return object(clientSeen(&m))
}

// readConsent reads a body that may be left out, as may what is in it.
func readConsent(r *request) (tickets *bool, a answer, ok bool) {
	if r.ContentLength == 0 {
		return nil, answer{}, true
	}
	f, a, ok := readFields(r)
	if !ok {
		return nil, a, false
	}
	raw, given := f["tickets"]
	if given && json.Unmarshal(raw, &tickets) != nil {
		return nil, unprocessable(wrong{[]any{"body", "tickets"},
			"value could not be parsed to a boolean", "type_error.bool"}), false
	}
	return tickets, answer{}, true
}

// leave ends a membership, by the vendor or by the client itself.
func (p *public) leave(r *request) answer {
	vendor, client := r.param, r.params[1]
	mine := r.id.Scopes == 0 && isName(client, r.id)
	if !mine && !(isName(vendor, r.id) && p.auth.IsVendor(r.id.Username)) {
		return p.problem(auth.ErrNoVendor)
	}
	if err := p.part(r, vendor, client); err != nil {
		return p.problem(err)
	}
	return message("Client removed from the group")
}

func (p *public) suspend(r *request) answer {
	return p.own(r, func(vendor string) (answer, error) {
		return message("Client disabled"), p.auth.Suspend(r.Context(), vendor, r.params[1])
	})
}

func (p *public) resume(r *request) answer {
	return p.own(r, func(vendor string) (answer, error) {
		return message("Client enabled"), p.auth.Resume(r.Context(), vendor, r.params[1])
	})
}

// ticketFor mints a ticket for a client, as often as that might have one itself.
func (p *public) ticketFor(r *request) answer {
	return p.own(r, func(vendor string) (answer, error) {
		m, err := p.auth.Client(vendor, r.params[1])
		if err != nil {
			return answer{}, err
		}
		if wait := p.limiter.account(rateTicket, r.from.Addr(), m.Client); wait > 0 {
			return answer{}, errWait(wait)
		}
		t, err := p.auth.MintTicketFor(vendor, m.Client)
		a := object(map[string]any{"ticket": t, "expires_in": ticketSeconds})
		a.secret = true
		return a, err
	})
}

// scopes takes the names of an API key's scopes.
func (f fields) scopes() (auth.Scope, *wrong) {
	raw, given := f["scopes"]
	if !given {
		fault := missing("body", "scopes")
		return 0, &fault
	}
	var names []string
	if json.Unmarshal(raw, &names) == nil {
		if sc, err := auth.ParseScopes(names); err == nil {
			return sc, nil
		}
	}
	return 0, &wrong{[]any{"body", "scopes"},
		"expected a list of send, clients, tickets, presence", "value_error"}
}

// seconds takes a time that may be left out, or null.
func (f fields) seconds(name string) (time.Duration, *wrong) {
	var n *int64
	raw, given := f[name]
	if given && (json.Unmarshal(raw, &n) != nil || n != nil && (*n < 1 || *n > secondsMax)) {
		return 0, &wrong{[]any{"body", name},
			"expected null or seconds, up to ten years", "value_error"}
	}
	if n == nil {
		return 0, nil
	}
	return time.Duration(*n) * time.Second, nil
}

// faultsOf are those of some checks that there are.
func faultsOf(some ...*wrong) (list []wrong) {
	for _, f := range some {
		if f != nil {
			list = append(list, *f)
		}
	}
	return list
}
