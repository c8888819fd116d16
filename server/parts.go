package server

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"azira/auth"
	"azira/engine"
	"azira/presence"
)

// openAuth opens the accounts. Streams of a session that ends are closed
// through the engine, wherever they are on their way.
func (s *server) openAuth() error {
	keys, err := readKeys(s.config.JWTKeyFile)
	if err != nil {
		return err
	}
	var set *keySet
	if s.config.JWTIssuer != "" {
		set = newKeySet(s.config.JWTKeySet, s.log)
	}
	return s.openAuthWith(keys, set)
}

// openAuthWith opens the accounts with signing keys and an issuer's, both of which may be nil.
func (s *server) openAuthWith(keys [][]byte, set *keySet) (err error) {
	limit := s.config.StreamsPerAccount
	if limit == 0 {
		limit = auth.Unlimited
	}
	var issuer *auth.Issuer
	if set != nil {
		issuer = &auth.Issuer{
			URL: s.config.JWTIssuer, Audience: s.config.JWTAudience,
			Claim: s.config.JWTUsernameClaim, KeyWanted: set.want,
		}
	}
	s.people = presence.New(presence.Options{Logger: s.log})
	s.auth, err = auth.Open(s.store, auth.Options{
		Logger:            s.log,
		Sure:              s.clock.Sure,
		Keys:              keys,
		Issuer:            issuer,
		AccessTTL:         s.config.AccessTTL,
		RefreshTTL:        s.config.RefreshTTL,
		StreamsPerAccount: limit,
		ReplaceOldest:     s.config.ReplaceOldest,
		DeadAfter:         s.config.deadAfter,
		HashMemoryKiB:     s.config.hashMemoryKiB,
		CloseStream:       s.closeStream,
		Changed:           s.people.Changed,
		Removed:           s.people.Removed,
		Regrouped:         s.regrouped,
	})
	if err != nil {
		return err
	}
	return s.watchKeys(keys, set)
}

// watchKeys lets signing keys and the issuer's be renewed while the server runs. An
// issuer's keys in a file must be there from the start; a URL may answer later.
func (s *server) watchKeys(keys [][]byte, set *keySet) error {
	ctx, cancel := context.WithCancel(context.Background())
	s.endKeys = cancel
	if keys != nil {
		k := &keyring{at: s.config.JWTKeyFile, auth: s.auth, log: s.log, keys: keys}
		s.running.Go(func() { k.watch(ctx) })
	}
	if set == nil {
		return nil
	}
	set.auth = s.auth
	if !isURL(set.from) {
		if err := set.refresh(ctx); err != nil {
			return fmt.Errorf("%w: %s: %s", errIssuerKeys, set.from, cause(err))
		}
	}
	s.running.Go(func() { set.run(ctx) })
	return nil
}

// closeStream closes a stream that auth wants gone. One that has no handle any
// more has ended by itself.
func (s *server) closeStream(st *auth.Stream, code int, reason string) {
	if handle, open := st.Handle(); open {
		s.engine.Close(handle, code, reason)
	}
}

// regrouped has streams of a client that has left a group, also because its vendor went,
// get no more of the group's messages. Of one that has joined, join tells the inbox.
func (s *server) regrouped(vendor, client string, in bool) {
	s.people.Regrouped(vendor, client)
	if !in {
		s.inbox.Regrouped(client)
	}
}

func (s *server) newProxies() *proxies {
	return &proxies{
		trusted:  s.config.TrustedProxies,
		protocol: s.config.ProxyProtocol,
		wait:     s.config.timeouts.withDefaults().header,
		exempt:   s.config.RateExempt,
		log:      s.log,
	}
}

func (s *server) newPeers() *peers {
	return &peers{s.public.proxies, newCrowd(s.public.budget.connsMax,
		s.config.TrustedProxies, s.config.RateExempt)}
}

// processors is what GOMAXPROCS was before any server changed it.
var processors = sync.OnceValue(func() int { return runtime.GOMAXPROCS(0) })

// defaultLoops is one for each processor, as far as the engine goes.
func defaultLoops(processors int) int { return min(processors, loopsMax) }

// sparePs leaves the runtime one P more than there are loops. A loop that sleeps
// in epoll_wait keeps its P until the runtime's monitor takes it away; with one
// to spare, feed and requests run at once meanwhile: 27 % less CPU per tick in
// `azira bench run watch`, and a third less latency (docs/performance.md).
func sparePs(loops int) {
	runtime.GOMAXPROCS(max(processors(), loops+1))
}

func (s *server) openEngine() (err error) {
	loops, stall, window := s.config.Loops, s.config.StallTimeout, s.config.BatchWindow
	if loops == 0 {
		loops = defaultLoops(processors())
	}
	sparePs(loops)
	if stall == 0 {
		stall = -1 // never
	}
	if window == 0 {
		window = -1 // none
	}
	shards := shardsOf(loops)
	if err := checkMemory(s.config.RingBytes, shards, memoryLimit()); err != nil {
		return err
	}
	s.engine, err = engine.New(engine.Options{
		Loops:           loops,
		Shards:          shards,
		RingBytes:       int(s.config.RingBytes),
		TokensMax:       s.config.TokensMax,
		TokensPerStream: s.config.TokensPerStream,
		MaxLagBytes:     int(s.config.MaxLag),
		BatchWindow:     window,
		StallTimeout:    stall,
		BeatEvery:       s.config.HeartbeatEvery,
		CloseOnExpiry:   s.config.CloseOnExpiry,
		Auth:            renewer{s.auth},
		FeedSeqField:    s.config.FeedSeqField,

		RequestsPerSecond: s.config.RequestsPerSecond,
		RequestsBurst:     s.config.RequestsBurst,
		RefusedMax:        s.config.RefusedMax,
		RequestBytes:      int(s.config.RequestBytes),
		SubscribeBytes:    int(s.config.SubscribeBytes),
		RequestWithin:     s.config.RequestWithin,
		PartialBytes:      int(s.config.PartialBytes),

		Logger: s.log,
	})
	return err
}
