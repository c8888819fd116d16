package presence

import (
	"azira/proto"
)

// A Watch is one stream's view of a roster: how far in its log it was told. It holds
// nothing else, however slow the stream is. Its methods may be called from any
// goroutine; Next and Again belong to one at a time.
type Watch struct {
	// Fixed.
	tracker *Tracker
	roster  *roster
	wanted  func()

	// Guarded by the roster's mu.
	at    int      // among the watches
	now   position // behind what Next has appended
	last  position // before what it appended last, which may have to be told again
	asked bool     // wanted was called, and Next has not told all since
	gone  bool
}

// A position is how far a stream was told.
type position struct {
	told  uint64 // places up to it were told, or need not be
	until uint64 // of a snapshot: it tells of places up to it
	phase phase
}

type phase uint8

const (
	fresh   phase = iota // nothing told
	listing              // a snapshot is being told
	cut                  // one was, and is to end before another begins
	live                 // changes are told
)

// Watch begins to watch what username may see. wanted is called, from any goroutine,
// also before Watch returns, while no lock is held, when Next has something, and again
// only after Next has said that there is no more. It must not block. Watch may be called
// from event loops: the group is read elsewhere.
func (t *Tracker) Watch(username string, wanted func()) *Watch {
	t.mu.Lock()
	r := t.rosters[username]
	if r == nil {
		r = &roster{owner: username, cleanAt: logSlack}
		t.rosters[username] = r
		t.jobs.load = append(t.jobs.load, r)
		t.wakeKeeper()
	}
	w := &Watch{tracker: t, roster: r, wanted: wanted}
	r.mu.Lock()
	w.at = len(r.watches)
	r.watches = append(r.watches, w)
	ready := r.ready
	w.asked = ready
	r.mu.Unlock()
	t.mu.Unlock()
	t.watches.Add(1)
	if ready {
		wanted()
	}
	return w
}

// Close ends w: Next has nothing more. It may be called from event loops, and twice.
func (w *Watch) Close() {
	t, r := w.tracker, w.roster
	t.mu.Lock()
	defer t.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	if w.gone {
		return
	}
	w.gone = true
	t.watches.Add(-1)
	last := len(r.watches) - 1
	r.watches[w.at] = r.watches[last]
	r.watches[w.at].at = w.at
	r.watches[last] = nil
	if r.watches = r.watches[:last]; last == 0 {
		r.closed = true
		delete(t.rosters, r.owner)
		t.jobs.unload = append(t.jobs.unload, r)
		t.wakeKeeper()
	}
}

// Next appends frames of up to room bytes of what the stream was not told yet: first a
// snapshot of who is online, then who changed since, the last state of each, in the
// order of these. more says that there are others. With a room of RoomMin at least one
// fits. Another snapshot may follow later, if the stream is so slow that it can't be told
// who has left meanwhile.
func (w *Watch) Next(dst []byte, room int) (frames []byte, more bool) {
	r := w.roster
	r.mu.Lock()
	defer r.mu.Unlock()
	w.last = w.now
	if !r.ready || w.gone {
		return dst, false
	}
	for end := len(dst) + room; ; {
		var fits bool
		switch left := end - len(dst); w.now.phase {
		case fresh:
			w.now = position{until: r.seq, phase: listing}
			continue
		case cut:
			if dst, fits = w.appendPiece(dst, left, len(r.log)); fits {
				w.now.phase = fresh
			}
		case listing:
			dst, fits = w.appendPiece(dst, left, r.find(w.now.told+1))
		case live:
			if w.now.told == r.seq {
				w.asked = false
				return dst, false
			}
			dst, fits = w.appendEvent(dst, left)
		}
		if !fits {
			return dst, true
		}
	}
}

// Again says that the frames of the last Next were not taken, none of them: the one that
// follows appends what is to be told instead.
func (w *Watch) Again() {
	w.roster.mu.Lock()
	defer w.roster.mu.Unlock()
	w.now = w.last
}

// appendPiece appends a piece of the snapshot, from a place in the log on, if one fits.
func (w *Watch) appendPiece(dst []byte, room, from int) ([]byte, bool) {
	r, now := w.roster, w.tracker.now().UnixMicro()
	room = min(room, pieceBytesMax) - proto.RosterEndBytesMax
	p := proto.AppendRosterHead(r.piece[:0])
	empty := len(p)
	if proto.FrameSize(empty) > room {
		return dst, false
	}
	told, more := w.now.told, false
	for _, e := range r.log[from:] {
		if e.seq > w.now.until {
			break
		}
		if e.m != nil && e.m.state.online {
			s := &e.m.state
			q := proto.AppendRosterClient(p, &proto.Presence{Client: e.m.name, Online: true,
				Connections: s.connections, Since: s.since, LastSeen: now})
			if more = proto.FrameSize(len(q)) > room; more {
				break
			}
			p = q
		}
		told = e.seq
	}
	r.piece = p[:0]
	if more && len(p) == empty {
		return dst, false
	}
	if w.now.told = told; !more {
		w.now.told, w.now.phase = w.now.until, live
	}
	p = proto.AppendRosterEnd(p, more, len(r.members))
	r.piece = p[:0]
	return proto.AppendFrame(dst, proto.OpText, p), true
}

// appendEvent appends the oldest change that was not told, if it fits.
func (w *Watch) appendEvent(dst []byte, room int) ([]byte, bool) {
	r := w.roster
	i := r.find(w.now.told + 1)
	for r.log[i].m == nil { // the last one never is
		i++
	}
	m := r.log[i].m
	p := proto.AppendPresence(r.piece[:0], m.name, m.state.online, m.state.at, m.left)
	r.piece = p[:0]
	if proto.FrameSize(len(p)) > room {
		return dst, false
	}
	w.tracker.events.Add(1)
	w.tracker.behind.Add(r.log[i].seq - w.now.told - 1)
	w.now.told = r.log[i].seq
	return proto.AppendFrame(dst, proto.OpText, p), true
}

// needs is up to where the log need not remember changes for w.
func (w *Watch) needs() uint64 {
	seq := w.roster.seq
	return min(w.now.needs(seq), w.last.needs(seq))
}

func (p *position) needs(seq uint64) uint64 {
	switch p.phase {
	case listing:
		return p.until
	case live:
		return p.told
	}
	return seq
}

// startOver lets w have a snapshot next, unless it was told everything.
func (w *Watch) startOver() {
	w.now.startOver(w.roster.seq)
	w.last.startOver(w.roster.seq)
}

func (p *position) startOver(seq uint64) {
	switch {
	case p.phase == listing:
		p.phase = cut
	case p.phase == live && p.told < seq:
		p.phase = fresh
	}
}
