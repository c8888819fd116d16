package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"azira/feed"
	"azira/server"
)

const demoHelp = `Feed and server in one process, joined by a real ZeroMQ socket, with a live
table of what a client sees of them. Ctrl-C ends it.

Usage: azira demo [flags]

`

// A demoConfig is what the flags of azira demo say.
type demoConfig struct {
	listen, admin, pub, control, data string
	tokens                            []string
	rate                              int
}

func runDemo(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	c, err := parseDemo(args, stdout)
	if err != nil {
		return err
	}
	return c.run(ctx, newTerminal(os.Stdin, stdout, stderr))
}

func parseDemo(args []string, stdout io.Writer) (demoConfig, error) {
	def := server.Defaults()
	var c demoConfig
	var tokens string
	f := feedFlags("demo", demoHelp, stdout)
	f.StringVar(&c.listen, "listen", def.Listen, "`address` of API and streams")
	f.StringVar(&c.admin, "admin", def.Admin, "`address` of metrics and health")
	f.StringVar(&c.pub, "pub", feed.DefaultPub, "`endpoint` of the feed's PUB socket")
	f.StringVar(&c.control, "control", feed.DefaultControl, "`endpoint` of the feed's REP socket")
	f.StringVar(&c.data, "data", def.Data, "`directory` of the database")
	f.StringVar(&tokens, "tokens", strings.Join(feed.DefaultTokens, ","),
		"`A,B,C` to simulate, or how many")
	f.IntVar(&c.rate, "rate", feed.DefaultRate, "`ticks` per second over all tokens")
	err := parseFeedFlags(f, args, os.LookupEnv)
	if err != nil {
		return c, err
	}
	if c.rate < 1 {
		return c, fmt.Errorf("%w: --rate %d: expected 1 to 1000000 ticks/s", errUsage, c.rate)
	}
	if c.tokens, err = feed.ParseTokens(tokens); err != nil {
		return c, feedError(err)
	}
	return c, nil
}

// run starts the feed and the server, shows the table until ctx ends or a part
// does, and stops them, the server first.
func (c demoConfig) run(ctx context.Context, tm *terminal) error {
	sc, err := c.serverConfig()
	if err != nil {
		return err
	}
	if err := c.checkFree(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	log := slog.New(slog.NewTextHandler(tm.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	ft := &fate{cancel: cancel, why: make(chan error, 2)}
	f, pub, err := c.startFeed(ctx, ft, log)
	if err != nil {
		return unlessCanceled(err)
	}
	sc.Feed, sc.Logger = []string{pub}, log
	s, addrs, err := startServer(ctx, ft, sc)
	if err == nil {
		err = c.show(ctx, addrs, tm)
		err = errors.Join(ft.of(orInterrupted(ctx, err)), s.stop())
	}
	return errors.Join(unlessCanceled(err), f.stop())
}

// unlessCanceled takes an interrupt during the start for a good end.
func unlessCanceled(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// serverConfig is what the server is started with. Its words are checked as
// those of azira serve are.
func (c demoConfig) serverConfig() (server.Config, error) {
	sc, err := server.LoadConfig(
		[]string{"--listen", c.listen, "--admin", c.admin, "--data", c.data}, nil, io.Discard)
	var bad *server.ConfigError
	if errors.As(err, &bad) {
		f := bad.Faults[0]
		return sc, fmt.Errorf("%w: --%s: %s", errUsage, f.Name, f.Text)
	}
	sc.DrainWindow = demoDrain
	return sc, err
}

// checkFree looks for ports in use before anything is started, to say which flag
// to change.
func (c demoConfig) checkFree() error {
	for _, a := range []struct{ flag, addr string }{
		{"pub", c.pub}, {"control", c.control}, {"listen", c.listen}, {"admin", c.admin},
	} {
		network, addr := "tcp", a.addr
		if strings.Contains(addr, "://") {
			var err error
			if network, addr, err = feed.ParseEndpoint(addr); err != nil {
				return feedError(err)
			}
		}
		if network != "tcp" {
			continue
		}
		ln, err := net.Listen(network, addr)
		if errors.Is(err, syscall.EADDRINUSE) {
			return fmt.Errorf("%w: %s: stop the program that has it, or give another --%s",
				errPortTaken, a.addr, a.flag)
		}
		if err == nil {
			ln.Close()
		}
	}
	return nil
}

// startFeed returns once the feed is bound, with the endpoint to connect to.
func (c demoConfig) startFeed(ctx context.Context, ft *fate, log *slog.Logger) (
	*part, string, error) {
	bound := make(chan string, 1)
	fc := feed.FeedConfig{Pub: c.pub, Control: c.control, Tokens: c.tokens, Rate: c.rate,
		Seed: 1, Logger: log, Ready: func(pub, _ string) { bound <- pub }}
	p := startPart(func(ctx context.Context) error { return feed.RunFeed(ctx, fc) },
		func(err error) { ft.ended(errFeedEnded, err) })
	select {
	case pub := <-bound:
		return p, pub, nil
	case <-ctx.Done():
		return nil, "", errors.Join(feedError(ft.of(ctx.Err())), p.stop())
	}
}

// startServer returns once the server takes connections.
func startServer(ctx context.Context, ft *fate, sc server.Config) (
	*part, server.Addresses, error) {
	ready := make(chan server.Addresses, 1)
	p := startPart(func(ctx context.Context) error {
		return server.Run(ctx, sc, func(a server.Addresses) { ready <- a })
	}, func(err error) { ft.ended(errServeEnded, err) })
	select {
	case addrs := <-ready:
		return p, addrs, nil
	case <-ctx.Done():
		return nil, server.Addresses{}, errors.Join(ft.of(ctx.Err()), p.stop())
	}
}

// show logs in, says how to look from elsewhere, and draws the table from a
// stream of its own, over loopback like anyone's.
func (c demoConfig) show(ctx context.Context, addrs server.Addresses, tm *terminal) error {
	cc := clientConfig{server: "http://" + addrs.Public, show: showOptions{table: true}}
	v, account, err := demoAccount(ctx, cc, c.data)
	if err != nil {
		return err
	}
	defer v.leave()
	tokens, err := v.known(ctx, c.tokens)
	if err != nil {
		return err
	}
	fmt.Fprint(tm.out, c.intro(cc.server, tokens, account))
	s, err := v.open(ctx, tm)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := v.confirm(ctx, s, tokens, tm); err != nil {
		return err
	}
	gauge := newGauge("http://" + addrs.Admin + "/metrics")
	defer gauge.close()
	cc.show.header = gauge.header
	if showTicks(ctx, s.Ticks(), cc.show, tm, nil) == ticksEnded && ctx.Err() == nil {
		return s.Err()
	}
	return nil
}

// known waits until the server has seen the tokens, or gives up on some.
func (v *visit) known(ctx context.Context, tokens []string) ([]string, error) {
	tokens = tokens[:min(len(tokens), demoTokensMax)]
	for end := time.Now().Add(demoTokensWait); ; {
		bearer, err := v.keep.Bearer(ctx)
		if err != nil {
			return nil, err
		}
		all, err := v.auth.Tokens(ctx, bearer)
		if err != nil {
			return nil, err
		}
		there := make(map[string]bool, len(all))
		for _, t := range all {
			there[t] = true
		}
		var seen []string
		for _, t := range tokens {
			if there[t] {
				seen = append(seen, t)
			}
		}
		switch late := time.Now().After(end); {
		case len(seen) == len(tokens), late && len(seen) > 0:
			return seen, nil
		case late:
			return nil, fmt.Errorf("%w within %v", errNoTicks, demoTokensWait)
		}
		select {
		case <-time.After(demoPoll):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// intro is what a new user reads first.
func (c demoConfig) intro(url string, tokens []string, a account) string {
	self, at := selfCommand(), ""
	if url != serverDefault {
		at = " --server " + url
	}
	who := at + " --user " + a.name + " --password-file " + quote(a.file)
	return fmt.Sprintf(`Azira is running: %s, %d tokens at %d ticks/s.

Ticks in a second terminal:
  %s client watch %s%s
or with any WebSocket client, such as websocat (to be installed: crates.io/crates/websocat):
  (echo 'subscribe|%s'; cat) | websocat -H "Authorization: Bearer $(%s client login%s)" %s

Ctrl-C ends it.

`, url, len(c.tokens), c.rate,
		self, quote(strings.Join(tokens[:min(len(tokens), 4)], ",")), who,
		tokens[0], self, who, "ws"+strings.TrimPrefix(url, "http")+"/api/v1/stream")
}

// selfCommand is how this program was called, or may be.
func selfCommand() string {
	if strings.Contains(os.Args[0], "go-build") {
		return "go run ./cmd/azira"
	}
	if filepath.IsAbs(os.Args[0]) {
		if wd, err := os.Getwd(); err == nil {
			rel, err := filepath.Rel(wd, os.Args[0])
			if err == nil && !strings.HasPrefix(rel, "..") {
				return quote("./" + rel)
			}
		}
	}
	return quote(os.Args[0])
}

// quote makes one word of a shell out of s.
func quote(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' ||
			strings.ContainsRune("-_./:,=+@%", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
