package server

import (
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"azira/store"
)

// An admin is the admin port: what operators and their tools ask. None of it
// is reachable through the public port.
type admin struct {
	// Fixed.
	log        *slog.Logger
	responsive func(within time.Duration) error // every loop is
	connected  func() bool                      // every endpoint of the feed is
	needsFeed  bool
	state      func() store.State // of the database
	full       []func() string    // each: why no more streams are taken, or empty
	token      [sha256.Size]byte  // of the bearer callers must show
	guarded    bool               // there is such a bearer
	mux        *http.ServeMux
	open       *http.ServeMux // what is shown without the bearer: pages that hold nothing

	// Shared.
	ready atomic.Bool
	stuck atomic.Bool // livez said so last
}

const responsiveWithin = 2 * time.Second

func newAdmin(c *Config, log *slog.Logger, responsive func(time.Duration) error,
	connected func() bool, state func() store.State, metrics http.Handler) *admin {
	a := &admin{log: log, responsive: responsive, connected: connected,
		needsFeed: c.ReadyNeedsFeed, state: state}
	a.mux, a.open = http.NewServeMux(), http.NewServeMux()
	a.pages()
	if c.AdminToken != "" {
		a.token, a.guarded = sha256.Sum256([]byte(c.AdminToken)), true
	}
	a.mux.HandleFunc("GET /livez", a.live)
	a.mux.HandleFunc("GET /readyz", a.readiness)
	a.mux.Handle("GET /metrics", metrics)
	a.mux.HandleFunc("GET /openapi.json", a.openAPI)
	a.mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	a.mux.HandleFunc("GET /debug/pprof/cmdline", commandLine)
	a.mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	a.mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	a.mux.HandleFunc("POST /debug/pprof/symbol", pprof.Symbol)
	a.mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	for _, s := range []*sampling{mutexSampling(), blockSampling()} {
		a.mux.Handle("GET /debug/pprof/"+s.name, s)
	}
	return a
}

func (a *admin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	protectAdmin(w.Header())
	if _, pattern := a.open.Handler(r); pattern != "" && (a.guarded || a.permits(r)) {
		a.open.ServeHTTP(w, r)
		return
	}
	if !a.permits(r) {
		if r.Header.Get("Authorization") != "" {
			a.log.Warn("the admin port was shown a wrong token", "remote", r.RemoteAddr)
		}
		w.Header().Set("WWW-Authenticate", "Bearer")
		http.Error(w, "not authenticated", http.StatusUnauthorized)
		return
	}
	a.mux.ServeHTTP(w, r)
}

// permits checks the bearer in constant time. Without one, the port is on
// loopback, and only a page that rebinds its own name could reach it from
// elsewhere: its Host gives it away.
func (a *admin) permits(r *http.Request) bool {
	if a.guarded {
		scheme, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		sum := sha256.Sum256([]byte(text))
		return subtle.ConstantTimeCompare(sum[:], a.token[:]) == 1 &&
			strings.EqualFold(scheme, "Bearer")
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil || host == "localhost" || host == ""
}

// live is 200 while every loop takes its turn. One that does not, or has ended,
// is left as it is: whoever watches the process decides to start it again.
func (a *admin) live(w http.ResponseWriter, _ *http.Request) {
	err := a.responsive(responsiveWithin)
	switch was := a.stuck.Swap(err != nil); {
	case err != nil && !was:
		a.log.Error("not live: restart the process if it stays so", "err", err)
	case err == nil && was:
		a.log.Info("live again")
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	_, _ = w.Write([]byte("ok\n"))
}

// readiness is 200 while streams are taken, there is room for more, and the database can
// be written.
func (a *admin) readiness(w http.ResponseWriter, _ *http.Request) {
	if why := a.unready(); why != "" {
		http.Error(w, why, http.StatusServiceUnavailable)
		return
	}
	_, _ = w.Write([]byte("ok\n"))
}

// unready is why new clients should go elsewhere; empty if they are welcome.
func (a *admin) unready() string {
	db := a.state()
	switch {
	case !a.ready.Load():
		return "not serving: it drains"
	case a.needsFeed && !a.connected():
		return "the feed is not connected"
	case !db.Writable:
		return "the database cannot be written: " + db.Reason
	}
	return a.crowded()
}

// crowded is why no more streams are taken; empty if they are.
func (a *admin) crowded() string {
	for _, f := range a.full {
		if why := f(); why != "" {
			return why
		}
	}
	return ""
}
