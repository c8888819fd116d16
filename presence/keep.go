package presence

import (
	"errors"
	"slices"
	"time"

	"azira/store"
)

// jobs wait for the keeper, the one goroutine that reads groups and writes to the
// store. The Tracker's mu guards them.
type jobs struct {
	load    []*roster     // their members are not known yet
	unload  []*roster     // nobody watches them any more
	regroup map[pair]bool // memberships that may have changed
}

// A pair is a vendor and a client, or a vendor and none for all of them.
type pair struct{ vendor, client string }

func newJobs() jobs { return jobs{regroup: map[pair]bool{}} }

func (t *Tracker) wakeKeeper() {
	select {
	case t.poke <- struct{}{}:
	default:
	}
}

// keep works until Close. What fails is tried again a second later.
func (t *Tracker) keep() {
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	alive := t.now()
	t.mended = t.before == 0
	for {
		select {
		case <-t.stop:
			return
		case <-t.poke:
			t.work()
			continue
		case <-tick.C:
		}
		t.work()
		if !t.mended {
			err := t.repair()
			t.complain("mend what a crash left", err)
			t.mended = err == nil
		}
		t.complain("save", t.save())
		if now := t.now(); now.Sub(alive) >= aliveEvery {
			alive = now
			t.complain("save", t.saveAlive())
		}
	}
}

// complain logs an error, unless it is the disk's, of which the store says enough.
func (t *Tracker) complain(what string, err error) {
	if err != nil && !errors.Is(err, store.ErrUnwritable) && !errors.Is(err, store.ErrClosed) {
		t.log.Error("presence: "+what, "err", err)
	}
}

// work does what waits. Rosters are loaded before others are unloaded, so that one which
// is in both is empty in the end.
func (t *Tracker) work() {
	t.mu.Lock()
	j := t.jobs
	t.jobs = newJobs()
	t.mu.Unlock()
	for _, r := range j.load {
		if err := t.load(r); err != nil {
			t.complain("read a group", err)
			t.mu.Lock()
			t.jobs.load = append(t.jobs.load, r)
			t.mu.Unlock()
		}
	}
	for p := range j.regroup {
		if err := t.regroup(p); err != nil {
			t.complain("read a group", err)
			t.mu.Lock()
			t.jobs.regroup[p] = true
			t.mu.Unlock()
		}
	}
	for _, r := range j.unload {
		t.unload(r)
	}
}

// load makes the members of r those that its owner's group has, and r ready.
func (t *Tracker) load(r *roster) error {
	if r.over() {
		return nil
	}
	r.reading++
	t.admit(r, []string{r.owner})
	for after, more := "", true; more; {
		var names []string
		var err error
		names, more, err = t.groups.ClientsOf(r.owner, after, groupPage)
		if err != nil && !errors.Is(err, ErrNoVendor) {
			return err
		}
		for some := range slices.Chunk(names, settleChunk) {
			t.admit(r, some)
		}
		if more = more && len(names) > 0 && !r.over(); more {
			after = names[len(names)-1]
		}
	}
	for some := range slices.Chunk(r.unseen(), settleChunk) {
		t.mu.Lock()
		for _, m := range some {
			t.leave(m)
		}
		t.mu.Unlock()
	}
	r.mu.Lock()
	r.ready = true
	r.mu.Unlock()
	r.tell()
	return nil
}

// regroup looks whether a client is in a watched group. While the roster waits to be
// loaded there is nothing to do.
func (t *Tracker) regroup(p pair) error {
	t.mu.RLock()
	r := t.rosters[p.vendor]
	t.mu.RUnlock()
	if r == nil || !r.isReady() {
		return nil
	}
	if p.client == "" {
		return t.load(r)
	}
	in, err := t.groups.InGroup(p.vendor, p.client)
	if err != nil {
		return err
	}
	if in {
		t.admit(r, []string{p.client})
	} else {
		t.mu.Lock()
		if m := t.memberOf(r, p.client); m != nil {
			t.leave(m)
		}
		t.mu.Unlock()
	}
	r.tell()
	return nil
}

// admit makes clients members of r that are not yet. While r is not ready, those offline
// need no place in the log: the snapshot does not name them.
func (t *Tracker) admit(r *roster, names []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, name := range names {
		m := t.memberOf(r, name)
		if m == nil {
			m = &member{name: name, roster: r, also: t.index[name], at: len(r.members)}
			t.index[name] = m
			r.members = append(r.members, m)
			if s := t.stateOf(name); s.online || r.ready {
				r.move(m, s)
			}
		}
		m.seen = r.reading
	}
}

// leave makes m no member. t.mu is held.
func (t *Tracker) leave(m *member) {
	r := m.roster
	t.unlink(m)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.remove(m)
	m.left = true
	r.lefts++
	r.move(m, state{at: t.now().UnixMicro()})
}

// unload takes the members of a roster that nobody watches out of the index.
func (t *Tracker) unload(r *roster) {
	for more := true; more; {
		t.mu.Lock()
		r.mu.Lock()
		n := max(0, len(r.members)-settleChunk)
		for _, m := range r.members[n:] {
			t.unlink(m)
		}
		r.members, more = r.members[:n], n > 0
		r.mu.Unlock()
		t.mu.Unlock()
	}
}

// stateOf is what is known of a client now. t.mu is held.
func (t *Tracker) stateOf(name string) state {
	c := t.clients[name]
	if c == nil {
		return state{at: t.now().UnixMicro()}
	}
	return state{online: true, connections: c.connections, since: c.since, at: c.since}
}

// memberOf is a client in r; nil if it is none. t.mu is held.
func (t *Tracker) memberOf(r *roster, name string) *member {
	m := t.index[name]
	for m != nil && m.roster != r {
		m = m.also
	}
	return m
}

// unlink takes m out of the index. t.mu is held.
func (t *Tracker) unlink(m *member) {
	first := t.index[m.name]
	switch {
	case first == m && m.also == nil:
		delete(t.index, m.name)
	case first == m:
		t.index[m.name] = m.also
	default:
		for first.also != m {
			first = first.also
		}
		first.also = m.also
	}
	m.also = nil
}
