package server

import (
	"errors"
	"net/http"

	"azira/auth"
	"azira/presence"
	"azira/proto"
)

// rosterGroups are the vendors' groups, as presence asks for them.
type rosterGroups struct{ *auth.Service }

func (g rosterGroups) ClientsOf(vendor, after string, n int) ([]string, bool, error) {
	names, more, err := g.ClientNames(vendor, after, n)
	if errors.Is(err, auth.ErrNoVendor) {
		err = presence.ErrNoVendor
	}
	return names, more, err
}

func (s *server) startPresence() error {
	return s.people.Start(s.store, s.auth, rosterGroups{s.auth})
}

// presenceOf tells who asks of itself or, as a vendor, of a client. Others do not exist
// for it, whether there is such an account or not.
func (p *public) presenceOf(r *request) answer {
	name, err := auth.ParseAccountName(r.param)
	if err != nil {
		return p.problem(auth.ErrNoClient)
	}
	if name != r.id.Username {
		in, err := p.auth.InGroup(r.id.Username, name)
		if err != nil {
			return p.problem(err)
		}
		if !in {
			return p.problem(auth.ErrNoClient)
		}
	}
	seen, err := p.people.Of(name)
	if err != nil {
		return p.problem(err)
	}
	return answer{status: http.StatusOK, body: proto.AppendClient(nil, &seen)}
}

// roster lists a vendor's clients with their presence, a page at a time.
func (p *public) roster(r *request) answer {
	return p.own(r, func(vendor string) (answer, error) {
		after, limit, a, ok := pageAsked(r)
		if !ok {
			return a, nil
		}
		var online *bool
		switch text := r.URL.Query().Get("online"); text {
		case "":
		case "true", "false":
			is := text == "true"
			online = &is
		default:
			return detail(http.StatusBadRequest, "online: expected true or false"), nil
		}
		list, next, err := p.people.Page(vendor, after, limit, online)
		if errors.Is(err, presence.ErrNoVendor) {
			err = auth.ErrNoVendor // meanwhile
		}
		return answer{status: http.StatusOK, body: appendPage(nil, list, next)}, err
	})
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
	dst = append(dst, ']')
	if next != "" {
		dst = proto.AppendString(append(dst, `,"next":`...), next)
	}
	return append(dst, '}')
}
