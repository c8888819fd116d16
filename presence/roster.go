package presence

import (
	"slices"
	"sync"
)

// A roster is what one account may see: itself and its clients. It is there while there
// are watches. Its log has a place for each member that is online, or that changed since
// the slowest watch was told. Where both are held, the Tracker's mu is locked first.
type roster struct {
	// Fixed.
	owner string

	// Owned by the keeper.
	reading uint32 // how often the group was read

	mu      sync.Mutex // guards the rest; methods that don't lock it are called with it
	ready   bool       // all members are there
	touched bool       // something is new, and flush will call tell
	closed  bool       // the last watch has gone
	seq     uint64
	log     []place   // by seq
	cleanAt int       // places in the log
	members []*member // by at; those that left are not among them
	lefts   int       // members in the log that left
	watches []*Watch  // by at
	piece   []byte    // in which a frame's payload is made
}

// A place in the log; no member = it has changed since, and has one further on.
type place struct {
	seq uint64
	m   *member
}

// A member is a client in one roster. The Tracker's mu guards also, its roster's mu the
// rest.
type member struct {
	name   string
	roster *roster
	also   *member // the same client in another roster
	at     int     // among the members
	seen   uint32  // the reading of the group in which it was seen
	left   bool    // it is not a member any more
	seq    uint64  // of its place; 0 = none
	state  state
}

// A state is what is known of a member. Online without connections is one that lingers.
type state struct {
	online      bool
	connections int
	since       int64 // Unix µs; when it came
	at          int64 // Unix µs; when it last came or went
}

// change gives m a new state and says whether the caller is to call tell when it holds
// no lock.
func (r *roster) change(m *member, s state) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.move(m, s)
	first := r.ready && !r.touched
	r.touched = r.touched || first
	return first
}

// move gives m a new state and the newest place.
func (r *roster) move(m *member, s state) {
	if m.seq != 0 {
		r.log[r.find(m.seq)].m = nil
		m.seq = 0
	}
	if len(r.log) >= r.cleanAt {
		r.clean()
	}
	r.seq++
	m.seq, m.state = r.seq, s
	r.log = append(r.log, place{r.seq, m})
}

// find is the index of the first place whose seq is not less.
func (r *roster) find(seq uint64) int {
	i, _ := slices.BinarySearchFunc(r.log, seq, func(p place, seq uint64) int {
		switch {
		case p.seq < seq:
			return -1
		case p.seq > seq:
			return 1
		}
		return 0
	})
	return i
}

// clean takes out of the log who is offline, or has left, once every watch was told,
// and the places that are empty. Members that left are held for slow watches in bounds:
// beyond them slow watches begin anew.
func (r *roster) clean() {
	if r.lefts > leftsMax+len(r.members) {
		for _, w := range r.watches {
			w.startOver()
		}
	}
	told := r.seq
	for _, w := range r.watches {
		told = min(told, w.needs())
	}
	kept := r.log[:0]
	for _, p := range r.log {
		switch {
		case p.m == nil:
		case p.m.state.online || p.seq > told:
			kept = append(kept, p)
		default:
			p.m.seq = 0
			if p.m.left {
				r.lefts--
			}
		}
	}
	clear(r.log[len(kept):])
	r.log = kept
	r.cleanAt = 2*len(kept) + logSlack
	if cap(r.log) > 4*r.cleanAt {
		r.log = append(make([]place, 0, r.cleanAt), kept...)
	}
}

// tell calls those watches that have something new and do not know yet.
func (r *roster) tell() {
	r.mu.Lock()
	r.touched = false
	var calls []func()
	for _, w := range r.watches {
		if !w.asked {
			w.asked = true
			calls = append(calls, w.wanted)
		}
	}
	r.mu.Unlock()
	for _, call := range calls {
		call()
	}
}

// remove takes m out of the members.
func (r *roster) remove(m *member) {
	last := len(r.members) - 1
	r.members[m.at] = r.members[last]
	r.members[m.at].at = m.at
	r.members[last] = nil
	r.members = r.members[:last]
}

// unseen are the members that the last reading of the group did not bring.
func (r *roster) unseen() (list []*member) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.members {
		if m.seen != r.reading {
			list = append(list, m)
		}
	}
	return list
}

// over says that nobody watches any more.
func (r *roster) over() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closed
}

func (r *roster) isReady() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ready
}
