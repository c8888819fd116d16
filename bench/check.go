package bench

import (
	"fmt"
	"slices"
)

// A checker looks at what members receive and counts it.
type checker struct {
	// Fixed.
	count      bool // frames only
	numbers    int  // of the first member
	priceAlone bool // ticks of a typed dialect have no more

	// Owned by the herd.
	refs    []uint32 // token plus 1, by reference of a typed dialect: what acks gave
	epoch   int64    // of the server, Unix µs; 0 before the first welcome
	seen    []place
	ticked  []ticked // in the window, by token
	tally   Tally
	latency histogram
	ahead   int64 // Unix µs less µs of the run, as of this turn
}

// ticked is what any member received of a token in a window.
type ticked struct {
	first uint32 // n of the first such tick; 0 is none
	again bool   // a later one came too
}

// table is a member's part of what was seen.
func (c *checker) table(m *member) places {
	return c.seen[m.seen : m.seen+1<<m.bits]
}

// join gives a member its table.
func (c *checker) join(m *member, tokens []uint32) {
	m.bits, m.seen = tableBits(len(tokens)), uint32(len(c.seen))
	c.seen = append(c.seen, make([]place, 1<<m.bits)...)
	t := c.table(m)
	for _, token := range tokens {
		t.insert(token)
		for int(token) >= len(c.ticked) {
			c.ticked = append(c.ticked, ticked{})
		}
	}
}

// take counts one tick of a member, read at a time of the run.
func (c *checker) take(m *member, payload []byte, now int64) {
	c.deliver(m)
	if c.count {
		return
	}
	tk, ok := parseTick(payload)
	if !ok {
		c.odd("no tick: %.80q", payload)
		return
	}
	p := c.table(m).find(tk.token)
	if p == nil {
		c.foreign(tk.token)
		return
	}
	if tk.n != p.last+1 && p.last != 0 {
		c.unexpected(m, p.last, tk)
	}
	p.last = max(p.last, tk.n)
	c.ticked[tk.token].take(tk.n)
	c.late(m, now-tk.at)
}

// deliver counts a tick as come, whatever it is.
func (c *checker) deliver(m *member) {
	if m.slow {
		c.tally.Slow.Frames++
		return
	}
	c.tally.Frames++
	m.frames++
}

// late takes how late a tick was, in µs.
func (c *checker) late(m *member, us int64) {
	if m.slow {
		return
	}
	us = max(us, 0)
	c.latency.record(us)
	m.late += uint64(us)
}

func (c *checker) foreign(token uint32) {
	c.tally.Faults.Foreign++
	c.first("a tick of %s, which was not asked for", tokenName(int(token)))
}

// unexpected counts a tick that is not the next of its token.
func (c *checker) unexpected(m *member, last uint32, tk tick) {
	switch {
	case tk.n == last:
		c.tally.Faults.Doubled++
	case tk.n < last:
		c.tally.Faults.Order++
	case m.slow:
		c.tally.Slow.Missing += uint64(tk.n - last - 1)
		return
	default:
		c.tally.Faults.Missing += uint64(tk.n - last - 1)
	}
	c.first("tick %d of %s came after %d", tk.n, tokenName(int(tk.token)), last)
}

func (c *checker) odd(format string, args ...any) {
	c.tally.Faults.Odd++
	c.first(format, args...)
}

// first keeps the words of the window's first fault.
func (c *checker) first(format string, args ...any) {
	if c.tally.Faults.First == "" {
		c.tally.Faults.First = fmt.Sprintf(format, args...)
	}
}

// begin starts a window.
func (c *checker) begin(members []member) {
	c.tally, c.latency = Tally{}, histogram{}
	clear(c.ticked)
	for i := range members {
		members[i].late, members[i].frames = 0, 0
	}
}

// end sums the window up.
func (c *checker) end(members []member) *Tally {
	t := c.tally
	var l Lateness
	for i := range members {
		m := &members[i]
		t.Digest += mix(uint64(c.numbers+i)<<32 | uint64(m.frames))
		if m.slow {
			t.Slow.Clients++
			if m.state == memberClosed {
				t.Slow.Closed++
			}
		} else if m.frames > 0 && !c.count {
			l.take(float64(m.late) / float64(m.frames))
		} else if c.starved(m) {
			t.Starved++
		}
	}
	t.Lateness = []Lateness{l}
	t.Latency = c.latency.buckets()
	return &t
}

// starved says that a member got nothing in the window though others got two ticks of a
// token of its own: of one alone its turn may lie beyond the window.
func (c *checker) starved(m *member) bool {
	if m.frames > 0 || m.state < memberHeard || m.state == memberClosed {
		return false
	}
	return slices.ContainsFunc(c.table(m), func(p place) bool {
		return p.token != 0 && c.ticked[p.token-1].again
	})
}

func (t *ticked) take(n uint32) {
	switch t.first {
	case 0:
		t.first = n
	case n:
	default:
		t.again = true
	}
}

// mix spreads a value over 64 bits (the finalizer of SplitMix64).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// left is how many ticks of those published have not come to the members that
// are to get all of them. Where none has come yet none is known to be due.
func (c *checker) left(members []member, published []uint32) (n uint64) {
	for i := range members {
		if members[i].slow {
			continue
		}
		for _, p := range c.table(&members[i]) {
			if p.token == 0 || p.last == 0 {
				continue
			}
			if t := int(p.token - 1); t < len(published) && published[t] > p.last {
				n += uint64(published[t] - p.last)
			}
		}
	}
	return n
}

// unheard is how many places have not seen a tick.
func (c *checker) unheard() (n uint64) {
	for _, p := range c.seen {
		if p.token != 0 && p.last == 0 {
			n++
		}
	}
	return n
}
