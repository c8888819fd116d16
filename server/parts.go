package server

import (
	"fmt"
	"os"
	"runtime"
	"sync"

	"azira/auth"
	"azira/engine"
)

// openAuth opens the accounts. Streams of a session that ends are closed
// through the engine, wherever they are on their way.
func (s *server) openAuth() error {
	key, err := s.config.signingKey()
	if err != nil {
		return err
	}
	limit := s.config.StreamsPerAccount
	if limit == 0 {
		limit = auth.Unlimited
	}
	s.auth, err = auth.Open(s.store, auth.Options{
		Logger:            s.log,
		Key:               key,
		AccessTTL:         s.config.AccessTTL,
		RefreshTTL:        s.config.RefreshTTL,
		StreamsPerAccount: limit,
		ReplaceOldest:     s.config.ReplaceOldest,
		DeadAfter:         s.config.deadAfter,
		HashMemoryKiB:     s.config.hashMemoryKiB,
		CloseStream:       s.closeStream,
	})
	return err
}

// closeStream closes a stream that auth wants gone. One that has no handle any
// more has ended by itself.
func (s *server) closeStream(st *auth.Stream, code int, reason string) {
	if handle, open := st.Handle(); open {
		s.engine.Close(handle, code, reason)
	}
}

func (s *server) newProxies() *proxies {
	return &proxies{
		trusted:  s.config.TrustedProxies,
		protocol: s.config.ProxyProtocol,
		wait:     s.config.timeouts.withDefaults().header,
		log:      s.log,
	}
}

func (s *server) newPeers() *peers {
	return &peers{s.public.proxies, newCrowd(s.public.budget.connsMax,
		s.config.TrustedProxies, s.config.RateExempt)}
}

// signingKey is the content of the key file, without the newline an editor
// leaves at its end; nil = none is given.
func (c *Config) signingKey() ([]byte, error) {
	if c.JWTKeyFile == "" {
		return nil, nil
	}
	key, err := os.ReadFile(c.JWTKeyFile)
	if err != nil {
		return nil, fmt.Errorf("%w: %s can't be read: %s", errKeyFile, c.JWTKeyFile, cause(err))
	}
	if n := len(key); n > 0 && key[n-1] == '\n' {
		key = key[:n-1]
	}
	if len(key) < keyBytesMin {
		return nil, fmt.Errorf("%w: %s holds %d bytes, at least %d are needed",
			errKeyFile, c.JWTKeyFile, len(key), keyBytesMin)
	}
	return key, nil
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
