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
// route wants to know, and the variable part of the path, decoded.
type request struct {
	*http.Request
	w     http.ResponseWriter // for bodies and takeover; answers go through send
	since time.Time           // when it came

	conn   *conn          // nil in tests only
	from   netip.AddrPort // the client's address
	secure bool           // it came by TLS, here or to a trusted proxy

	id    auth.Identity
	param string
	path  string // of its route; empty while it has none
}

// A route is one call of the API. openapi.json describes the same table; a
// test holds them together.
type route struct {
	method string
	path   string // a last segment {name} takes one segment, {name...} all that follow
	bearer bool   // the caller must show one; request.id says whose
	handle func(p *public, r *request) answer
}

var routes = []route{
	{"POST", "/api/v1/users/register", false, (*public).register},
	{"POST", "/api/v1/users/login", false, (*public).login},
	{"POST", "/api/v1/token", false, (*public).token},
	{"POST", "/api/v1/users/refresh", false, (*public).refresh},
	{"POST", "/api/v1/users/logout", true, (*public).logout},
	{"PUT", "/api/v1/users/password", true, (*public).changePassword},
	{"DELETE", "/api/v1/users/me", true, (*public).deleteAccount},
	{"GET", "/api/v1/sessions", true, (*public).sessions},
	{"DELETE", "/api/v1/sessions/{id}", true, (*public).closeSession},
	{"POST", "/api/v1/stream/ticket", true, (*public).ticket},
	{"POST", "/ws/token", true, (*public).ticketAlias},
	{"POST", "/api/v1/messages", true, (*public).send},
	{"GET", "/api/v1/messages", true, (*public).messages},
	{"POST", "/api/v1/messages/ack", true, (*public).ackMessages},
	{"POST", "/message", true, (*public).sendAlias},
	{"GET", "/api/v1/users/delivery", true, (*public).delivery},
	{"PUT", "/api/v1/users/delivery", true, (*public).setDelivery},
	{"GET", "/api/v1/tokens", true, (*public).tokens},
	{"GET", "/api/v1/ticks/{token...}", true, (*public).lastTick},
	{"GET", "/api/v1/latency", true, (*public).latency},
	{"GET", "/api/v1/stream", false, (*public).stream},
	{"GET", "/api/trigger/ws/{username}", false, (*public).streamOf},
	{"GET", "/ws", false, (*public).messageStream},
	{"GET", "/healthcheck", false, (*public).health},
	{"GET", "/openapi.json", false, (*public).openAPI},
	{"GET", "/asyncapi.json", false, (*public).asyncAPI},
}

var echoRoute = route{"GET", "/debug/echo", false, (*public).echo}

// A router finds routes by method and path.
type router struct {
	exact    map[string][]route
	prefixes []prefix
}

// A prefix is the routes whose paths differ in the last part only.
type prefix struct {
	path   string // up to and with the last slash before the variable part
	all    bool   // the variable part may hold slashes
	routes []route
}

func newRouter(table []route) *router {
	rt := &router{exact: map[string][]route{}}
	for _, ro := range table {
		head, name, variable := strings.Cut(ro.path, "{")
		if !variable {
			rt.exact[ro.path] = append(rt.exact[ro.path], ro)
			continue
		}
		all := strings.HasSuffix(name, "...}")
		rt.prefixes = append(rt.prefixes, prefix{head, all, []route{ro}})
	}
	return rt
}

// find returns the routes of a path, one for each method it knows, and the
// decoded variable part; none for a path unknown.
func (rt *router) find(u *url.URL) ([]route, string) {
	path := u.EscapedPath()
	if found := rt.exact[path]; found != nil {
		return found, ""
	}
	for _, pr := range rt.prefixes {
		rest, ok := strings.CutPrefix(path, pr.path)
		if !ok || rest == "" || !pr.all && strings.Contains(rest, "/") {
			continue
		}
		if param, err := url.PathUnescape(rest); err == nil {
			return pr.routes, param
		}
	}
	return nil, ""
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
