// Package auth knows who may do what: accounts and their passwords, login
// sessions, bearers, tickets, and the open streams of each account.
//
//	username, password ──▶ session ─┬▶ bearer (JWT, 30 min) ──▶ Identity ─┬▶ ticket (60 s, once)
//	                        │       └▶ refresh token (once) ──▶ new pair   └▶ stream, at most 3
//	                        └ ended ──▶ bearers refused, refresh refused, tickets void,
//	                                    streams closed with 3501; for good, at once
//
// The store holds accounts and sessions. In memory are only open streams,
// tickets, recently verified bearers, and one revocation counter for each
// 1/1024 of the sessions: a session's end deletes its record and then raises
// its counter; what was verified under an older count is looked up again.
//
// Bearers of an Issuer open streams and mint tickets as own ones do, under names
// that no own account can have, but have no session and no record here.
package auth

import (
	"fmt"
	"hash/maphash"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"azira/store"
)

// Unlimited, as StreamsPerAccount, lifts the limit.
const Unlimited = -1

// Options of a Service. The zero value is good.
type Options struct {
	Logger *slog.Logger // slog.Default() if nil

	// Keys are those of bearers, at least 32 bytes each: the first signs, all
	// verify. If nil, a key is made at first start and kept in the store: RotateKey.
	Keys [][]byte

	// Fleet accepts bearers that another process made with the same key and a
	// store of its own. They cannot be revoked here before they expire.
	Fleet bool

	// Issuer makes bearers that are believed beside our own; nil = nobody.
	Issuer *Issuer

	AccessTTL  time.Duration // of a bearer; 30 min if 0
	RefreshTTL time.Duration // of a session since its last refresh; 30 days if 0
	TicketTTL  time.Duration // 60 s if 0

	StreamsPerAccount int  // 3 if 0; Unlimited
	ReplaceOldest     bool // a stream too many closes the oldest and is not refused

	// DeadAfter is for how long a stream may take no byte before it makes room
	// for another of its account; 10 s if 0; a second's part counts as one.
	DeadAfter time.Duration

	HashConcurrency int    // max(1, GOMAXPROCS/2) if 0
	HashLine        int    // calls waiting for a hash before ErrBusy; 128 if 0
	HashTime        uint32 // argon2id passes; 2 if 0. Less is for tests and benches.
	HashMemoryKiB   uint32 // 19,456 if 0. Less is for tests and benches.

	TicketsMax   int // outstanding at once; 100,000 if 0
	CacheEntries int // verified bearers remembered; 4,096 if 0

	// CloseStream is called once for each stream that must go, after its
	// Opened and outside all locks, from any goroutine.
	CloseStream func(st *Stream, code int, reason string)

	// Changed is called after the number of an account's open streams changed, outside
	// all locks, from any goroutine, event loops among them: it may take a short lock
	// at most. Calls for one account may overlap: how many there are, Connections says.
	Changed func(username string)

	// Removed is called after an account was deleted. It may take a short lock at most.
	Removed func(username string)

	// Regrouped is called after a client has joined or left a vendor's group, under the
	// names' locks, from any goroutine: it must not wait, nor call the Service. May be nil.
	Regrouped func(vendor, client string, joined bool)

	// Now is the clock; time.Now if nil. Sure is the one by which what has expired goes for
	// good: the zero time if nothing has; Now if nil.
	Now, Sure func() time.Time
}

// A Service is all of this package over one store. Its methods are safe for
// any goroutine. Those that hash or commit wait; they are not for event loops,
// where only those of Stream may be called.
type Service struct {
	// Fixed after Open.
	o      Options
	st     *store.Store
	log    *slog.Logger
	now    func() time.Time
	opened time.Time // what times of streams count from, as the engine's do
	hasher *hasher
	cache  *cache
	seed   maphash.Seed

	// names[i] is held while an account or session record is changed.
	names  [nameLocks]sync.Mutex
	epochs [epochs]atomic.Uint32 // revocations; never 0
	slots  [slotShards]slots     // open streams by username

	changing  sync.Mutex // held while verifiers are replaced
	verifiers atomic.Pointer[verifiers]
	rules     rules

	vendors vendors
	tickets tickets
	numbers numbers
	kept    keptKeys

	open     atomic.Int64  // streams
	streamID atomic.Uint64 // last given
	hits     atomic.Uint64
	misses   atomic.Uint64

	stop    chan struct{}
	stopped sync.WaitGroup
}

// Open starts a Service on st, which it doesn't close. It refuses a Key under
// 32 bytes with ErrKey.
func Open(st *store.Store, o Options) (*Service, error) {
	if err := o.fill(); err != nil {
		return nil, err
	}
	s := &Service{
		o: o, st: st, log: o.Logger, now: o.Now, opened: o.Now(),
		hasher: newHasher(cost{o.HashTime, o.HashMemoryKiB}, o.HashConcurrency, o.HashLine),
		cache:  newCache(o.CacheEntries),
		seed:   maphash.MakeSeed(),
		stop:   make(chan struct{}),
	}
	for i := range s.epochs {
		s.epochs[i].Store(1)
	}
	if err := s.openVerifiers(); err != nil {
		return nil, err
	}
	if err := s.rules.load(st); err != nil {
		return nil, err
	}
	if err := s.numbers.load(st); err != nil {
		return nil, err
	}
	for i := range s.slots {
		s.slots[i].service = s
		s.slots[i].accounts = make(map[string]*account)
	}
	if err := s.loadVendors(); err != nil {
		return nil, err
	}
	s.tickets.init(o.TicketsMax)
	s.stopped.Go(s.sweepAll)
	return s, nil
}

// Close ends the background work. Streams stay as they are.
func (s *Service) Close() {
	close(s.stop)
	s.stopped.Wait()
}

func (o *Options) fill() error {
	if o.Keys != nil {
		if err := checkKeys(o.Keys); err != nil {
			return err
		}
	}
	if o.AccessTTL < 0 || o.RefreshTTL < 0 || o.TicketTTL < 0 || o.DeadAfter < 0 ||
		o.HashConcurrency < 0 || o.HashLine < 0 || o.TicketsMax < 0 || o.CacheEntries < 0 ||
		o.StreamsPerAccount < Unlimited {
		return fmt.Errorf("%w: negative", ErrOptions)
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Sure == nil {
		o.Sure = o.Now
	}
	if o.Changed == nil {
		o.Changed = func(string) {}
	}
	if o.Removed == nil {
		o.Removed = func(string) {}
	}
	orDefault(&o.AccessTTL, accessTTL)
	orDefault(&o.RefreshTTL, refreshTTL)
	orDefault(&o.TicketTTL, ticketTTL)
	orDefault(&o.StreamsPerAccount, streamsPerAccount)
	orDefault(&o.DeadAfter, deadAfter)
	orDefault(&o.HashConcurrency, max(1, runtime.GOMAXPROCS(0)/2))
	orDefault(&o.HashLine, hashLine)
	orDefault(&o.HashTime, hashTime)
	orDefault(&o.HashMemoryKiB, hashMemory)
	orDefault(&o.TicketsMax, ticketsMax)
	orDefault(&o.CacheEntries, cacheEntries)
	if o.AccessTTL < time.Second || o.RefreshTTL < o.AccessTTL {
		return fmt.Errorf("%w: a bearer lasts at least 1 s and not longer than its session",
			ErrOptions)
	}
	return nil
}

func orDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// Stats are counts since Open, and what is held now.
type Stats struct {
	Streams, Accounts     int // open, and of how many accounts
	Tickets               int // outstanding
	CacheHits, CacheMiss  uint64
	Hashes, HashesRefused uint64
	HashesWaiting         int
}

// Stats may be called from any goroutine.
func (s *Service) Stats() Stats {
	t := Stats{
		Streams:       int(s.open.Load()),
		Tickets:       s.tickets.len(),
		CacheHits:     s.hits.Load(),
		CacheMiss:     s.misses.Load(),
		Hashes:        s.hasher.hashes.Load(),
		HashesRefused: s.hasher.busy.Load(),
		HashesWaiting: int(s.hasher.waiting.Load()),
	}
	for i := range s.slots {
		t.Accounts += s.slots[i].len()
	}
	return t
}

func (s *Service) lockName(name string) *sync.Mutex {
	mu := &s.names[s.lockOf(name)]
	mu.Lock()
	return mu
}

// lockNames takes the locks of two names, always in the same order.
func (s *Service) lockNames(a, b string) (unlock func()) {
	i, k := s.lockOf(a), s.lockOf(b)
	if i == k {
		return s.lockName(a).Unlock
	}
	first, second := &s.names[min(i, k)], &s.names[max(i, k)]
	first.Lock()
	second.Lock()
	return func() {
		second.Unlock()
		first.Unlock()
	}
}

func (s *Service) lockOf(name string) uint64 {
	return maphash.String(s.seed, name) & (nameLocks - 1)
}

func (s *Service) epochOf(session uint64) *atomic.Uint32 {
	return &s.epochs[session&(epochs-1)]
}

// forget lets what was verified of a session be looked up again.
func (s *Service) forget(session uint64) {
	if e := s.epochOf(session); e.Add(1) == 0 {
		e.Add(1)
	}
}
