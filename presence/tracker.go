package presence

import (
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"azira/proto"
	"azira/store"
)

// Accounts says how many streams an account has open; *auth.Service does. It is asked
// while nothing is locked.
type Accounts interface {
	Connections(username string) int
}

// Groups says whom a vendor may see. Its methods may read the disk.
type Groups interface {
	// InGroup says whether client is one of vendor's, now.
	InGroup(vendor, client string) (bool, error)

	// ClientsOf lists up to n clients of vendor with names beyond after, by name. more
	// says whether there are others behind them. ErrNoVendor if vendor is none.
	ClientsOf(vendor, after string, n int) (clients []string, more bool, err error)
}

// ErrNoVendor says that an account is no vendor.
var ErrNoVendor = errors.New("presence: no such vendor")

// Options of a Tracker. The zero value is good.
type Options struct {
	Logger *slog.Logger     // slog.Default() if nil
	Now    func() time.Time // the clock; time.Now if nil
}

// A Tracker knows who is connected. Its methods are safe for any goroutine; those that
// may read the disk say so, and are not for event loops.
type Tracker struct {
	// Fixed after Start.
	store    *store.Store
	accounts Accounts
	groups   Groups
	log      *slog.Logger
	now      func() time.Time
	before   int64 // Unix µs until when a run that crashed was alive; 0 = none crashed

	// Owned by the keeper.
	mended bool // what a crash left was put right

	// Owned by flush.
	batch   []change
	lingers []lingering // those who went, the first first
	touched []*roster

	// Shared.
	dirty *dirtySet
	seen  lastSeen

	mu      sync.RWMutex
	clients map[string]*client // those online, under mu as all below
	index   map[string]*member // of rosters, by name: a list by also
	rosters map[string]*roster // those watched, by whose they are
	jobs    jobs

	online  atomic.Int64
	watches atomic.Int64
	changes atomic.Uint64
	events  atomic.Uint64
	behind  atomic.Uint64
	returns atomic.Uint64

	poke    chan struct{} // something is in jobs
	stop    chan struct{}
	stopped sync.WaitGroup
}

// A client is online: it has connections, or had some until not long ago. A Tracker's mu
// guards it.
type client struct {
	name        string
	connections int
	since       int64     // Unix µs
	left        time.Time // when the last connection went
	removed     bool      // the account was deleted
}

// New makes a Tracker, whose Changed and Removed may be called. It knows nothing until
// Start.
func New(o Options) *Tracker {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Tracker{
		log: o.Logger, now: o.Now, dirty: newDirtySet(), seen: newLastSeen(),
		clients: map[string]*client{}, index: map[string]*member{},
		rosters: map[string]*roster{}, jobs: newJobs(),
		poke: make(chan struct{}, 1), stop: make(chan struct{}),
	}
}

// Start begins to track, and to write to st, which it doesn't close. It is called once.
func (t *Tracker) Start(st *store.Store, accounts Accounts, groups Groups) error {
	v, err := st.Get(store.TablePresence, nil)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return err
	default:
		r, err := parseRecord(v)
		if err != nil {
			return err
		}
		t.before = r.at
	}
	t.store, t.accounts, t.groups = st, accounts, groups
	t.stopped.Go(t.flushAll)
	t.stopped.Go(t.keep)
	return nil
}

// Close ends the work, if it was started. Who is online was last seen now.
func (t *Tracker) Close() error {
	if t.store == nil {
		return nil
	}
	close(t.stop)
	t.stopped.Wait()
	return t.saveAll()
}

// Changed tells that an account has more or fewer streams open. It may be called from
// event loops.
func (t *Tracker) Changed(username string) { t.dirty.add(username, changed) }

// Removed tells that an account was deleted: when it was last seen is forgotten. It may
// be called from event loops.
func (t *Tracker) Removed(username string) { t.dirty.add(username, removed) }

// Regrouped tells that client has come into vendor's group or has left it; with no
// client, that much of the group has changed. It may be called from event loops.
func (t *Tracker) Regrouped(vendor, client string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.rosters[vendor] != nil && client != vendor {
		t.jobs.regroup[pair{vendor, client}] = true
		t.wakeKeeper()
	}
}

// Of is what is known of a client at this moment. It may read the disk.
func (t *Tracker) Of(username string) (proto.Presence, error) {
	now := t.now().UnixMicro()
	p := proto.Presence{Client: username, Connections: t.accounts.Connections(username)}
	p.Online = p.Connections > 0
	since, left := t.sinceOf(username)
	switch {
	case p.Online && since == 0:
		p.Since, p.LastSeen = now, now // it has come just now
	case p.Online:
		p.Since, p.LastSeen = since, now
	case since != 0:
		p.LastSeen = left
	case t.dirty.marks(username) == changed:
		p.LastSeen = now // it came and went just now
	default:
		var err error
		p.LastSeen, err = t.lastSeenOf(username)
		return p, err
	}
	return p, nil
}

// sinceOf is since when a client is online, and since when it has no connection, if
// so; both now if nobody has looked since it went; 0 if it is offline.
func (t *Tracker) sinceOf(username string) (since, left int64) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	c := t.clients[username]
	if c == nil {
		return 0, 0
	}
	if c.connections > 0 {
		return c.since, t.now().UnixMicro()
	}
	return c.since, c.left.UnixMicro()
}

// Page lists up to n clients of vendor with names beyond after, by name: all, or those
// that are online, or that are not. It looks at PageScanMax clients at most; next is
// where to go on, empty at the end. ErrNoVendor if vendor is none. It reads the disk.
func (t *Tracker) Page(
	vendor, after string, n int, online *bool,
) (list []proto.Presence, next string, err error) {
	for scanned := 0; ; {
		names, more, err := t.groups.ClientsOf(vendor, after, min(groupPage, PageScanMax-scanned))
		if err != nil {
			return nil, "", err
		}
		for i, name := range names {
			after = name
			if online != nil && *online != (t.accounts.Connections(name) > 0) {
				continue
			}
			p, err := t.Of(name)
			if err != nil {
				return nil, "", err
			}
			if list = append(list, p); len(list) == n && (more || i+1 < len(names)) {
				return list, after, nil
			}
		}
		scanned += len(names)
		switch {
		case !more || len(names) == 0:
			return list, "", nil
		case scanned >= PageScanMax:
			return list, after, nil
		}
	}
}

// Stats are counts since New, and what is held now.
type Stats struct {
	Online  int    // accounts, those who may come back within the linger included
	Watches int    // open
	Changes uint64 // accounts that came or went
	Events  uint64 // presence events handed to streams
	Behind  uint64 // changes that streams were not told, since others followed before
	Returns uint64 // times an account came back before it was said to be gone
}

// Stats may be called from any goroutine.
func (t *Tracker) Stats() Stats {
	return Stats{
		Online: int(t.online.Load()), Watches: int(t.watches.Load()), Changes: t.changes.Load(),
		Events: t.events.Load(), Behind: t.behind.Load(), Returns: t.returns.Load(),
	}
}
