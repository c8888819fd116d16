package engine

import (
	"azira/proto"
	"azira/ring"
)

// Some tokens of a cohort may have a window: of their ticks one is sent in each, the
// first at once and, of those that follow, the newest when the window ends. Windows
// are counted from the engine's start, so that they end for all at the same time.
//
//	window   │           │           │
//	ticks    │1   2  3   │      4    │        all that is held back is counted
//	sent     │1          │skip 1, 3  │4

// rates are the windows of a cohort.
type rates struct {
	of      []rate   // by index in the list
	pending []uint32 // indices of what is held back
	next    int64    // ms of the engine's clock when the first of their windows ends
	queued  bool     // in loop.rated
	twin    bool     // another cohort had the same list: to be merged
}

// A rate is the window of one token.
type rate struct {
	told    uint64 // seq last sent, while a tick is held back
	sent    uint32 // number of the last window in which one was sent; 0 = none
	pending bool
}

// holdsBack says that ticks are held back from a cohort's members. A cohort without
// members forgets what it held back from them: parked, they keep it themselves.
func (l *loop) holdsBack(id uint32) bool {
	k := &l.cohorts.all[id]
	if k.rates == nil {
		return false
	}
	if l.cohorts.heat[id].active == 0 {
		k.rates.forget()
	}
	return len(k.rates.pending) > 0
}

func (r *rates) forget() {
	for _, i := range r.pending {
		r.of[i].pending = false
	}
	r.pending = r.pending[:0]
}

// heldBack is how many ticks are held back from a cohort's members.
func (l *loop) heldBack(k *cohort) (n uint64) {
	for _, i := range k.rates.pending {
		n += l.tokens[k.tokens[i]].seq - k.rates.of[i].told
	}
	return n
}

// window is the number of the window that it is now, and when it ends, in ms of the
// engine's clock. There is no window 0.
func (l *loop) window(o option) (number uint32, ends int64) {
	n := l.ms / o.windowMs()
	return max(1, uint32(n+1)), (n + 1) * o.windowMs()
}

// holdBack says whether a record of a token with a window waits for the window's
// end, and notes it.
func (l *loop) holdBack(id uint32, k *cohort, i int, seq uint64) bool {
	r := &k.rates.of[i]
	if r.pending {
		return true
	}
	w, ends := l.window(k.option(i))
	if r.sent != w {
		r.sent = w
		return false
	}
	r.pending, r.told = true, seq-1
	k.rates.pending = append(k.rates.pending, uint32(i))
	l.awaitWindow(id, k, ends)
	return true
}

// awaitWindow has a turn begin when a window ends.
func (l *loop) awaitWindow(id uint32, k *cohort, ends int64) {
	r := k.rates
	if !r.queued {
		r.queued, r.next = true, ends
		l.rated = append(l.rated, id)
	}
	r.next = min(r.next, ends)
	l.nextWindow = min(l.nextWindow, ends)
}

// endWindows marks the cohorts of which a window has ended.
func (l *loop) endWindows() {
	if l.ms < l.nextWindow {
		return
	}
	l.nextWindow = never
	waiting := l.rated[:0]
	for _, id := range l.rated {
		r := l.cohorts.all[id].rates
		switch {
		case r == nil || !r.queued: // it is another cohort's id by now
		case l.cohorts.heat[id].active == 0:
			r.forget()
			r.queued = false
		case r.next <= l.ms:
			r.queued = false
			l.mark(id, heatRates)
		default:
			waiting = append(waiting, id)
			l.nextWindow = min(l.nextWindow, r.next)
		}
	}
	l.rated = waiting
}

// flushRates gathers the newest tick of each token whose window has ended, with what
// it skips.
func (l *loop) flushRates(out []byte, id uint32, k *cohort) []byte {
	r := k.rates
	waiting := r.pending[:0]
	for _, i := range r.pending {
		x, o := &r.of[i], k.option(int(i))
		t := &l.tokens[k.tokens[i]]
		w, ends := l.window(o)
		if x.sent == w {
			waiting = append(waiting, i)
			l.awaitWindow(id, k, ends)
			continue
		}
		shard := l.e.shardOf(k.tokens[i])
		v, ok := l.readers[shard].Value(k.tokens[i], t.last)
		if !ok {
			waiting = append(waiting, i) // lapped: a newer one is about to be drained
			l.awaitWindow(id, k, l.ms+1)
			continue
		}
		from := len(out)
		out = l.appendSkip(out, k.tokens[i], x.told, t.seq)
		out = l.appendMade(out, k.encoding(int(i)), k.tokens[i], v, false)
		l.part(len(out)-from, piece{index: int(i), seq: t.seq, before: x.told, value: true})
		l.stats.heldBack.Add(t.seq - x.told - 1)
		x.sent, x.pending = w, false
	}
	r.pending = waiting
	if r.twin && len(waiting) == 0 {
		l.merge = append(l.merge, id)
	}
	return out
}

// mergeTwins moves the members of cohorts that had a twin into the greatest of them from
// which nothing is held back.
func (l *loop) mergeTwins() {
	for _, id := range l.merge {
		k := &l.cohorts.all[id]
		if k.rates == nil || !k.rates.twin || len(k.members) == 0 || l.holdsBack(id) {
			continue
		}
		to, twin := l.greatestTwin(id)
		if to == id {
			k.rates.twin = twin
			continue
		}
		for len(k.members) > 0 {
			c := l.conns[k.members[len(k.members)-1]]
			l.leave(c)
			c.cohort = to
			l.join(c)
			l.sendBeat(c) // it has another place on the wheel from here on
		}
	}
	l.merge = l.merge[:0]
}

// greatestTwin returns the greatest of the cohorts with a list from which nothing is held
// back, the given one if it is as great; twin says that there are others at all.
func (l *loop) greatestTwin(id uint32) (greatest uint32, twin bool) {
	k := &l.cohorts
	x := &k.all[id]
	greatest = id
	for at := k.byHash[x.hash]; at != 0; at = k.all[at].next {
		if at == id || !k.all[at].equal(&x.list) {
			continue
		}
		twin = true
		n, most := len(k.all[at].members), len(k.all[greatest].members)
		if (n > most || n == most && at < greatest) && !l.holdsBack(at) {
			greatest = at
		}
	}
	return greatest, twin
}

// appendSkip appends the frame that says which ticks between told and seq are
// conflated away, if there are any.
func (l *loop) appendSkip(dst []byte, id uint32, told, seq uint64) []byte {
	if told+1 >= seq {
		return dst
	}
	name := l.e.tokens.name(id)
	l.scratch.one = proto.AppendSkip(l.scratch.one[:0], name, seq-told-1, seq)
	return proto.AppendFrame(dst, proto.OpText, l.scratch.one)
}

// appendMade appends a value in an encoding that is made here, for one connection or
// cohort.
func (l *loop) appendMade(dst []byte, e proto.Encoding, id uint32, v ring.Value, snap bool) []byte {
	if e == laneText {
		return append(dst, v.Frame...)
	}
	l.scratch.record = proto.Record{
		Token: l.e.tokens.name(id), Ref: id, Seq: v.Seq, TS: v.TS,
		Epoch: l.e.Epoch(), Snap: snap, Data: proto.Payload(v.Frame),
	}
	var op proto.Op
	l.scratch.one, op = e.Append(l.scratch.one[:0], &l.scratch.record)
	return proto.AppendFrame(dst, op, l.scratch.one)
}

// appendRecord appends a pinned record in an encoding: as it lies in the ring, if it
// does.
func (l *loop) appendRecord(dst []byte, e proto.Encoding, shard int, pos uint64) []byte {
	r := l.readers[shard].Ring()
	if e == laneText || r.Made(int(e), pos) {
		return append(dst, r.Frame(int(e), pos)...)
	}
	s := r.At(pos)
	v := ring.Value{Seq: s.Seq, TS: s.TS, Frame: r.Frame(int(laneText), pos)}
	return l.appendMade(dst, e, s.Token, v, false)
}
