package server

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"azira/auth"
	"azira/clock"
	"azira/engine"
	"azira/feed"
	"azira/inbox"
	"azira/presence"
	"azira/store"
)

// Addresses are where a running server listens.
type Addresses struct {
	Public string // host:port
	Admin  string // empty = none
}

// Run serves until ctx ends, then drains and returns nil. ready, which may be
// nil, is called once as soon as connections are taken. An error of the start
// is one line that says what to do, and nothing is left running.
func Run(ctx context.Context, c Config, ready func(Addresses)) error {
	s := &server{config: c, log: c.logger(), failed: make(chan error, 2)}
	for _, w := range c.Warnings {
		s.log.Warn(w)
	}
	addrs, err := s.start()
	if err != nil {
		return errors.Join(err, s.stop())
	}
	b := BuildInfo()
	s.log.Info("serving", "listen", addrs.Public, "admin", addrs.Admin, "data", c.Data,
		"feed", strings.Join(c.Feed, ","), "tls", c.TLSCert != "",
		"version", b.Version, "commit", b.Commit, "go", b.Go)
	c.supervisor.tell("READY=1")
	if ready != nil {
		ready(addrs)
	}
	began, reason := time.Now(), "asked to"
	select {
	case <-ctx.Done():
	case err = <-s.failed:
		reason = err.Error()
	}
	s.drain(reason)
	err = errors.Join(err, s.stop())
	s.log.Info("stopped", "reason", reason, "served", time.Since(began).Round(time.Second),
		"clean", err == nil)
	return err
}

// A server is everything that Run holds. Each step of start adds a part; stop
// ends those there are, the last one first.
//
//	store ◀ inbox ◀ people ◀ auth ◀ engine ◀ lasts ◀ feeds ◀ admin port ◀ public port
type server struct {
	// Fixed after start.
	config Config
	log    *slog.Logger
	clock  *clock.Clock
	store  *store.Store
	people *presence.Tracker
	auth   *auth.Service
	inbox  *inbox.Service
	engine *engine.Engine
	lasts  *lasts
	feeds  []*feed.Subscriber
	public *public
	admin  *admin
	memory *pressure
	http   []*http.Server // admin first, public last

	certificate *certificate // nil = clear text

	endFeeds context.CancelFunc
	endWatch context.CancelFunc // of the certificate
	endKeys  context.CancelFunc // of signing keys and the issuer's
	endRoom  context.CancelFunc // of the budget
	running  sync.WaitGroup     // feeds and lasts
	serving  sync.WaitGroup     // the goroutines of http
	failed   chan error         // a port stopped serving
}

func (s *server) start() (Addresses, error) {
	var addrs Addresses
	limit, err := raiseLimit()
	if err != nil {
		return addrs, err
	}
	for _, step := range []func() error{
		s.openStore, s.openInbox, s.openAuth, s.startPresence, s.openEngine, s.restore,
		s.startFeeds,
	} {
		if err := step(); err != nil {
			return addrs, err
		}
	}
	secure, err := s.startTLS()
	if err != nil {
		return addrs, err
	}
	s.public = s.newPublic(limit)
	if n := s.public.budget.streamsMax; n < streamsFew {
		s.log.Warn("few streams fit into the limit of file descriptors: raise ulimit -n",
			"streams", n, "limit", limit)
	}
	s.watchRoom()
	s.admin = newAdmin(&s.config, s.log, s.engine.Responsive, s.connected,
		s.store.State, s.metrics())
	newOperator(s.public).route(s.admin.mux)
	s.admin.full = []func() string{s.public.budget.trouble, s.memory.trouble}
	backup, err := newBackup(&s.config, s.log, s.store)
	if err != nil {
		return addrs, err
	}
	s.admin.mux.Handle("POST /checkpoint", backup)
	s.statusTo(s.admin.mux)
	if s.config.Admin != "" {
		ln, err := listen("admin", s.config.Admin)
		if err != nil {
			return addrs, err
		}
		addrs.Admin = ln.Addr().String()
		s.serve(s.adminServer(), ln)
	}
	ln, err := listen("listen", s.config.Listen)
	if err != nil {
		return addrs, err
	}
	addrs.Public = ln.Addr().String()
	s.serve(s.publicServer(), listener{ln, s.public.budget, secure, s.newPeers()})
	s.admin.ready.Store(true)
	return addrs, nil
}

func (s *server) openStore() (err error) {
	s.clock = clock.New(s.log)
	s.store, err = store.Open(s.config.Data, store.Options{Logger: s.log})
	return err
}

func (s *server) openInbox() (err error) {
	s.inbox, err = inbox.Open(s.store, inbox.Options{
		Logger: s.log, ContentBytes: int(s.config.MessageBytes),
		MessagesMax: s.config.InboxMessages, BytesMax: s.config.InboxBytes,
		KeptFor: s.config.InboxAge, Groups: s.groupsOf,
		Now: s.clock.Now, Sure: s.clock.Sure,
	})
	return err
}

// groupsOf are the groups whose messages an account gets: those of its vendors.
func (s *server) groupsOf(username string) ([]inbox.Membership, error) {
	list, err := s.auth.VendorsOf(username)
	groups := make([]inbox.Membership, len(list))
	for i, m := range list {
		groups[i] = inbox.Membership{Group: m.Vendor, From: m.Joined, To: m.Left}
	}
	return groups, err
}

func (s *server) restore() error {
	s.lasts = &lasts{store: s.store, engine: s.engine, log: s.log}
	return s.lasts.restore()
}

// startFeeds starts one subscriber for each endpoint, and the saving of what they bring.
func (s *server) startFeeds() error {
	ctx, cancel := context.WithCancel(context.Background())
	s.endFeeds = cancel
	for _, endpoint := range s.config.Feed {
		o := feed.SubscriberOptions{Logger: s.log}
		f := feed.NewSubscriber(endpoint, s.engine.Publisher(), o)
		s.feeds = append(s.feeds, f)
		s.running.Go(func() {
			if err := f.Run(ctx); err != nil {
				s.log.Error("feed ended", "endpoint", endpoint, "err", err)
			}
		})
	}
	s.running.Go(func() { s.lasts.run(ctx) })
	s.running.Go(func() { s.watchFeed(ctx) })
	s.memory = newPressure(&s.config, s.log)
	s.running.Go(func() { s.memory.run(ctx) })
	s.running.Go(func() { s.config.supervisor.watch(ctx, s.engine.Responsive) })
	return nil
}

// startTLS reads the certificate and watches it; nil if there is none.
func (s *server) startTLS() (*tls.Config, error) {
	if s.config.TLSCert == "" {
		return nil, nil
	}
	c, err := openCertificate(s.config.TLSCert, cmp.Or(s.config.TLSKey, s.config.TLSCert), s.log)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.endWatch, s.certificate = cancel, c
	s.running.Go(func() { c.watch(ctx) })
	return c.config(), nil
}

// connected says whether every endpoint is: the feed is as good as the worst of
// them. Without endpoints there is no feed.
func (s *server) connected() bool {
	for _, f := range s.feeds {
		if !f.Status().Connected {
			return false
		}
	}
	return len(s.feeds) > 0
}

func (s *server) newPublic(limit int) *public {
	table := slices.Concat(routes, consoleRoutes)
	if s.config.DebugEcho {
		table = append(table, echoRoute)
	}
	return &public{
		auth:    s.auth,
		inbox:   s.inbox,
		engine:  s.engine,
		people:  s.people,
		budget:  newBudget(limit, s.engine.Stats().Loops, s.engine.Streams, s.memory),
		cors:    newCORS(s.config.CORSOrigins),
		router:  newRouter(table),
		log:     s.log,
		proxies: s.newProxies(),
		limiter: newLimiter(&s.config),
		storm:   newStorm(s.config.RateAccept),
		origins: newOrigins(s.config.AllowedOrigins, s.config.CORSOrigins),
		counts:  newCounts(table),

		latencies: latencyList{off: !s.config.LatencyAPI},
	}
}

func (s *server) publicServer() *http.Server {
	t := s.config.timeouts.withDefaults()
	return &http.Server{
		Handler:                      s.public,
		ReadHeaderTimeout:            t.header,
		ReadTimeout:                  t.body,
		WriteTimeout:                 t.write,
		IdleTimeout:                  t.idle,
		MaxHeaderBytes:               headerBytesMax - headerSlack,
		DisableGeneralOptionsHandler: true,
		ConnContext:                  withConn,
		ErrorLog:                     slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
}

// adminServer has no limit for writing: a profile takes as long as it was asked to.
func (s *server) adminServer() *http.Server {
	return &http.Server{
		Handler:           s.admin,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    headerBytesMax,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
}

func (s *server) serve(h *http.Server, ln net.Listener) {
	s.http = append(s.http, h)
	s.serving.Go(func() {
		if err := h.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- fmt.Errorf("serve %s: %w", ln.Addr(), err)
		}
	})
}

// listen opens a port, or says in one line why it can't.
func listen(flag, addr string) (*net.TCPListener, error) {
	network := "tcp"
	if a, err := netip.ParseAddrPort(addr); err == nil && a.Addr().Is4() {
		network = "tcp4" // Go takes 0.0.0.0 for IPv6 as well
	}
	ln, err := net.Listen(network, addr)
	if err == nil {
		return ln.(*net.TCPListener), nil
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%w: %s: stop the program that has it, or give another --%s",
			errPortUsed, addr, flag)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("%w: %s: give a port above 1023 with --%s",
			errPortDenied, addr, flag)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("%w: %s: give an address of this machine with --%s",
			errNoAddress, addr, flag)
	}
	return nil, fmt.Errorf("listen on %s (--%s): %w", addr, flag, err)
}

// drain turns clients away in order: not ready, no new streams, and each
// stream closed at an instant of its own within the window.
func (s *server) drain(reason string) {
	window := s.config.DrainWindow
	s.log.Info("draining", "reason", reason, "streams", s.engine.Streams(), "window", window)
	s.config.supervisor.stopping(window + 3*shutdownTimeout)
	s.admin.ready.Store(false)
	s.public.backAt.Store(time.Now().Add(window + s.config.RestartTime).Unix())
	s.public.draining.Store(true)
	ctx, cancel := context.WithTimeout(context.Background(), window+shutdownTimeout)
	defer cancel()
	if err := s.engine.Drain(ctx, window, s.config.RestartTime); err != nil {
		s.log.Warn("drain cut short", "err", err, "streams", s.engine.Streams())
	}
}

// stop ends every part there is and returns what could not be saved.
func (s *server) stop() error {
	for i := len(s.http) - 1; i >= 0; i-- {
		ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
		if s.http[i].Shutdown(ctx) != nil {
			_ = s.http[i].Close()
		}
		cancel()
	}
	s.serving.Wait()
	if s.endFeeds != nil {
		s.endFeeds()
	}
	if s.endWatch != nil {
		s.endWatch()
	}
	if s.endKeys != nil {
		s.endKeys()
	}
	if s.endRoom != nil {
		s.endRoom()
	}
	s.running.Wait()
	var err error
	if s.lasts != nil {
		err = s.lasts.save(true)
	}
	if s.engine != nil {
		err = errors.Join(err, s.engine.Stop())
	}
	if s.inbox != nil {
		s.inbox.Close()
	}
	if s.auth != nil {
		s.auth.Close()
	}
	if s.people != nil {
		err = errors.Join(err, s.people.Close())
	}
	if s.store != nil {
		err = errors.Join(err, s.store.Close())
	}
	return err
}
