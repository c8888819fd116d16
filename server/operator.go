package server

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"azira/auth"
)

// An operator is what the admin port lets its callers do to accounts:
//
//	GET    /api/v1/users?after=&limit=    accounts by name
//	GET    /api/v1/users/{name}           one, with its open streams
//	DELETE /api/v1/users/{name}           gone, its name is free
//	PUT    /api/v1/users/{name}/password  another one; ends all sessions
//	PUT    /api/v1/users/{name}/limits    streams it may have open
//	POST   /api/v1/users/{name}/disable, enable, logout, kick
//	…      /api/v1/vendors…               see vendoroperator.go
//
// Answers have the form of the public port's. What changes something is logged.
type operator struct {
	public *public // whose answers to trouble are its own
	auth   *auth.Service
}

func newOperator(p *public) *operator { return &operator{p, p.auth} }

// route adds the calls. A page in an operator's browser can't make those that change
// something: it would have to be of this very port.
func (o *operator) route(mux *http.ServeMux) {
	own := http.NewCrossOriginProtection()
	own.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		detail(http.StatusForbidden, "not for pages of other origins").send(w, r, time.Now())
	}))
	for pattern, handle := range o.calls() {
		mux.Handle(pattern, own.Handler(http.HandlerFunc(
			func(w http.ResponseWriter, r *http.Request) {
				q := &request{Request: r, w: w, since: time.Now(), param: r.PathValue("name")}
				handle(q).send(w, r, q.since)
			})))
	}
}

// calls are all there are, by their patterns.
func (o *operator) calls() map[string]func(*request) answer {
	return map[string]func(*request) answer{
		"GET /api/v1/users":                 o.list,
		"GET /api/v1/users/{name}":          o.show,
		"DELETE /api/v1/users/{name}":       o.deed("deleted", o.remove),
		"POST /api/v1/users/{name}/disable": o.deed("disabled", o.auth.Disable),
		"POST /api/v1/users/{name}/enable":  o.deed("enabled", o.auth.Enable),
		"POST /api/v1/users/{name}/logout":  o.deed("logged out", o.auth.EndSessions),
		"POST /api/v1/users/{name}/kick":    o.kick,
		"PUT /api/v1/users/{name}/limits":   o.limits,
		"PUT /api/v1/users/{name}/password": o.password,
		"GET /api/v1/keys":                  o.keys,
		"POST /api/v1/keys/rotate":          o.rotate,

		"GET /api/v1/vendors":                            o.vendors,
		"GET /api/v1/vendors/{name}":                     o.vendor,
		"PUT /api/v1/vendors/{name}":                     o.setVendor,
		"DELETE /api/v1/vendors/{name}":                  o.removeVendor,
		"GET /api/v1/vendors/{name}/clients":             o.clients,
		"PUT /api/v1/vendors/{name}/clients/{client}":    o.join,
		"DELETE /api/v1/vendors/{name}/clients/{client}": o.leave,
	}
}

// A seenAccount is an account in answers. Only one that is shown alone has Sessions
// and Open.
type seenAccount struct {
	Username string       `json:"username"`
	ID       uint64       `json:"user_id,omitempty"`
	Created  string       `json:"created_at,omitempty"`
	Issuer   bool         `json:"issuer,omitempty"` // the account is an issuer's
	Disabled bool         `json:"disabled"`
	Limit    *int         `json:"streams_limit"` // null = as the settings say; 0 = none
	Streams  int          `json:"streams"`
	Sessions *int         `json:"sessions,omitempty"`
	Open     []openStream `json:"open,omitzero"`
}

func seen(i *auth.AccountInfo) seenAccount {
	a := seenAccount{
		Username: i.Username, ID: i.ID, Issuer: i.Issuers(), Disabled: i.Disabled,
		Streams: i.Streams,
	}
	if !i.Created.IsZero() {
		a.Created = i.Created.UTC().Format(time.RFC3339)
	}
	if n := max(i.Limit, 0); i.Limit != 0 {
		a.Limit = &n
	}
	return a
}

func (o *operator) list(r *request) answer {
	after, limit, a, ok := pageAsked(r)
	if !ok {
		return a
	}
	list, more, err := o.auth.Accounts(after, limit)
	if err != nil {
		return o.problem(err)
	}
	users := make([]seenAccount, len(list))
	for i := range list {
		users[i] = seen(&list[i])
	}
	body := map[string]any{"users": users}
	if more {
		body["next"] = list[len(list)-1].Username
	}
	return object(body)
}

// pageAsked reads what part of a list is asked for.
func pageAsked(r *request) (after string, limit int, a answer, ok bool) {
	q := r.URL.Query()
	limit = usersPage
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > usersPageMax {
			return "", 0, detail(http.StatusBadRequest,
				"limit: expected 1 to "+strconv.Itoa(usersPageMax)), false
		}
		limit = n
	}
	return q.Get("after"), limit, answer{}, true
}

func (o *operator) show(r *request) answer {
	i, err := o.auth.Account(r.param)
	if err != nil {
		return o.problem(err)
	}
	a := seen(&i)
	a.Open = openStreams(o.auth, i.Username)
	if !i.Issuers() {
		a.Sessions = &i.Sessions
	}
	return object(a)
}

// remove deletes an account, and then its messages.
func (o *operator) remove(ctx context.Context, username string) error {
	if err := o.auth.RemoveAccount(ctx, username); err != nil {
		return err
	}
	return o.public.inbox.Remove(ctx, username)
}

// deed is a call that needs nothing but the name.
func (o *operator) deed(what string, do func(context.Context, string) error) func(*request) answer {
	return func(r *request) answer {
		return o.done(r, what, do(r.Context(), r.param))
	}
}

// done answers, and logs what was done.
func (o *operator) done(r *request, what string, err error) answer {
	if err != nil {
		return o.problem(err)
	}
	o.public.log.Info("account "+what+" by operator", "username", r.param, "remote", r.RemoteAddr)
	return message("Account " + what)
}

func (o *operator) kick(r *request) answer {
	n, err := o.auth.EndStreams(r.Context(), r.param)
	if a := o.done(r, "kicked", err); err != nil {
		return a
	}
	return object(map[string]any{"message": "Account kicked", "streams": n})
}

func (o *operator) limits(r *request) answer {
	f, a, ok := readFields(r)
	if !ok {
		return a
	}
	raw, given := f["streams"]
	if !given {
		return unprocessable(missing("body", "streams"))
	}
	var streams *int
	if json.Unmarshal(raw, &streams) != nil || streams != nil && *streams < 0 {
		return badStreams()
	}
	n := 0
	switch {
	case streams != nil && *streams == 0:
		n = auth.Unlimited
	case streams != nil:
		n = *streams
	}
	err := o.auth.SetStreamLimit(r.Context(), r.param, n)
	if errors.Is(err, auth.ErrOptions) {
		return badStreams()
	}
	return o.done(r, "limited", err)
}

func badStreams() answer {
	return unprocessable(wrong{[]any{"body", "streams"},
		"expected null, 0 for no limit, or up to 1000000", "value_error"})
}

func (o *operator) password(r *request) answer {
	f, a, ok := readFields(r)
	if !ok {
		return a
	}
	vs, a, ok := f.texts("password")
	if !ok {
		return a
	}
	return o.done(r, "given another password", o.auth.SetPassword(r.Context(), r.param, vs[0]))
}

// problem is the public port's, but for what is said of accounts.
func (o *operator) problem(err error) answer {
	switch {
	case errors.Is(err, auth.ErrNoAccount):
		return detail(http.StatusNotFound, "No such account")
	case errors.Is(err, auth.ErrNoVendor):
		return detail(http.StatusNotFound, "No such vendor")
	case errors.Is(err, auth.ErrNoClient):
		return detail(http.StatusNotFound, "Not in the vendor's group")
	case errors.Is(err, auth.ErrIssuers):
		return detail(http.StatusConflict,
			"The account is the issuer's: here it can be disabled, limited and kicked")
	}
	return o.public.problem(err)
}
