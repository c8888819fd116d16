package bench

import (
	"fmt"

	"azira/proto"
)

// A checker of a typed dialect does what such a client is to do: it counts what came
// of each token and holds it against what the server says of it.
//
//	ack, snap   the token's last seq
//	tick        last + 1, or something was lost
//	skip        accounts for last + 1 … seq - 1
//	gap         accounts for from … to
//	hb          the sum of all last seq

// Told is what the server says beside ticks.
type Told struct {
	Proved   uint64 `json:"proved"`   // heartbeats whose sum was the client's own
	Skipped  uint64 `json:"skipped"`  // ticks passed over, as it says
	Gaps     uint64 `json:"gaps"`     // times that it says it has some no more
	Gapped   uint64 `json:"gapped"`   // ticks in them
	Replayed uint64 `json:"replayed"` // ticks that came late to who came back
}

func (t *Told) add(o *Told) {
	t.Proved += o.Proved
	t.Skipped += o.Skipped
	t.Gaps += o.Gaps
	t.Gapped += o.Gapped
	t.Replayed += o.Replayed
}

// event takes any event but an ack or pong, which the herd acts on. Those that say
// nothing of ticks are ignored.
func (c *checker) event(m *member, p []byte, now int64) {
	if tk, ok := parseTypedTick(p); ok {
		c.takeTyped(m, &tk, now)
		return
	}
	if s, ok := parseTypedSkip(p); ok {
		c.skip(m, s)
	} else if g, ok := parseTypedGap(p); ok {
		c.gap(m, g)
	} else if sum, pending, ok := parseBeat(p); ok {
		c.prove(m, sum, pending)
	} else if !ignored(p) {
		c.odd("the server says %.80q", p)
	}
}

// ignored says that an event tells of something else than ticks and proofs.
func ignored(p []byte) bool {
	r := fields{p: p}
	return r.has(`{"type":"drain",`) || r.has(`{"type":"msg",`)
}

// takeBinary reads a tick in binary. Its prices must be as ticks here have them.
func (c *checker) takeBinary(m *member, p []byte, now int64) {
	b, err := proto.ParseBinary(p, c.epoch)
	switch {
	case err != nil:
		c.odd("%v: %.40x", err, p)
		return
	case int(b.Ref) >= len(c.refs) || c.refs[b.Ref] == 0:
		c.tally.Faults.Foreign++
		c.first("a tick of ref %d, which no ack gave", b.Ref)
		return
	case b.Quoted == c.priceAlone,
		b.Quoted && (b.LTP.N-b.Bid.N != 5 || b.Ask.N-b.LTP.N != 5 || b.LTP.Exp != -2):
		c.odd("prices %v, %v, %v: %.40x", b.LTP, b.Bid, b.Ask, p)
	}
	c.takeTyped(m, &typedTick{token: c.refs[b.Ref] - 1, seq: b.Seq, ts: b.TS, snap: b.Snap}, now)
}

// takeTyped counts one tick of a member, or sees that a snapshot is of the tick that
// is the last anyway.
func (c *checker) takeTyped(m *member, tk *typedTick, now int64) {
	if !tk.snap {
		c.deliver(m)
		if m.resuming {
			c.tally.Told.Replayed++
		}
	}
	p := c.table(m).find(tk.token)
	if p == nil {
		c.foreign(tk.token)
		return
	}
	at, ok := c.due(tk)
	if !ok || m.state < memberHeard {
		c.odd("seq %d of %s in another form than asked for, or before the ack", tk.seq,
			tokenName(int(tk.token)))
		return
	}
	last := uint64(p.last)
	if c.follow(last, tk); tk.seq > last {
		p.last = uint32(tk.seq)
	}
	if !tk.snap {
		c.ticked[tk.token].take(uint32(tk.seq))
		c.late(m, now-at)
	}
}

// due is when a tick was to be sent, if it says so, or else when the server took it in,
// in µs of the run. It is not ok if the tick is not in the form asked for.
func (c *checker) due(tk *typedTick) (at int64, ok bool) {
	switch {
	case tk.data != nil:
		whole, ok := parseTick(tk.data)
		return whole.at, ok && whole.token == tk.token && !c.priceAlone
	case tk.price != nil:
		_, ok := proto.ParseDecimal(tk.price)
		return tk.ts - c.ahead, ok && c.priceAlone
	}
	return tk.ts - c.ahead, true
}

// follow counts what is wrong with a tick's seq. A snapshot repeats the last.
func (c *checker) follow(last uint64, tk *typedTick) {
	switch {
	case tk.seq == last+1, tk.snap && tk.seq == last:
		return
	case tk.seq > last:
		c.tally.Faults.Untold += tk.seq - last - 1
	case tk.seq == last:
		c.tally.Faults.Doubled++
	default:
		c.tally.Faults.Order++
	}
	c.first("seq %d of %s came after %d", tk.seq, tokenName(int(tk.token)), last)
}

// skip takes ticks as passed over.
func (c *checker) skip(m *member, s typedSkip) {
	p := c.table(m).find(s.token)
	switch {
	case p == nil:
		c.foreign(s.token)
		return
	case s.seq <= uint64(p.last) || s.count != s.seq-1-uint64(p.last):
		c.odd("skip of %d before %d of %s, after %d", s.count, s.seq, tokenName(int(s.token)),
			p.last)
		return
	case m.slow:
		c.tally.Slow.Missing += s.count
	default:
		c.tally.Told.Skipped += s.count
	}
	p.last = uint32(s.seq - 1)
}

// gap takes ticks as gone.
func (c *checker) gap(m *member, g typedGap) {
	p := c.table(m).find(g.token)
	switch {
	case p == nil:
		c.foreign(g.token)
		return
	case g.from != uint64(p.last)+1 || g.to < uint64(p.last):
		c.odd("gap from %d to %d of %s, after %d", g.from, g.to, tokenName(int(g.token)), p.last)
		return
	}
	c.tally.Told.Gaps++
	c.tally.Told.Gapped += g.to - uint64(p.last)
	p.last = uint32(g.to)
}

// prove holds a heartbeat against what the member has. Before its ack it has nothing.
func (c *checker) prove(m *member, sum, pending uint64) {
	own := pending
	if m.state == memberHeard {
		own += c.table(m).sum()
	}
	if sum != own {
		c.tally.Faults.Unproved++
		c.first("a heartbeat of %d, the client has %d", sum, own)
		return
	}
	c.tally.Told.Proved++
}

// welcome learns the server's epoch, which is one for all members.
func (c *checker) welcome(p []byte) error {
	r := fields{p: p}
	for len(r.p) > 0 && !r.has(`,"epoch":`) {
		r.p = r.p[1:]
	}
	epoch := int64(r.number())
	if r.bad || c.epoch != 0 && c.epoch != epoch {
		return fmt.Errorf("%w: not the epoch %d: %.200q", errFrame, c.epoch, p)
	}
	c.epoch = epoch
	return nil
}

// ack takes a piece of the answer to a subscribe; whole says that it is the last one.
func (c *checker) ack(m *member, p []byte) (whole bool) {
	more, ok := parseAck(p, func(a ackedToken) { c.acked(m, a) })
	if !ok {
		c.odd("the server says %.200q", p)
	}
	return !more
}

// acked takes where a token begins. Who comes back begins where it was. References are
// the server's numbers of tokens: one for all members.
func (c *checker) acked(m *member, a ackedToken) {
	place := c.table(m).find(a.token)
	switch {
	case place == nil:
		c.foreign(a.token)
		return
	case m.resuming && a.seq != uint64(place.last):
		c.odd("ack of %d of %s, asked for from %d", a.seq, tokenName(int(a.token)), place.last)
	case a.ref >= refsMax:
		c.odd("ack with ref %d", a.ref)
		return
	}
	place.last = uint32(a.seq)
	for int(a.ref) >= len(c.refs) {
		c.refs = append(c.refs, 0)
	}
	if r := &c.refs[a.ref]; *r == 0 {
		*r = a.token + 1
	} else if *r != a.token+1 {
		c.odd("ref %d is of %s and of %s", a.ref, tokenName(int(*r-1)), tokenName(int(a.token)))
	}
}
