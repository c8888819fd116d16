package inbox

import (
	"slices"

	"azira/proto"
)

// A desk serves the seats of one account. Whoever took it off the queue has it alone.
type desk struct {
	name string

	// Guarded by floor.mu.
	queued   bool
	busy     bool // somebody has it
	again    bool // and it must be looked at once more
	pending  int  // jobs of it that the sequencer has
	stale    bool // what it knows from the store is to be read anew
	arriving []*Seat
	groups   []string // logs in floor.groups

	// Owned by whoever has it.
	seats   []*Seat
	cursor  cursor
	sources []source
	told    uint64 // greatest id that was on its way to a stream
	saved   uint64 // told, as the store has it or is about to
	lost    bool   // the store is to be read, or could not be
	owing   bool   // jobs of it were on their way when it was taken off the queue
	turns   turns
}

// serve looks at desks until the Service closes.
func (s *Service) serve() {
	for {
		d, arrived, stale := s.floor.next()
		if d == nil {
			return
		}
		s.floor.done(d, s.look(d, arrived, stale))
	}
}

// look gives every seat of a desk what it may have now. It returns how many have left.
func (s *Service) look(d *desk, arrived []*Seat, stale bool) (left int) {
	d.seats = append(d.seats, arrived...)
	d.lost = d.lost || stale
	if len(d.seats) > 0 && (d.lost || d.unsure()) && !d.owing {
		if d.lost = s.refresh(d) != nil; d.lost {
			s.floor.waits(d)
		}
	}
	before := len(d.seats)
	d.seats = slices.DeleteFunc(d.seats, func(st *Seat) bool { return s.leaves(d, st) })
	s.settleAcks(d) // before those who came are seated
	for _, st := range d.seats {
		s.note(d, st)
	}
	if len(d.seats) == 0 {
		s.save(d)
	} else if !d.lost {
		s.give(d)
	}
	return before - len(d.seats)
}

// unsure says that those who came can't be seated with what is known: what goes with the
// last acknowledgement is in the store, or on its way there.
func (d *desk) unsure() bool {
	return d.cursor.acked > 0 && d.cursor.reach == nil &&
		slices.ContainsFunc(d.seats, func(st *Seat) bool { return !st.seated })
}

// refresh reads what the store knows of an account.
func (s *Service) refresh(d *desk) error {
	c, err := s.cursor(d.name)
	var sources []source
	if err == nil {
		sources, err = s.sources(d.name)
	}
	if err != nil {
		s.o.Logger.Warn("an inbox can't be read", "username", d.name, "err", err)
		return err
	}
	d.cursor, d.told = c, max(d.told, c.told) // what was not stored is to be settled again
	d.saved = max(d.saved, c.told)
	for _, st := range d.seats {
		st.place.n = carry(st.place.n, d.sources, sources)
		st.next.n = carry(st.next.n, d.sources, sources)
	}
	d.sources = sources
	if c.turns != d.turns.on {
		for _, st := range d.seats {
			st.again = d.told // what is given anew was on its way before
		}
	}
	d.turns.set(c.turns, c.acked, d.seats)
	s.floor.regrouped(d)
	return nil
}

// carry makes the numbers reached in some sources those of others.
func carry(n []uint64, from, to []source) []uint64 {
	if n == nil {
		return nil
	}
	out := make([]uint64, len(to))
	for i := range to {
		out[i] = unknown
		for k := range from {
			if from[k].log == to[i].log && from[k].from == to[i].from {
				out[i] = n[k]
			}
		}
	}
	return out
}

// note takes in what a seat has told.
func (s *Service) note(d *desk, st *Seat) {
	if !st.seated && !d.lost && !d.unsure() {
		st.seated, st.again, st.place.id = true, d.told, d.cursor.acked
	}
	switch st.state.Load() {
	case seatIdle:
		if st.posted {
			st.posted = false
			st.place = st.next
			d.turns.took(st, s.heldMost(d))
		}
		st.free = true
	case seatAgain:
		st.posted = false
		st.next = st.place
		d.turns.giveBack(st.page)
		st.page = nil
		if st.has != nil && st.extras {
			st.has.Again()
		}
		st.free = st.state.CompareAndSwap(seatAgain, seatIdle)
	}
	if x := st.extra.Swap(nil); x != nil {
		if st.has != nil {
			st.has.Close()
		}
		st.has, st.extras = *x, false
	}
}

// leaves takes leave of a seat whose stream is gone.
func (s *Service) leaves(d *desk, st *Seat) bool {
	if st.state.Load() != seatGone {
		return false
	}
	s.noteAck(d, st)
	if x := st.extra.Swap(nil); x != nil {
		(*x).Close()
	}
	if st.has != nil {
		st.has.Close()
	}
	d.turns.giveBack(st.page)
	d.turns.giveBack(st.held)
	st.page, st.held = nil, nil
	return true
}

// noteAck takes in what was acknowledged on a stream.
func (s *Service) noteAck(d *desk, st *Seat) {
	id := st.heard.Swap(0)
	switch {
	case id == 0:
	case d.turns.on:
		d.turns.acked(st, id, s.heldMost(d))
	default:
		d.turns.low = max(d.turns.low, st.acked.Load())
	}
}

// heldMost is how many messages there can be that a seat has not acknowledged.
func (s *Service) heldMost(d *desk) int { return s.o.MessagesMax * max(1, len(d.sources)) }

// settleAcks has the account's cursor moved on in the store.
func (s *Service) settleAcks(d *desk) {
	for _, st := range d.seats {
		s.noteAck(d, st)
	}
	to := d.turns.low
	if d.turns.on {
		to = d.turns.settled(d.seats)
	}
	if to <= d.cursor.acked {
		return
	}
	if !s.keep(d, to) {
		s.floor.waits(d)
		return
	}
	d.cursor.acked, d.cursor.reach = to, nil
}

// save keeps what was on its way, so that it is marked when it comes again.
func (s *Service) save(d *desk) {
	if d.told > d.saved && d.told > d.cursor.acked {
		s.keep(d, 0) // else it is not marked
	}
}

// keep has what is acknowledged and what was on its way stored. The desk stays until
// that is done, so that nobody reads the old.
func (s *Service) keep(d *desk, acked uint64) bool {
	name, told := d.name, d.told
	s.floor.owe(d, 1)
	ok := s.later(&job{
		do: func(r *round) error { return r.ack(name, acked, told) },
		after: func(err error) {
			if err != nil {
				s.floor.regroup(name)
			}
			s.floor.owe(d, -1)
		},
	})
	if !ok {
		s.floor.owe(d, -1)
		return false
	}
	d.saved = told
	return true
}

// give posts the next page to each seat that may have one.
func (s *Service) give(d *desk) {
	if d.turns.on {
		s.giveInTurn(d)
		return
	}
	for _, st := range d.seats {
		if !st.free || !st.seated {
			continue
		}
		frames, err := s.fillPage(d, st, s.extras(st))
		if err != nil {
			s.o.Logger.Warn("an inbox can't be read", "username", d.name, "err", err)
			s.floor.waits(d)
		}
		if len(frames) == 0 {
			st.place = st.next
			continue
		}
		d.told = max(d.told, st.next.id)
		s.post(st, frames)
	}
}

// post hands frames over to a seat's stream.
func (s *Service) post(st *Seat, frames []byte) {
	if !st.state.CompareAndSwap(seatIdle, seatBusy) {
		return // it is gone
	}
	st.posted, st.free, st.postedAt = true, false, s.o.Now().UnixMilli()
	st.out.Post(frames)
}

// extras are the frames of a seat's Extra.
func (s *Service) extras(st *Seat) (frames []byte) {
	if st.has != nil {
		frames, _ = st.has.Next(nil, pageBytes/2) // messages have their part of a page
	}
	st.extras = len(frames) > 0
	return frames
}

// fillPage appends a seat's next messages, and notes where they end.
func (s *Service) fillPage(d *desk, st *Seat, frames []byte) ([]byte, error) {
	st.next = place{st.place.id, slices.Clone(st.place.n), st.place.whole}
	for len(frames) < pageBytes {
		upto := s.committed.Load()
		if upto <= st.next.id && st.next.n != nil {
			return frames, nil
		}
		list, more, err := s.read(d.sources, look{
			after: st.next.id, upto: upto, most: pageMost, room: pageBytes - len(frames),
		})
		if err != nil {
			return frames, err
		}
		if err := s.complete(d, &st.next); err != nil {
			return frames, err
		}
		for i := range list {
			frames = s.appendEntry(frames, st, &list[i])
		}
		if !more && !st.next.whole {
			frames, err = s.appendGone(frames, d.sources, upto, st.next.n)
			st.next.whole = err == nil
		}
		if !more {
			st.next.id = max(st.next.id, upto)
			return frames, err
		}
	}
	return frames, nil
}

// appendEntry appends a message, and what is missing before it, and notes it.
func (s *Service) appendEntry(frames []byte, st *Seat, e *entry) []byte {
	n := &st.next.n[e.source]
	frames = appendGap(frames, e.n-min(e.n, *n+1))
	*n, st.next.id = e.n, e.ID
	if e.past(s.nowID()) {
		return frames
	}
	return s.appendFrame(frames, &e.Message, e.ID <= st.again)
}

// past says that a message is delivered no more.
func (e *entry) past(now uint64) bool {
	return e.Expires != 0 && uint64(e.Expires) <= now || e.From == "" // its body was swept
}

// appendGone says how many messages are gone behind the last one of each source.
func (s *Service) appendGone(
	frames []byte, list []source, upto uint64, n []uint64,
) ([]byte, error) {
	missing := uint64(0)
	for i := range list {
		last, err := s.number(&list[i], upto)
		if err != nil {
			return frames, err
		}
		if last > n[i] {
			missing += last - n[i]
			n[i] = last
		}
	}
	return appendGap(frames, missing), nil
}

func appendGap(frames []byte, missing uint64) []byte {
	if missing == 0 {
		return frames
	}
	return proto.AppendFrame(frames, proto.OpText, proto.AppendDropped(nil, missing))
}

// appendFrame appends a message as streams get it.
func (s *Service) appendFrame(frames []byte, m *Message, again bool) []byte {
	s.counts.delivered.Add(1)
	if again {
		s.counts.again.Add(1)
	}
	payload := proto.AppendMessage(nil, &proto.InboxMessage{
		ID: m.ID, From: m.From, Kind: m.Kind, Content: m.Content, ReplyTo: m.ReplyTo,
		Group: m.Group, Again: again,
	})
	return proto.AppendFrame(frames, proto.OpText, payload)
}

// complete asks for the numbers of a place that are not known.
func (s *Service) complete(d *desk, at *place) (err error) {
	if at.n == nil {
		at.n = slices.Repeat([]uint64{unknown}, len(d.sources))
	}
	for i := range at.n {
		if at.n[i] != unknown {
			continue
		}
		x := &d.sources[i]
		n, known := d.cursor.of(x)
		if !(known && at.id == d.cursor.acked) && !(i == 0 && at.id == 0) {
			if n, err = s.number(x, max(at.id, x.from)); err != nil {
				return err
			}
		}
		at.n[i] = n
	}
	return nil
}
