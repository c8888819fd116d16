package server

import (
	"strconv"
	"time"

	"azira/auth"
)

// An openStream is one stream in the answer of GET /api/v1/sessions.
type openStream struct {
	ID      string `json:"id"`
	Address string `json:"address"`
	Agent   string `json:"agent"`
	Since   string `json:"since"`
	Dialect string `json:"dialect"`
	Tokens  int    `json:"tokens"`
}

// sessions lists the caller's open streams.
func (p *public) sessions(r *request) answer {
	return object(map[string]any{"sessions": openStreams(p.auth, r.id.Username)})
}

// openStreams are those of an account, never nil.
func openStreams(s *auth.Service, username string) []openStream {
	list := []openStream{}
	for _, st := range s.Streams(username) {
		list = append(list, openStream{
			ID:      strconv.FormatUint(st.ID, 10),
			Address: st.Addr().String(),
			Agent:   st.Agent(),
			Since:   time.Unix(st.Since(), 0).UTC().Format(time.RFC3339),
			Dialect: dialects[st.Dialect].name,
			Tokens:  st.Tokens(),
		})
	}
	return list
}

// closeSession closes one of the caller's streams; those of others do not
// exist for it.
func (p *public) closeSession(r *request) answer {
	id, err := strconv.ParseUint(r.param, 10, 64)
	if err != nil {
		return p.problem(auth.ErrNoStream)
	}
	if err := p.auth.EndStream(r.id.Username, id); err != nil {
		return p.problem(err)
	}
	return message("Session closed")
}

const ticketSeconds = 60

// ticket mints a pass for one stream, for browsers, which can't set headers.
func (p *public) ticket(r *request) answer {
	t, err := p.mint(r)
	if err != nil {
		return p.problem(err)
	}
	a := object(map[string]any{"ticket": t, "expires_in": ticketSeconds})
	a.secret = true
	return a
}

// mint makes a ticket, as often as callers may have one.
func (p *public) mint(r *request) (string, error) {
	wait := p.limiter.address(rateTicket, r.from.Addr())
	if wait == 0 {
		wait = p.limiter.account(rateTicket, r.from.Addr(), r.id.Username)
	}
	if wait > 0 {
		return "", errWait(wait)
	}
	return p.auth.MintTicket(r.id)
}

// ticketAlias is ticket under the name that older browser programs know.
func (p *public) ticketAlias(r *request) answer {
	t, err := p.mint(r)
	if err != nil {
		return p.problem(err)
	}
	a := object(map[string]string{"token": t})
	a.secret = true
	return a
}
