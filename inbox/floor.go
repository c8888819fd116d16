package inbox

import "sync"

// The floor has a desk for each account that has seats, and the queue of the desks that
// have something to do.
type floor struct {
	mu     sync.Mutex
	more   *sync.Cond
	desks  map[string]*desk
	groups map[string]map[*desk]struct{} // by log
	queue  []*desk
	turns  map[*desk]struct{} // that wait for somebody's turn
	seats  int
	closed bool
}

func (f *floor) init() {
	f.more = sync.NewCond(&f.mu)
	f.desks = map[string]*desk{}
	f.groups = map[string]map[*desk]struct{}{}
	f.turns = map[*desk]struct{}{}
}

func (f *floor) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	f.more.Broadcast()
}

func (f *floor) count() (seats, desks int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.seats, len(f.desks)
}

// sit brings a seat to its account's desk.
func (f *floor) sit(username string, st *Seat) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := f.desks[username]
	if d == nil {
		d = &desk{name: username, stale: true}
		f.desks[username] = d
	}
	st.desk = d
	d.arriving = append(d.arriving, st)
	f.seats++
}

// call has a desk looked at. Any goroutine, a loop too.
func (f *floor) call(d *desk) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.put(d)
}

func (f *floor) put(d *desk) {
	switch {
	case d.busy:
		d.again = true
	case !d.queued:
		d.queued = true
		f.queue = append(f.queue, d)
		f.more.Signal()
	}
}

// wake has the desks looked at that read one of the logs.
func (f *floor) wake(logs []string) {
	if len(logs) == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, log := range logs {
		if log[0] == 'g' {
			for d := range f.groups[log] {
				f.put(d)
			}
		} else if d := f.desks[log[1:]]; d != nil {
			f.put(d)
		}
	}
}

// regroup has an account's desk read anew what it knows from the store.
func (f *floor) regroup(username string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if d := f.desks[username]; d != nil {
		d.stale = true
		f.put(d)
	}
}

// remind has the desks looked at that wait for somebody's turn.
func (f *floor) remind() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for d := range f.turns {
		f.put(d)
	}
	clear(f.turns)
}

func (f *floor) waits(d *desk) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.turns[d] = struct{}{}
}

// owe counts the jobs of a desk that the sequencer has.
func (f *floor) owe(d *desk, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if d.pending += n; d.pending == 0 && n < 0 {
		f.put(d)
	}
}

// next is the next desk to look at, which is the caller's until done; nil at the end.
func (f *floor) next() (d *desk, arrived []*Seat, stale bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.queue) == 0 {
		if f.closed {
			return nil, nil, false
		}
		f.more.Wait()
	}
	d = f.queue[0]
	if f.queue = f.queue[1:]; len(f.queue) == 0 {
		f.queue = nil
	}
	d.queued, d.busy = false, true
	arrived, stale = d.arriving, d.stale
	d.arriving, d.stale, d.owing = nil, false, d.pending > 0
	return d, arrived, stale
}

// done gives a desk back. One without seats is taken down.
func (f *floor) done(d *desk, left int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seats -= left
	d.busy = false
	if len(d.seats) == 0 && len(d.arriving) == 0 && d.pending == 0 {
		if f.desks[d.name] == d {
			delete(f.desks, d.name)
		}
		delete(f.turns, d)
		f.leaveGroups(d)
		return
	}
	if d.again {
		d.again = false
		f.put(d)
	}
}

// regrouped notes which groups' messages a desk reads.
func (f *floor) regrouped(d *desk) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.leaveGroups(d)
	for _, x := range d.sources {
		if x.log[0] != 'g' {
			continue
		}
		if f.groups[x.log] == nil {
			f.groups[x.log] = map[*desk]struct{}{}
		}
		f.groups[x.log][d] = struct{}{}
		d.groups = append(d.groups, x.log)
	}
}

func (f *floor) leaveGroups(d *desk) {
	for _, log := range d.groups {
		if delete(f.groups[log], d); len(f.groups[log]) == 0 {
			delete(f.groups, log)
		}
	}
	d.groups = nil
}
