package inbox

import (
	"math"
	"slices"
)

// turns is what a desk knows when each message goes to one of its seats: MESSAGING's
// delivery "one".
//
//	next ▶ page of a seat ▶ held by it ▶ acknowledged
//	  ▲                        │
//	  └──── back ◀─────────────┘ the seat left
type turns struct {
	on   bool
	low  uint64   // all up to it is acknowledged
	next uint64   // the greatest id that was given to anybody
	back []uint64 // ids that were given and came back, in order
	turn int      // index of the seat whose turn it is
}

// set takes in what the store says: whether there are turns, and what is acknowledged.
func (t *turns) set(on bool, acked uint64, seats []*Seat) {
	t.low = max(t.low, acked)
	if on != t.on {
		t.begin(on, seats)
	}
	t.next = max(t.next, acked)
	t.back = t.open(t.back)
	for _, st := range seats {
		st.held = t.open(st.held)
	}
}

// begin begins turns, or ends them: what is not acknowledged is given anew.
func (t *turns) begin(on bool, seats []*Seat) {
	t.on, t.next, t.back = on, t.low, nil
	for _, st := range seats {
		st.held, st.page = nil, nil
		if st.seated {
			st.place = place{id: t.low}
			st.next = st.place
		}
	}
}

// open are those of ids that are not acknowledged.
func (t *turns) open(ids []uint64) []uint64 {
	return slices.DeleteFunc(ids, func(id uint64) bool { return id <= t.low })
}

// giveBack has ids given to others.
func (t *turns) giveBack(ids []uint64) {
	if t.on {
		t.back = append(t.back, t.open(ids)...)
		slices.Sort(t.back)
	}
}

// took notes that a seat has got its page. Of what it never acknowledges so many ids are
// remembered as an inbox may have messages.
func (t *turns) took(st *Seat, most int) {
	if t.on {
		st.held = append(st.held, st.page...)
	}
	if over := len(st.held) - most; over > 0 {
		st.held = slices.Delete(st.held, 0, over)
	}
	st.page = nil
}

// acked takes an acknowledgement in: of what a seat was given up to id, in the order in
// which it was given.
func (t *turns) acked(st *Seat, id uint64, most int) {
	if slices.Contains(st.page, id) {
		t.took(st, most)
	}
	if i := slices.Index(st.held, id); i >= 0 {
		st.held = slices.Delete(st.held, 0, i+1)
		return
	}
	st.held = slices.DeleteFunc(st.held, func(x uint64) bool { return x <= id })
}

// settled is the id up to which everything is acknowledged.
func (t *turns) settled(seats []*Seat) uint64 {
	least := t.next + 1
	for _, st := range seats {
		least = min(least, t.least(st.held), t.least(st.page))
	}
	t.low = max(t.low, min(least, t.least(t.back))-1)
	return t.low
}

// least is the least of ids that is not acknowledged.
func (t *turns) least(ids []uint64) uint64 {
	least := uint64(math.MaxUint64)
	for _, id := range ids {
		if id > t.low {
			least = min(least, id)
		}
	}
	return least
}

// giveInTurn gives each message to one seat, in turn. Who takes nothing is passed over.
func (s *Service) giveInTurn(d *desk) {
	for _, st := range d.seats { // what is not a message goes to each
		if !st.free || st.has == nil || !st.seated {
			continue
		}
		if frames := s.extras(st); len(frames) > 0 {
			st.next = st.place
			s.post(st, frames)
		}
	}
	for {
		st := s.whoseTurn(d)
		if st == nil {
			return
		}
		frames, given, err := s.nextInTurn(d)
		if err != nil {
			s.o.Logger.Warn("an inbox can't be read", "username", d.name, "err", err)
			s.floor.waits(d)
			return
		}
		if len(given) == 0 && len(frames) == 0 {
			return
		}
		d.turns.turn++
		st.page = given
		st.next = place{id: max(st.place.id, slices.Max(append(given, 0)))}
		d.told = max(d.told, st.next.id)
		s.post(st, frames)
	}
}

// whoseTurn is the seat that gets the next message; nil if it is to be waited for.
func (s *Service) whoseTurn(d *desk) *Seat {
	now := s.o.Now().UnixMilli()
	waits := false
	for i := range d.seats {
		st := d.seats[(d.turns.turn+i)%len(d.seats)]
		if !st.seated {
			continue
		}
		switch {
		case st.free:
			d.turns.turn += i
			return st
		case st.posted:
			if now-st.postedAt < turnPatience.Milliseconds() {
				s.floor.waits(d)
				return nil
			}
			waits = true
		}
	}
	if waits {
		s.floor.waits(d)
	}
	return nil
}

// nextInTurn is the next message that nobody has: one that came back, or a new one.
func (s *Service) nextInTurn(d *desk) (frames []byte, given []uint64, err error) {
	after, upto := d.turns.next, uint64(math.MaxUint64)
	back := len(d.turns.back) > 0
	if back {
		upto = d.turns.back[0]
		after = upto - 1
	}
	list, _, err := s.read(d.sources, look{after: after, upto: upto, most: 1})
	if err != nil {
		return nil, nil, err
	}
	if back {
		d.turns.back = d.turns.back[1:]
	}
	if len(list) == 0 {
		if back {
			return s.nextInTurn(d) // it is gone
		}
		return nil, nil, nil
	}
	e := &list[0]
	d.turns.next = max(d.turns.next, e.ID)
	if e.past(s.nowID()) {
		return s.nextInTurn(d)
	}
	return s.appendFrame(nil, &e.Message, back || e.ID <= d.told), []uint64{e.ID}, nil
}
