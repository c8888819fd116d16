package server

import (
	"net/http"
	"slices"
	"strings"
)

// cors says which browsers may read answers. With "*" any origin may, without
// credentials; otherwise those listed may, with them. Streams need no check of
// their origin: cookies are never a credential, so no page can borrow one.
type cors struct {
	any     bool
	origins []string
}

func newCORS(origins []string) cors {
	return cors{any: slices.Contains(origins, "*"), origins: origins}
}

func (c cors) allows(origin string) bool {
	return c.any || slices.Contains(c.origins, origin)
}

// mark puts onto any answer what its browser needs to know.
func (c cors) mark(h, req http.Header) {
	if !c.any {
		h.Add("Vary", "Origin")
	}
	origin := req.Get("Origin")
	if origin == "" || !c.allows(origin) {
		return
	}
	if c.any {
		h.Set("Access-Control-Allow-Origin", "*")
	} else {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	h.Set("Access-Control-Expose-Headers", "X-Process-Time, X-Request-ID, Retry-After")
}

// preflight answers a browser's question before the request proper.
func (c cors) preflight(r *http.Request, methods []string) answer {
	if !c.allows(r.Header.Get("Origin")) {
		return detail(http.StatusBadRequest, "Disallowed CORS origin")
	}
	headers := "Authorization, Content-Type, Accept, Idempotency-Key"
	if asked := r.Header.Get("Access-Control-Request-Headers"); asked != "" {
		headers = asked // no header means anything here that a page must not send
	}
	return answer{status: http.StatusNoContent, plain: true}.
		with("Access-Control-Allow-Methods", strings.Join(methods, ", ")).
		with("Access-Control-Allow-Headers", headers).
		with("Access-Control-Max-Age", corsMaxAge).
		with("Vary", "Origin, Access-Control-Request-Headers")
}

func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Origin") != "" &&
		r.Header.Get("Access-Control-Request-Method") != ""
}
