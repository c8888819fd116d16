package engine

import (
	"cmp"
	"slices"
)

// sparse is from how many records to one of its own on a connection's missed
// records are found by their tokens' chains, rather than by looking at all.
const sparse = 8

// pinFor pins what a parked connection has to read, from its cursors on; false
// if a ring went past one of them. All rings are pinned somewhere in any case.
func (l *loop) pinFor(p *parked) (ok bool) {
	ok = true
	for i, rd := range l.readers {
		if rd.Pin(p.cursor[i]) {
			continue
		}
		ok = false
		for !rd.Pin(l.cursor[i]) && !rd.Pin(rd.Ring().Oldest()) {
		}
	}
	return ok
}

// missed returns how many ticks of its tokens a parked connection is to be replayed,
// and how many records, of all tokens and in bytes, lie between it and the loop.
func (l *loop) missed(c *conn) (ticks, records, bytes uint64) {
	p := c.parked
	k := &l.cohorts.all[c.cohort]
	for i, id := range k.tokens {
		if seq := l.tokens[id].seq; seq > p.told[i] && k.option(i).windowMs() == 0 {
			ticks += seq - p.told[i]
		}
	}
	for i, rd := range l.readers {
		if n := l.cursor[i] - p.cursor[i]; n > 0 {
			r := rd.Ring()
			records += n
			bytes += r.Span(int(laneText), l.cursor[i]-1) - r.Span(int(laneText), p.cursor[i])
			bytes += uint64(len(r.Frame(int(laneText), l.cursor[i]-1)))
		}
	}
	return ticks, records, bytes
}

// lag returns about how many bytes of frames a parked connection is behind: its
// missed ticks, at the mean size of the frames since.
func (l *loop) lag(c *conn) int {
	ticks, records, bytes := l.missed(c)
	if records == 0 {
		return 0
	}
	return int(float64(ticks) * float64(bytes) / float64(records))
}

// gatherReplay gathers the next frames that a parked connection missed. All of
// them are pinned.
func (l *loop) gatherReplay(c *conn) []byte {
	l.scratch.piece = l.scratch.piece[:0]
	ticks, records, _ := l.missed(c)
	switch {
	case ticks == 0:
		return nil
	case ticks*sparse < records && ticks <= chainsMax:
		return l.gatherChains(c)
	}
	return l.gatherRecords(c)
}

// gatherRecords looks at every record from a connection's cursors on, as many as a turn
// allows. Those before the first of its own need not be looked at again.
func (l *loop) gatherRecords(c *conn) []byte {
	p := c.parked
	out := l.scratch.out[:0]
	k := &l.cohorts.all[c.cohort]
	for i, id := range k.tokens {
		if k.option(i).windowMs() == 0 {
			l.scratch.mark[id] = uint32(i) + 1
		}
	}
	left := scanPerTurn
	for i, rd := range l.readers {
		r := rd.Ring()
		pos := p.cursor[i]
		for ; pos != l.cursor[i] && len(out) < chunkBytes && left > 0; pos++ {
			left--
			s := r.At(pos)
			at := int(l.scratch.mark[s.Token]) - 1
			if at < 0 || s.Seq <= p.told[at] {
				continue
			}
			from := len(out)
			out = l.appendRecord(out, k.encoding(at), i, pos)
			l.piece(len(out)-from, piece{index: at, seq: s.Seq, pos: pos, shard: i})
		}
		if len(out) == 0 {
			p.cursor[i] = pos
		}
	}
	for _, id := range k.tokens {
		l.scratch.mark[id] = 0
	}
	l.scratch.out = out
	return out
}

// gatherChains follows each token's links back to what was told of it, so that
// few missed among many records are found without looking at the others.
func (l *loop) gatherChains(c *conn) []byte {
	p := c.parked
	missed := l.scratch.missed[:0]
	k := &l.cohorts.all[c.cohort]
	for i, id := range k.tokens {
		shard := l.e.shardOf(id)
		r := l.readers[shard].Ring()
		t := &l.tokens[id]
		if t.seq <= p.told[i] || k.option(i).windowMs() != 0 {
			continue
		}
		for pos, ok := t.last, true; ok && int64(pos-p.cursor[shard]) >= 0; pos, ok = r.Prev(pos) {
			s := r.At(pos)
			if s.Seq <= p.told[i] {
				break
			}
			missed = append(missed, piece{index: i, seq: s.Seq, pos: pos, shard: shard})
		}
	}
	slices.SortFunc(missed, func(a, b piece) int {
		return cmp.Or(cmp.Compare(a.shard, b.shard), cmp.Compare(int64(a.pos-b.pos), 0))
	})
	l.scratch.missed = missed
	out := l.scratch.out[:0]
	for _, x := range missed {
		if len(out) >= chunkBytes {
			break
		}
		from := len(out)
		out = l.appendRecord(out, k.encoding(x.index), x.shard, x.pos)
		l.piece(len(out)-from, x)
	}
	if len(out) == 0 {
		copy(p.cursor, l.cursor) // the ring has none of them any more
	}
	l.scratch.out = out
	return out
}

// gatherValues gathers the last values of tokens that ticked since they were told, from
// p.values on, each with what it skips. It is for who is too far behind and, behind a
// replay, for what that leaves out: tokens with a window, and those that the ring has
// no more.
func (l *loop) gatherValues(c *conn) []byte {
	p := c.parked
	k := &l.cohorts.all[c.cohort]
	l.scratch.piece = l.scratch.piece[:0]
	out := l.scratch.out[:0]
	for i := max(p.values, 0); i < len(k.tokens) && len(out) < chunkBytes; i++ {
		id := k.tokens[i]
		t := &l.tokens[id]
		if t.seq <= p.told[i] {
			continue
		}
		v, ok := l.readers[l.e.shardOf(id)].Value(id, t.last)
		if !ok {
			continue // a newer one comes with the next drain
		}
		from := len(out)
		if c.kind != Text {
			out = l.appendSkip(out, id, p.told[i], t.seq)
		}
		out = l.appendMade(out, k.encoding(i), id, v, false)
		l.piece(len(out)-from, piece{index: i, seq: t.seq, before: p.told[i], value: true})
	}
	l.scratch.out = out
	return out
}

// piece notes what was just gathered for one connection.
func (l *loop) piece(n int, x piece) {
	x.n = n
	l.scratch.piece = append(l.scratch.piece, x)
}
