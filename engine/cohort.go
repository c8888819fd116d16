package engine

import (
	"slices"

	"azira/internal/invariant"
)

// A cohort is the connections of a loop that hold the same list. Many clients hold
// the same; a turn's bytes are made once for all of them. A list of its own is a
// cohort of one.
//
// What each turn touches is apart, in heat, 16 bytes a cohort: a list of its own is
// served from there alone.
type cohort struct {
	list
	seats   []uint32 // by index in tokens: the cohort's index in the token's interest
	members []int32  // their descriptors; but for those parked
	parked  uint32
	next    uint32 // cohort with the same hash; 0 = none
	hash    uint64
	beatAt  uint32 // tick of the next heartbeat
	beats   uint32 // heartbeats so far
	rates   *rates // if some token has a window
}

// heat is what a turn notes of a cohort: its frames are runs, linked.
type heat struct {
	first  uint32 // index in fan.runs; 0 = no record is due
	last   uint32 // of the runs; once packed in parts, index in fan.parts
	active uint32 // members that take part; a cohort without is passed over
	who    uint32 // flags, and the descriptor of the first member
}

// Flags of heat.who, above the descriptor.
const (
	heatEncoding = handleFdBits // 3 bits: the form of all its frames, if it is even
	heatUneven   = 1 << 27      // not all its frames are of one form, or not every tick is sent
	heatBeat     = 1 << 28      // this turn brings a heartbeat
	heatRates    = 1 << 29      // this turn a window ends
	heatParts    = 1 << 30      // packed in parts
	heatSealed   = 1 << 31      // its members have Sealers

	heatTurn = heatBeat | heatRates | heatParts // what lasts for a turn
)

func (h *heat) fd() int32 { return int32(h.who & (1<<handleFdBits - 1)) }

func (h *heat) setFd(fd int32) { h.who = h.who&^(1<<handleFdBits-1) | uint32(fd) }

func (h *heat) encoding() int { return int(h.who >> heatEncoding & 7) }

// due says that this turn brings something.
func (h *heat) due() bool { return h.first != 0 || h.who&(heatBeat|heatRates) != 0 }

// done ends a turn.
func (h *heat) done() { h.first, h.who = 0, h.who&^heatTurn }

// interest is what a loop keeps of one token: who wants it, and where the loop is
// in its ticks.
type interest struct {
	cohorts []uint32
	seq     uint64 // of the last tick drained
	last    uint64 // its position; meaningless while seq is 0
}

// cohorts interns lists. Id 0 is the empty list of the text dialect, and has nobody.
type cohorts struct {
	all    []cohort
	heat   []heat
	free   []uint32
	byHash map[uint64]uint32
}

func (k *cohorts) init() {
	k.all, k.heat = make([]cohort, 1), make([]heat, 1)
	k.byHash = make(map[uint64]uint32)
}

// settle gives each connection whose set changed since the last turn the cohort
// of its set. Nothing is drained in between, so it misses and doubles nothing.
func (l *loop) settle() {
	if len(l.merge) > 0 {
		l.mergeTwins()
	}
	for _, c := range l.changed {
		if c.changed && c.state == open {
			l.settleOne(c)
		}
	}
	clear(l.changed) // who has gone is not held here
	l.changed = l.changed[:0]
}

func (l *loop) settleOne(c *conn) {
	tokens := c.want
	c.want, c.changed = nil, false
	old := c.cohort
	next := uint32(0)
	if len(tokens) > 0 {
		next = l.intern(list{kind: c.kind, sealed: c.sealed, tokens: tokens})
	}
	if next == old {
		return
	}
	if invariant.Enabled && c.parked != nil {
		panic("engine: the set of a parked connection changed")
	}
	l.leave(c)
	c.cohort = next
	if next != 0 {
		l.join(c)
	}
}

// holds returns the set a connection has, or will have after settling.
func (l *loop) holds(c *conn) []uint32 {
	if c.changed {
		return c.want
	}
	return l.cohorts.all[c.cohort].tokens
}

// change sets a connection's set from the next settling on. It keeps tokens,
// which are sorted and unique.
func (l *loop) change(c *conn, tokens []uint32) {
	c.want = tokens
	if !c.changed {
		c.changed = true
		l.changed = append(l.changed, c)
		l.poke()
	}
	l.tell(c, func(o Owner) { o.Holds(len(tokens)) })
}

// intern returns the cohort of a list, made at need; it keeps the list then. What a
// window holds back is every member's, so that who joins is one from whom nothing is
// held back, in a cohort of which nothing is.
func (l *loop) intern(x list) uint32 {
	k := &l.cohorts
	h := x.hash()
	twin := false
	for id := k.byHash[h]; id != 0; id = k.all[id].next {
		if k.all[id].equal(&x) {
			if !l.holdsBack(id) {
				return id
			}
			k.all[id].rates.twin, twin = true, true
		}
	}
	var id uint32
	if n := len(k.free); n > 0 {
		id, k.free = k.free[n-1], k.free[:n-1]
	} else {
		id = uint32(len(k.all))
		k.all, k.heat = append(k.all, cohort{}), append(k.heat, heat{})
	}
	c := &k.all[id]
	*c = cohort{list: x, seats: make([]uint32, len(x.tokens)), hash: h, next: k.byHash[h]}
	k.heat[id] = heat{}
	k.byHash[h] = id
	l.growTokens()
	for i, tok := range x.tokens {
		t := &l.tokens[tok]
		c.seats[i] = uint32(len(t.cohorts))
		t.cohorts = append(t.cohorts, id)
	}
	if x.kind != Text {
		l.internTyped(id, twin)
	}
	if x.sealed {
		k.heat[id].who |= heatSealed
	}
	return id
}

// internTyped notes what only cohorts of the typed dialects have.
func (l *loop) internTyped(id uint32, twin bool) {
	k, h := &l.cohorts.all[id], &l.cohorts.heat[id]
	h.who = uint32(k.encoding(0)) << heatEncoding
	if !k.even() {
		h.who |= heatUneven
	}
	if k.rated() {
		k.rates = &rates{of: make([]rate, len(k.tokens)), twin: twin}
	}
	l.e.lanes.use(k.encodings(), 1)
	l.beginBeats(id)
}

// join makes a connection a member of its cohort.
func (l *loop) join(c *conn) {
	k := &l.cohorts.all[c.cohort]
	c.seat = uint32(len(k.members))
	k.members = append(k.members, c.fd)
	h := &l.cohorts.heat[c.cohort]
	h.active++
	h.setFd(k.members[0])
}

// leave takes a connection, member or parked, out of its cohort, and forgets a
// cohort that nobody is in.
func (l *loop) leave(c *conn) {
	id := c.cohort
	if id == 0 {
		return
	}
	c.cohort = 0
	k := &l.cohorts.all[id]
	if c.parked != nil {
		k.parked--
	} else {
		l.unseat(c, id)
	}
	if len(k.members) == 0 && k.parked == 0 {
		l.forget(id)
	}
}

// unseat takes a connection out of a cohort's members.
func (l *loop) unseat(c *conn, id uint32) {
	k := &l.cohorts.all[id]
	n := len(k.members) - 1
	last := l.conns[k.members[n]]
	k.members[c.seat], last.seat = last.fd, c.seat
	k.members = k.members[:n]
	h := &l.cohorts.heat[id]
	h.active--
	if n > 0 {
		h.setFd(k.members[0])
	}
}

// forget takes a cohort out of its tokens' interest and gives its id back.
func (l *loop) forget(id uint32) {
	k := &l.cohorts.all[id]
	for i, tok := range k.tokens {
		t := &l.tokens[tok]
		n := len(t.cohorts) - 1
		moved := t.cohorts[n]
		t.cohorts[k.seats[i]] = moved
		t.cohorts = t.cohorts[:n]
		m := &l.cohorts.all[moved]
		if j, ok := slices.BinarySearch(m.tokens, tok); ok {
			m.seats[j] = k.seats[i]
		}
	}
	if k.kind != Text {
		l.e.lanes.use(k.encodings(), -1)
		l.typed--
	}
	l.cohorts.unlink(id)
	l.cohorts.all[id] = cohort{}
	l.cohorts.heat[id] = heat{}
	l.cohorts.free = append(l.cohorts.free, id)
}

// unlink takes a cohort out of the table of hashes.
func (k *cohorts) unlink(id uint32) {
	h, next := k.all[id].hash, k.all[id].next
	if k.byHash[h] != id {
		at := k.byHash[h]
		for k.all[at].next != id {
			at = k.all[at].next
		}
		k.all[at].next = next
		return
	}
	if next == 0 {
		delete(k.byHash, h)
		return
	}
	k.byHash[h] = next
}

// growTokens makes room for every token known by now.
func (l *loop) growTokens() {
	if n := int(l.e.tokens.count.Load()); n > len(l.tokens) {
		l.tokens = append(l.tokens, make([]interest, n-len(l.tokens))...)
		l.scratch.mark = append(l.scratch.mark, make([]uint32, n-len(l.scratch.mark))...)
	}
}
