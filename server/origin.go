package server

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// origins are the pages that may open streams. Who sends no Origin is no page: other
// programs are not asked. A page of the server itself always may. No cookie opens a
// stream here, so that a foreign page would need a bearer or a ticket in any case.
type origins struct {
	any    bool
	listed []string
}

func newOrigins(allowed, cors []string) origins {
	if len(allowed) == 0 {
		allowed = cors
	}
	return origins{slices.Contains(allowed, "*"), allowed}
}

func (o origins) allow(r *http.Request) bool {
	lines := r.Header["Origin"]
	switch {
	case len(lines) == 0, o.any:
		return true
	case len(lines) > 1:
		return false
	}
	origin := lines[0]
	if slices.ContainsFunc(o.listed, func(s string) bool { return strings.EqualFold(s, origin) }) {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && origin == u.Scheme+"://"+u.Host &&
		strings.EqualFold(bareHost(u.Host), bareHost(r.Host))
}

// bareHost is a host without the port that its scheme has anyway.
func bareHost(host string) string {
	return strings.TrimSuffix(strings.TrimSuffix(host, ":443"), ":80")
}
