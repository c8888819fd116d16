package presence

import (
	"errors"
	"sync"

	"azira/store"
)

// lastSeen are the records that are not in the store yet.
type lastSeen struct {
	mu      sync.Mutex
	unsaved map[string]unsaved // by username
}

type unsaved struct {
	record
	drop bool // the record is to go
}

func newLastSeen() lastSeen { return lastSeen{unsaved: map[string]unsaved{}} }

func (l *lastSeen) put(name string, r record) { l.set(name, unsaved{record: r}) }
func (l *lastSeen) drop(name string)          { l.set(name, unsaved{drop: true}) }

func (l *lastSeen) set(name string, u unsaved) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unsaved[name] = u
}

// mend is put for what is known to be old.
func (l *lastSeen) mend(name string, r record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, newer := l.unsaved[name]; !newer {
		l.unsaved[name] = unsaved{record: r}
	}
}

func (l *lastSeen) of(name string) (unsaved, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	u, ok := l.unsaved[name]
	return u, ok
}

// some adds up to batchRecords of them to b and says which.
func (l *lastSeen) some(b *store.Batch) map[string]unsaved {
	l.mu.Lock()
	defer l.mu.Unlock()
	taken := make(map[string]unsaved, min(len(l.unsaved), batchRecords))
	for name, u := range l.unsaved {
		if len(taken) == batchRecords {
			break
		}
		taken[name] = u
		if u.drop {
			b.Delete(store.TablePresence, []byte(name))
		} else {
			b.Set(store.TablePresence, []byte(name), appendRecord(nil, u.record))
		}
	}
	return taken
}

// saved forgets what was written and has not changed since.
func (l *lastSeen) saved(taken map[string]unsaved) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, u := range taken {
		if l.unsaved[name] == u {
			delete(l.unsaved, name)
		}
	}
	if len(l.unsaved) == 0 && len(taken) > dirtyKept {
		l.unsaved = map[string]unsaved{}
	}
}

// lastSeenOf is when a client that is offline was last connected, in Unix µs; 0 =
// never.
func (t *Tracker) lastSeenOf(name string) (int64, error) {
	if u, ok := t.seen.of(name); ok {
		return u.at, nil
	}
	v, err := t.store.Get(store.TablePresence, []byte(name))
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	r, err := parseRecord(v)
	if r.online {
		return max(r.at, t.before), err
	}
	return r.at, err
}

// save writes what there is to write, and that the process lives.
func (t *Tracker) save() error {
	for {
		var b store.Batch
		taken := t.seen.some(&b)
		if len(taken) == 0 {
			return nil
		}
		t.appendAlive(&b)
		if err := t.store.CommitNoSync(&b); err != nil {
			return err
		}
		t.seen.saved(taken)
	}
}

// saveAlive writes that the process lives, and so does who is online.
func (t *Tracker) saveAlive() error {
	if t.online.Load() == 0 {
		return nil
	}
	var b store.Batch
	t.appendAlive(&b)
	return t.store.CommitNoSync(&b)
}

// appendAlive adds that the process lives, unless what a crash left still needs to know
// how long that one did.
func (t *Tracker) appendAlive(b *store.Batch) {
	if t.mended {
		now := t.now().UnixMicro()
		b.Set(store.TablePresence, nil, appendRecord(nil, record{at: now}))
	}
}

// saveAll is for the end: who is online no longer is.
func (t *Tracker) saveAll() error {
	t.flush()
	now := t.now().UnixMicro()
	t.mu.RLock()
	for _, c := range t.clients {
		switch {
		case c.removed:
		case c.connections > 0:
			t.seen.put(c.name, record{at: now})
		default:
			t.seen.put(c.name, record{at: c.left.UnixMicro()})
		}
	}
	t.mu.RUnlock()
	if err := t.save(); err != nil {
		return err
	}
	if !t.mended {
		return nil
	}
	var b store.Batch
	b.Delete(store.TablePresence, nil)
	return t.store.CommitNoSync(&b)
}

// repair corrects what a crash has left: who was online then was last seen when the
// process last was alive. Who comes meanwhile is not touched.
func (t *Tracker) repair() error {
	var from []byte
	for more := true; more; {
		more = false
		n := 0
		err := t.store.ScanFrom(store.TablePresence, nil, from, func(k, v []byte) error {
			if n++; n > batchRecords {
				from, more = append(from[:0], k...), true
				return store.ErrStop
			}
			r, err := parseRecord(v)
			if err != nil || !r.online || r.at > t.before {
				return err // or it came in this run
			}
			t.seen.mend(string(k), record{at: max(r.at, t.before)})
			return nil
		})
		if err != nil {
			return err
		}
		if err := t.save(); err != nil {
			return err
		}
	}
	return nil
}
