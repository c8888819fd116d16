package server

import (
	"encoding/json"
	"net/http"
	"slices"

	"azira/auth"
	"azira/inbox"
)

// sendToClients takes a vendor's message to some or all clients of its group: to all
// named, or to nobody.
func (p *public) sendToClients(r *request) answer {
	return p.own(r, func(vendor string) (answer, error) {
		f, a, ok := readFieldsUpTo(r, sendManyBodyMax)
		if !ok {
			return a, nil
		}
		to, all, fault := f.recipients()
		if fault != nil {
			return unprocessable(*fault), nil
		}
		d, a, ok := p.draftOf(r, f)
		if !ok {
			return a, nil
		}
		var n int
		var rc inbox.Receipt
		var err error
		if all {
			n, rc, err = p.sendToAll(r, vendor, d)
		} else {
			n, rc, err = p.sendToSome(r, vendor, to, d)
		}
		if err != nil {
			return p.messageProblem(err), nil
		}
		body := map[string]any{"accepted": n, "id": rc.ID, "ts": rc.ID}
		if !all {
			ids := make(map[string]uint64, len(to))
			for _, name := range to {
				ids[name] = rc.ID
			}
			body["ids"] = ids
		}
		a = object(body)
		a.status = http.StatusAccepted
		return a, nil
	})
}

// sendToAll counts as one message, whatever the size of the group.
func (p *public) sendToAll(r *request, vendor string, d inbox.Draft) (int, inbox.Receipt, error) {
	i, err := p.auth.Vendor(vendor)
	if err == nil {
		err = p.auth.Spend(r.Context(), vendor, 1, len(d.Content))
	}
	if err != nil {
		return 0, inbox.Receipt{}, err
	}
	rc, err := p.inbox.SendGroup(r.Context(), vendor, d)
	return i.Usage.Clients, rc, err
}

// sendToSome counts as many as are named.
func (p *public) sendToSome(
	r *request, vendor string, to []string, d inbox.Draft,
) (int, inbox.Receipt, error) {
	names := make([]string, 0, len(to))
	for _, raw := range to {
		name, err := auth.ParseAccountName(raw)
		in := false
		if err == nil {
			if in, err = p.auth.InGroup(vendor, name); err != nil {
				return 0, inbox.Receipt{}, err
			}
		}
		if !in {
			return 0, inbox.Receipt{}, errNotTo
		}
		names = append(names, name)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	err := p.auth.Spend(r.Context(), vendor, len(names), len(names)*len(d.Content))
	if err != nil {
		return 0, inbox.Receipt{}, err
	}
	rc, err := p.inbox.SendMany(r.Context(), names, d)
	return len(names), rc, err
}

// recipients reads "to": a list of names, or "*".
func (f fields) recipients() (names []string, all bool, fault *wrong) {
	raw, given := f["to"]
	if !given {
		w := missing("body", "to")
		return nil, false, &w
	}
	var star string
	if json.Unmarshal(raw, &star) == nil && star == "*" {
		return nil, true, nil
	}
	if json.Unmarshal(raw, &names) != nil || len(names) == 0 || len(names) > inbox.RecipientsMax {
		return nil, false, &wrong{[]any{"body", "to"},
			`expected "*", or a list of 1 to 1000 names`, "value_error"}
	}
	return names, false, nil
}
