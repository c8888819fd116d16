package client

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// A ledger has an account of every token held, and from one connection to the
// next what was last seen of it. It decides of each tick whether it is news.
//
//	ack ▶ Last   tick ▶ Last+1   skip, gap ▶ Last further on   hb: Σ Last + pending = sum ?
//
// A token whose next tick is not the next is broken: its ticks are dropped until
// a resume has begun, which gives them again, or was refused.
//
// Only the reader of the present connection changes numbers. All methods may be
// called from any goroutine.
type ledger struct {
	mu      sync.Mutex
	entries map[string]*entry
	epoch   uint64 // of the connection
	sum     uint64 // Σ Last of the entries that are on
	proof   Proof  // State, At, Pending
	broken  int    // entries
}

// An entry is a token's account and its state on the connection.
type entry struct {
	Account
	on     bool   // subscribed on this connection
	beaten bool   // in the last heartbeat's sum
	broken bool   // waits for a resume
	tried  bool   // was broken since the last heartbeat
	skip   uint64 // told of the next tick
	gap    *Gap   // likewise
}

func newLedger() *ledger { return &ledger{entries: make(map[string]*entry)} }

// begin is a new connection, on which nothing is subscribed yet.
func (l *ledger) begin(epoch uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.entries {
		e.on, e.beaten, e.broken, e.tried = false, false, false, false
	}
	l.epoch, l.sum, l.broken, l.proof = epoch, 0, 0, Proof{}
}

// end is the end of a connection: nothing is proved without one.
func (l *ledger) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.entries {
		e.beaten = false
	}
	l.proof = Proof{}
}

// hold takes a token that was confirmed. On a resume its seq is where we were. That of
// a token held already is where it is: if that is further on, ticks are missing.
func (l *ledger) hold(h Held, r *request) (hole *Hole) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entries[h.Token]
	switch {
	case e == nil:
		e = &entry{Account: Account{Token: h.Token, Epoch: l.epoch}}
		l.entries[h.Token] = e
		e.restart(h.Seq)
	case e.Epoch != l.epoch:
		l.drop(e)
		e.gap = e.leap(h.Seq, r)
		e.Epoch = l.epoch
		e.restart(h.Seq)
	case h.Seq < e.Last:
		l.drop(e)
		e.restart(h.Seq)
	case h.Seq > e.Last && e.on && r.from == nil:
		e.Options = r.o
		if !e.broken { // else it was told, and is asked for with the new options
			hole = l.miss(e, h.Seq, h.Seq-e.Last)
		}
		return hole
	default:
		l.drop(e)
		if jump := h.Seq - e.Last; jump > 0 {
			e.lose(jump)
		}
		e.Last = h.Seq
	}
	e.on, e.Options = true, r.o
	l.sum += e.Last
	return nil
}

// leap is the gap before a run of the server that is not the account's, until the
// server says more of it; or before a beginning anew, of which it says nothing.
func (e *entry) leap(seq uint64, r *request) *Gap {
	if r.from != nil {
		return &Gap{Token: e.Token, From: 1, Reason: GapEpoch}
	}
	return &Gap{Token: e.Token, From: e.Last + 1, To: seq, Reason: GapLost}
}

// drop takes an entry off the connection.
func (l *ledger) drop(e *entry) {
	if e.on {
		l.sum -= e.Last
	}
	if e.broken {
		l.broken--
	}
	e.on, e.broken = false, false
}

// release forgets a token.
func (l *ledger) release(token string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := l.entries[token]; e != nil {
		l.drop(e)
		delete(l.entries, token)
	}
}

// restart begins the account anew at seq.
func (e *entry) restart(seq uint64) {
	e.Base, e.Last, e.Totals, e.skip = seq, seq, Totals{}, 0
}

// advance is what takes Last on; seq is beyond it.
func (l *ledger) advance(e *entry, seq uint64) {
	if e.on {
		l.sum += seq - e.Last
	}
	e.Last = seq
}

// tick judges a tick and tells it what came before. What is not news is not to
// be passed on; a hole is to be told, and healed if that is not nil.
func (l *ledger) tick(t *Tick) (news bool, hole *Hole) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entries[t.Token]
	switch {
	case e == nil || !e.on || e.broken:
		return false, nil
	case t.Seq == e.Last+1:
	case t.Snap && t.Seq <= e.Last:
		l.stand(e, t)
	case t.Seq <= e.Last:
		e.Doubled++
		return false, nil
	default:
		if hole = l.miss(e, t.Seq-1, t.Seq-1-e.Last); e.broken {
			return false, hole
		}
	}
	if !t.again {
		e.Received++
		l.advance(e, t.Seq)
	}
	t.Skipped, e.skip = e.skip, 0
	t.Gap, e.gap = e.gap, nil
	return true, hole
}

// stand takes a snap of where an entry stands, or sets it back to where the snap is.
func (l *ledger) stand(e *entry, t *Tick) {
	if t.Seq < e.Last {
		l.sum -= e.Last - t.Seq
		e.restart(t.Seq)
	}
	t.again = true
}

// miss finds ticks missing up to one. They are asked for again; if that was in vain
// so many of them are lost.
func (l *ledger) miss(e *entry, to, lost uint64) *Hole {
	hole := &Hole{Token: e.Token, From: e.Last + 1, To: to}
	if !l.open(e) {
		e.lose(lost)
		l.advance(e, e.Last+lost)
	}
	return hole
}

// open breaks an entry, unless it was broken since the last heartbeat.
func (l *ledger) open(e *entry) bool {
	if e.tried {
		return false
	}
	e.broken, e.tried = true, true
	l.broken++
	return true
}

// pass accounts for ticks that were conflated; the next tick tells of them.
func (e *entry) pass(n uint64) {
	e.skip += n
	e.Skipped += n
}

// lose accounts for ticks that are gone without notice.
func (e *entry) lose(n uint64) {
	e.gap = joined(e.gap, Gap{Token: e.Token, From: e.Last + 1, To: e.Last + n, Reason: GapLost})
	e.Lost += n
}

// skip takes the server's word for ticks conflated before seq, if it is of just those
// that lack. Of fewer it tells, where the others cannot be had; of more it is no word.
func (l *ledger) skip(token string, count, seq uint64) (hole *Hole) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entries[token]
	if e == nil || !e.on || e.broken || seq <= e.Last+1 {
		return nil
	}
	if lack := seq - 1 - e.Last; count != lack {
		lost := lack
		if count < lack {
			lost -= count
		}
		if hole = l.miss(e, seq-1, lost); e.broken {
			return hole
		}
	}
	e.pass(seq - 1 - e.Last)
	l.advance(e, seq-1)
	return hole
}

// gap takes the server's word for ticks that cannot be had. One that begins beyond the
// next tick says nothing of those before it.
func (l *ledger) gap(g Gap) (hole *Hole) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entries[g.Token]
	switch {
	case e == nil || !e.on:
	case g.Reason == GapFeed:
		e.gap = joined(e.gap, g)
	case g.Reason == GapEpoch:
		e.gap = joined(e.gap, g)
		l.sum += g.To - e.Last
		e.restart(0)
		e.Last, e.Gapped = g.To, g.To
	case e.broken: // the resume has one of its own
	case g.From > e.Last+1 && g.To >= g.From:
		if hole = l.miss(e, g.From-1, g.From-1-e.Last); e.broken {
			return hole
		}
		fallthrough
	default:
		e.gap = joined(e.gap, g)
		if g.To > e.Last {
			e.Gapped += g.To - e.Last
			l.advance(e, g.To)
		}
	}
	return hole
}

// joined is one gap out of two of a token, the older first.
func joined(old *Gap, g Gap) *Gap {
	if old != nil && old.Reason != GapFeed && g.Reason != GapEpoch && g.Reason != GapFeed {
		g.From, g.Reason = old.From, old.Reason
	}
	if old != nil && g.Reason == GapFeed {
		return old
	}
	return &g
}

// beat compares our sum with the server's. Where they differ without a known
// reason every token is broken.
func (l *ledger) beat(sum, pending uint64, now time.Time) (hole *Hole) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.entries {
		e.tried, e.beaten = e.broken, e.on
	}
	l.proof = Proof{State: Complete, At: now, Pending: pending}
	if l.sum+pending == sum {
		return nil
	}
	l.proof.State = Incomplete
	if l.broken > 0 {
		return nil // that is why
	}
	for _, e := range l.entries {
		if e.on {
			l.open(e)
		}
	}
	return &Hole{From: l.sum + pending, To: sum}
}

// giveUp lets a broken token go on without what it lacks.
func (l *ledger) giveUp(token string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := l.entries[token]; e != nil && e.broken {
		e.broken = false
		l.broken--
	}
}

// forget lets the next subscribe of a token begin anew.
func (l *ledger) forget(token string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := l.entries[token]; e != nil {
		e.Epoch = 0
	}
}

func (l *ledger) tokens() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(maps.Keys(l.entries))
}

// accounts gives those for which ok holds, in the order of their names.
func (l *ledger) accounts(ok func(*entry) bool) []Account {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]Account, 0, len(l.entries))
	for _, token := range slices.Sorted(maps.Keys(l.entries)) {
		if e := l.entries[token]; ok(e) {
			out = append(out, e.Account)
		}
	}
	return out
}

// complete sums up.
func (l *ledger) complete() Proof {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.proof
	p.Epoch, p.Tokens = l.epoch, len(l.entries)
	for _, e := range l.entries {
		p.add(e.Totals)
		if e.beaten {
			p.Proven++
		}
	}
	switch {
	case p.Lost > 0:
		p.State = Incomplete
	case p.State == Unproven:
	case l.broken > 0:
		p.State = Incomplete
	case p.State == Complete && p.Proven < p.Tokens:
		p.State = Unproven
	}
	return p
}
