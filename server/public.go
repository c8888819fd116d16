package server

import (
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"azira/auth"
	"azira/engine"
	"azira/inbox"
	"azira/presence"
)

// A public is the public port: the API, and the door to the streams.
//
//	request ▶ CORS ▶ route ▶ caller ▶ handler ▶ answer ▶ send
//	                                     └─ upgrade ▶ engine
//
// Whatever a handler does, exactly one answer leaves, in the one form that
// answers have; a panic is logged under an id and answered 500.
type public struct {
	// Fixed.
	auth   *auth.Service
	inbox  *inbox.Service
	engine *engine.Engine
	people *presence.Tracker
	budget *budget
	cors   cors
	router *router
	log    *slog.Logger

	proxies *proxies
	limiter limiter
	storm   *storm
	origins origins
	counts  *counts

	// Shared.
	list      tokenList
	latencies latencyList
	draining  atomic.Bool  // no stream is opened any more
	backAt    atomic.Int64 // Unix s when somebody is expected to be there again
}

// ServeHTTP is called on a goroutine of its own for each request.
func (p *public) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	p.cors.mark(w.Header(), r.Header)
	req := &request{Request: r, w: w, since: start, conn: connOf(r)}
	req.from, req.secure = p.proxies.client(r)
	req.secure = req.secure || req.conn != nil && req.conn.tls != nil
	protect(w.Header(), req)
	a := p.answer(req)
	if !a.taken {
		a.last = a.last || req.conn.isLast()
		a.send(w, r, start)
	}
	p.counts.note(req.path, a.status, time.Since(start))
	if p.log.Enabled(r.Context(), slog.LevelDebug) {
		p.log.Debug("request", "method", clip(r.Method, 16), "path", clip(r.URL.EscapedPath(), 200),
			"status", a.status, "bytes", len(a.body), "took", time.Since(start),
			"remote", req.from)
	}
}

// answer finds and runs the handler.
func (p *public) answer(r *request) (a answer) {
	defer func() {
		if v := recover(); v != nil {
			a = p.broken(v)
		}
	}()
	if !r.conn.straight(r.Request) {
		return crooked()
	}
	if wait := p.limiter.address(rateRequest, r.from.Addr()); wait > 0 {
		return p.limiter.tooMany(wait)
	}
	found, params := p.router.find(r.URL)
	if found == nil {
		return detail(http.StatusNotFound, "Not Found")
	}
	if isPreflight(r.Request) {
		return p.cors.preflight(r.Request, methods(found))
	}
	ro := pick(found, r.Method)
	if ro == nil {
		return detail(http.StatusMethodNotAllowed, "Method Not Allowed").
			with("Allow", strings.Join(methods(found), ", "))
	}
	r.params, r.path = params, ro.path
	if len(params) > 0 {
		r.param = params[0]
	}
	if ro.needs == noCredential {
		return ro.handle(p, r)
	}
	id, err := p.caller(r.Header, ro.needs)
	if err != nil {
		return p.problem(err)
	}
	if id.Scopes == 0 { // an API key is held to what its vendor may spend
		if wait := p.limiter.account(rateRequest, r.from.Addr(), id.Username); wait > 0 {
			return p.limiter.tooMany(wait)
		}
	}
	r.id = id
	return ro.handle(p, r)
}

// broken answers for a handler that panicked. The caller learns an id only.
func (p *public) broken(v any) answer {
	return p.internal("handler panicked", "panic", v, "stack", string(debug.Stack()))
}

// internal logs what went wrong under an id, which is all that the caller learns.
func (p *public) internal(what string, args ...any) answer {
	var raw [requestIDBytes]byte
	_, _ = rand.Read(raw[:]) // never fails
	id := hex.EncodeToString(raw[:])
	p.log.Error(what, append([]any{"request_id", id}, args...)...)
	return detail(http.StatusInternalServerError, "Internal Server Error").with("X-Request-ID", id)
}

// caller is whom the Authorization header proves the caller to be. A good API key that is
// for other calls is errScope.
func (p *public) caller(h http.Header, need access) (auth.Identity, error) {
	lines := h["Authorization"]
	if len(lines) == 0 {
		return auth.Identity{}, errNoBearer
	}
	scheme, text, _ := strings.Cut(lines[0], " ")
	text = strings.TrimSpace(text)
	if len(lines) > 1 || !strings.EqualFold(scheme, "Bearer") || text == "" {
		return auth.Identity{}, errNoBearer
	}
	if len(text) > bearerBytesMax {
		return auth.Identity{}, auth.ErrBearer
	}
	if !auth.IsKey(text) {
		return p.auth.Verify(text)
	}
	id, err := p.auth.VerifyKey(text)
	if err == nil && access(id.Scopes)&need == 0 {
		return auth.Identity{}, errScope
	}
	return id, err
}

func (p *public) health(*request) answer {
	return answer{status: http.StatusOK, body: []byte("ok"), plain: true}
}
