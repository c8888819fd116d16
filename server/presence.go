package server

import (
	"errors"
	"net/http"
	"strconv"

	"azira/auth"
	"azira/presence"
	"azira/proto"
)

// vendorGroups are the groups of vendors, as presence asks for them.
type vendorGroups struct{ auth *auth.Service }

func (g vendorGroups) InGroup(vendor, client string) (bool, error) {
	return g.auth.InGroup(vendor, client)
}

func (g vendorGroups) ClientsOf(vendor, after string, n int) ([]string, bool, error) {
	list, more, err := g.auth.ClientsOf(vendor, after, n)
	if errors.Is(err, auth.ErrNoVendor) {
		return nil, false, presence.ErrNoVendor
	}
	names := make([]string, len(list))
	for i := range list {
		names[i] = list[i].Client
	}
	return names, more, err
}

func (s *server) startPresence() error {
	return s.people.Start(s.store, s.auth, vendorGroups{s.auth})
}

// regrouped is called when a client has joined a vendor's group or left it.
func (s *server) regrouped(vendor, client string, _ bool) { s.people.Regrouped(vendor, client) }

// presenceOf tells who asks of itself or, as a vendor, of a client. Others do not exist
// for it, whether there is such an account or not.
func (p *public) presenceOf(r *request) answer {
	name, err := auth.ParseAccountName(r.param)
	if err != nil {
		return noClient()
	}
	if name != r.id.Username {
		in, err := p.auth.InGroup(r.id.Username, name)
		if err != nil {
			return p.problem(err)
		}
		if !in {
			return noClient()
		}
	}
	seen, err := p.people.Of(name)
	if err != nil {
		return p.problem(err)
	}
	return answer{status: http.StatusOK, body: proto.AppendClient(nil, &seen)}
}

func noClient() answer { return detail(http.StatusNotFound, "Not Found") }

// roster lists a vendor's clients with their presence, a page at a time.
func (p *public) roster(r *request) answer {
	name, err := auth.ParseAccountName(r.param)
	if err != nil || name != r.id.Username {
		return p.problem(auth.ErrNoVendor)
	}
	q := r.URL.Query()
	limit, online := usersPage, (*bool)(nil)
	if text := q.Get("limit"); text != "" {
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > usersPageMax {
			return badQuery("limit", "expected 1 to "+strconv.Itoa(usersPageMax))
		}
	}
	switch text := q.Get("online"); text {
	case "":
	case "true", "false":
		is := text == "true"
		online = &is
	default:
		return badQuery("online", "expected true or false")
	}
	list, next, err := p.people.Page(name, q.Get("after"), limit, online)
	if errors.Is(err, presence.ErrNoVendor) {
		return p.problem(auth.ErrNoVendor)
	}
	if err != nil {
		return p.problem(err)
	}
	return answer{status: http.StatusOK, body: appendPage(nil, list, next)}
}

func badQuery(name, text string) answer {
	return unprocessable(wrong{[]any{"query", name}, text, "value_error"})
}

// appendPage appends {"clients":[…],"next":…}.
func appendPage(dst []byte, list []proto.Presence, next string) []byte {
	dst = append(dst, `{"clients":[`...)
	for i := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = proto.AppendClient(dst, &list[i])
	}
	dst = append(dst, `],"next":`...)
	if next == "" {
		return append(dst, "null}"...)
	}
	return append(proto.AppendString(dst, next), '}')
}
