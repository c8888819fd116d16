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

// missed returns how many ticks of its tokens a parked connection was not told,
// and how many records, of all tokens and in bytes, lie between it and the loop.
func (l *loop) missed(c *conn) (ticks, records, bytes uint64) {
	p := c.parked
	for i, id := range l.cohorts.all[c.cohort].tokens {
		ticks += l.tokens[id].seq - p.told[i]
	}
	for i, rd := range l.readers {
		if n := l.cursor[i] - p.cursor[i]; n > 0 {
			r := rd.Ring()
			records += n
			bytes += r.Span(laneText, l.cursor[i]-1) - r.Span(laneText, p.cursor[i])
			bytes += uint64(len(r.Frame(laneText, l.cursor[i]-1)))
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
	p := c.parked
	l.scratch.piece = l.scratch.piece[:0]
	ticks, records, _ := l.missed(c)
	switch {
	case ticks == 0:
		copy(p.cursor, l.cursor)
		return nil
	case ticks*sparse < records:
		return l.gatherChains(c)
	}
	return l.gatherRecords(c)
}

// gatherRecords looks at every record from a connection's cursors on.
func (l *loop) gatherRecords(c *conn) []byte {
	p := c.parked
	out := l.scratch.out[:0]
	set := l.cohorts.all[c.cohort].tokens
	for i, id := range set {
		l.scratch.mark[id] = uint32(i) + 1
	}
	for i, rd := range l.readers {
		r := rd.Ring()
		for pos := p.cursor[i]; pos != l.cursor[i] && len(out) < chunkBytes; pos++ {
			s := r.At(pos)
			at := int(l.scratch.mark[s.Token]) - 1
			if at < 0 || s.Seq <= p.told[at] {
				continue
			}
			x := piece{index: at, seq: s.Seq, pos: pos, shard: i}
			out = l.piece(out, r.Frame(laneText, pos), x)
		}
	}
	for _, id := range set {
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
	for i, id := range l.cohorts.all[c.cohort].tokens {
		shard := l.e.shardOf(id)
		r := l.readers[shard].Ring()
		t := &l.tokens[id]
		if t.seq <= p.told[i] {
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
		out = l.piece(out, l.readers[x.shard].Ring().Frame(laneText, x.pos), x)
	}
	if len(out) == 0 {
		copy(p.cursor, l.cursor) // the ring has none of them any more
	}
	l.scratch.out = out
	return out
}

// gatherValues gathers the last values of tokens that ticked since they were
// told, from p.values on.
func (l *loop) gatherValues(c *conn) []byte {
	p := c.parked
	l.scratch.piece = l.scratch.piece[:0]
	out := l.scratch.out[:0]
	set := l.cohorts.all[c.cohort].tokens
	for i := p.values; i < len(set) && len(out) < chunkBytes; i++ {
		t := &l.tokens[set[i]]
		if t.seq <= p.told[i] {
			continue
		}
		if v, ok := l.readers[l.e.shardOf(set[i])].Value(set[i], t.last); ok {
			out = l.piece(out, v.Frame, piece{index: i, seq: t.seq})
		} // else a newer one comes with the next drain
	}
	l.scratch.out = out
	return out
}

// piece appends a frame to what is gathered.
func (l *loop) piece(out, frame []byte, x piece) []byte {
	x.n = len(frame)
	l.scratch.piece = append(l.scratch.piece, x)
	return append(out, frame...)
}

// indexOf returns where a token of a sorted set is; it is in it.
func indexOf(set []uint32, id uint32) int {
	i, _ := slices.BinarySearch(set, id)
	return i
}
