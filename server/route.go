package server

import (
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"azira/auth"
)

// A request is what a handler sees: the HTTP request, who asks where the
// route wants to know, and the variable parts of the path, decoded.
type request struct {
	*http.Request
	w     http.ResponseWriter // for bodies and takeover; answers go through send
	since time.Time           // when it came

	conn   *conn          // nil in tests only
	from   netip.AddrPort // the client's address
	secure bool           // it came by TLS, here or to a trusted proxy

	id     auth.Identity
	param  string   // the first of params
	params []string // variable parts of the path
	path   string   // of its route; empty while it has none
}

// A route is one call of the API. openapi.json describes the same table; a
// test holds them together.
type route struct {
	method string
	path   string // a segment {name} takes any one, a last {name...} all that follow
	needs  access // what the caller must show; request.id says whose it is
	handle func(p *public, r *request) answer
}

// An access is what the caller of a route must show: a bearer, or, where there are scopes in
// it, an API key that has one of them.
type access uint16

const (
	noCredential access = 0
	byBearer     access = 1 << 8
	bySend              = byBearer | access(auth.ScopeSend)
	byClients           = byBearer | access(auth.ScopeClients)
	byTickets           = byBearer | access(auth.ScopeTickets)
	byPresence          = byBearer | access(auth.ScopePresence)
	byKey               = byBearer | access(auth.ScopeAll)
)

var routes = []route{
	{"POST", "/api/v1/users/register", noCredential, (*public).register},
	{"POST", "/api/v1/users/login", noCredential, (*public).login},
	{"POST", "/api/v1/token", noCredential, (*public).token},
	{"POST", "/api/v1/users/refresh", noCredential, (*public).refresh},
	{"POST", "/api/v1/users/logout", byBearer, (*public).logout},
	{"PUT", "/api/v1/users/password", byBearer, (*public).changePassword},
	{"DELETE", "/api/v1/users/me", byBearer, (*public).deleteAccount},
	{"GET", "/api/v1/sessions", byBearer, (*public).sessions},
	{"DELETE", "/api/v1/sessions/{id}", byBearer, (*public).closeSession},
	{"POST", "/api/v1/stream/ticket", byBearer, (*public).ticket},
	{"POST", "/ws/token", byBearer, (*public).ticketAlias},
	{"POST", "/api/v1/messages", bySend, (*public).send},
	{"GET", "/api/v1/messages", byBearer, (*public).messages},
	{"POST", "/api/v1/messages/ack", byBearer, (*public).ackMessages},
	{"POST", "/message", bySend, (*public).sendAlias},
	{"GET", "/api/v1/users/delivery", byBearer, (*public).delivery},
	{"PUT", "/api/v1/users/delivery", byBearer, (*public).setDelivery},
	{"GET", "/api/v1/tokens", byBearer, (*public).tokens},
	{"GET", "/api/v1/ticks/{token...}", byBearer, (*public).lastTick},
	{"GET", "/api/v1/latency", byBearer, (*public).latency},
	{"GET", "/api/v1/presence/{client...}", byPresence, (*public).presenceOf},
	{"GET", "/api/v1/stream", noCredential, (*public).stream},
	{"GET", "/api/trigger/ws/{username}", noCredential, (*public).streamOf},
	{"GET", "/ws", noCredential, (*public).messageStream},
	{"GET", "/api/v1/vendors", byBearer, (*public).vendorsOf},
	{"GET", "/api/v1/vendors/{vendor}", byKey, (*public).vendor},
	{"GET", "/api/v1/vendors/{vendor}/presence", byPresence, (*public).roster},
	{"GET", "/api/v1/vendors/{vendor}/keys", byBearer, (*public).keys},
	{"POST", "/api/v1/vendors/{vendor}/keys", byBearer, (*public).newKey},
	{"DELETE", "/api/v1/vendors/{vendor}/keys/{id}", byBearer, (*public).deleteKey},
	{"GET", "/api/v1/vendors/{vendor}/clients", byClients, (*public).clients},
	{"POST", "/api/v1/vendors/{vendor}/clients", byClients, (*public).createClient},
	{"PUT", "/api/v1/vendors/{vendor}/clients/{client}", byBearer, (*public).consent},
	{"DELETE", "/api/v1/vendors/{vendor}/clients/{client}", byClients, (*public).leave},
	{"POST", "/api/v1/vendors/{vendor}/clients/{client}/disable", byClients, (*public).suspend},
	{"POST", "/api/v1/vendors/{vendor}/clients/{client}/enable", byClients, (*public).resume},
	{"POST", "/api/v1/vendors/{vendor}/messages", bySend, (*public).sendToClients},
	{"POST", "/api/v1/vendors/{vendor}/clients/{client}/ticket", byTickets, (*public).ticketFor},
	{"GET", "/healthcheck", noCredential, (*public).health},
	{"GET", "/openapi.json", noCredential, (*public).openAPI},
	{"GET", "/asyncapi.json", noCredential, (*public).asyncAPI},
}

var echoRoute = route{"GET", "/debug/echo", noCredential, (*public).echo}

// A router finds routes by method and path.
type router struct {
	exact    map[string][]route
	patterns []pattern
}

// A pattern is the routes of one path with variable parts.
type pattern struct {
	path   string
	parts  []string // what stands before, between and behind the variable parts
	all    bool     // the last variable part may hold slashes
	routes []route
}

func newRouter(table []route) *router {
	rt := &router{exact: map[string][]route{}}
	for _, ro := range table {
		if !strings.Contains(ro.path, "{") {
			rt.exact[ro.path] = append(rt.exact[ro.path], ro)
			continue
		}
		i := slices.IndexFunc(rt.patterns, func(pt pattern) bool { return pt.path == ro.path })
		if i < 0 {
			i = len(rt.patterns)
			rt.patterns = append(rt.patterns, newPattern(ro.path))
		}
		rt.patterns[i].routes = append(rt.patterns[i].routes, ro)
	}
	return rt
}

func newPattern(path string) pattern {
	pt := pattern{path: path, all: strings.Contains(path, "...}")}
	for rest := path; ; {
		literal, variable, more := strings.Cut(rest, "{")
		pt.parts = append(pt.parts, literal)
		if !more {
			return pt
		}
		_, rest, _ = strings.Cut(variable, "}")
	}
}

// match returns the variable parts of a path that is escaped; nil if it is another's.
func (pt *pattern) match(path string) (params []string) {
	for i, literal := range pt.parts {
		rest, ok := strings.CutPrefix(path, literal)
		if !ok {
			return nil
		}
		if i == len(pt.parts)-1 {
			path = rest
			break
		}
		n := strings.IndexByte(rest, '/')
		if n < 0 || pt.all && i == len(pt.parts)-2 {
			n = len(rest)
		}
		param, err := url.PathUnescape(rest[:n])
		if err != nil || n == 0 {
			return nil
		}
		params, path = append(params, param), rest[n:]
	}
	if path != "" {
		return nil
	}
	return params
}

// find returns the routes of a path, one for each method it knows, and the
// decoded variable parts; none for a path unknown.
func (rt *router) find(u *url.URL) ([]route, []string) {
	path := u.EscapedPath()
	if found := rt.exact[path]; found != nil {
		return found, nil
	}
	for i := range rt.patterns {
		if params := rt.patterns[i].match(path); params != nil {
			return rt.patterns[i].routes, params
		}
	}
	return nil, nil
}

// methods is what Allow says of routes. HEAD goes wherever GET does.
func methods(found []route) []string {
	var out []string
	for _, ro := range found {
		out = append(out, ro.method)
		if ro.method == http.MethodGet {
			out = append(out, http.MethodHead)
		}
	}
	slices.Sort(out)
	return out
}

// pick is the route of a method, among those of a path.
func pick(found []route, method string) *route {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	for i := range found {
		if found[i].method == method {
			return &found[i]
		}
	}
	return nil
}
