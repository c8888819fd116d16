package engine

import (
	"azira/proto"
	"azira/ring"
)

// A run is frames due to one cohort in this turn: n records of a shard from pos
// on, side by side in the ring.
type run struct {
	pos   uint64
	n     uint32
	next  uint32 // index of the cohort's next run; 0 = none
	shard uint32
}

// A fan is what a turn notes between draining and writing.
type fan struct {
	runs   []run    // runs[0] is nobody's
	dirty  []uint32 // cohorts that are due something
	pieces []piece  // of the cohorts that are packed in parts
	parts  []parts
	made   [proto.Encodings]bool // encodings made for all that is drained
	walk   walk
}

// drain notes for each new record which cohorts it is due to. more says that
// there is more than one turn takes. The readers are pinned from here on.
func (l *loop) drain() (more bool) {
	f := &l.fan
	f.runs = append(f.runs[:0], run{})
	f.dirty = f.dirty[:0]
	f.pieces, f.parts = f.pieces[:0], f.parts[:0]
	for i, rd := range l.readers {
		if !rd.Pin(l.cursor[i]) {
			l.overtaken(i)
		}
	}
	var records uint64
	for i := range l.readers {
		more = l.drainShard(i) || more
		records += l.cursor[i] - l.start[i]
	}
	l.stats.drained.Add(records)
	if l.typed > 0 {
		f.noteMade(l)
		l.beat()
		l.endWindows()
	}
	return more
}

func (l *loop) drainShard(i int) (more bool) {
	r := l.readers[i].Ring()
	head := r.Head()
	pos := l.cursor[i]
	l.start[i] = pos
	if pos == head {
		return false
	}
	l.growTokens() // after head: every token up to it is known
	stop := r.Span(int(laneText), pos) + turnBytesMax
	for ; pos != head && len(l.fan.runs) < entriesMax; pos++ {
		s := r.At(pos)
		t := &l.tokens[s.Token]
		t.seq, t.last = s.Seq, pos
		for _, id := range t.cohorts {
			l.due(id, uint32(i), pos)
		}
		if int64(r.Span(int(laneText), pos)-stop) > 0 {
			pos++
			break
		}
	}
	l.cursor[i] = pos
	return pos != head
}

// due notes a record for a cohort: it lengthens the cohort's last run, or begins
// another.
func (l *loop) due(id, shard uint32, pos uint64) {
	h := &l.cohorts.heat[id]
	f := &l.fan
	switch {
	case h.active == 0:
		return
	case h.first == 0:
		h.first = uint32(len(f.runs))
		f.dirty = append(f.dirty, id)
	default:
		last := &f.runs[h.last]
		if last.pos+uint64(last.n) == pos && last.shard == shard {
			last.n++
			return
		}
		last.next = uint32(len(f.runs))
	}
	h.last = uint32(len(f.runs))
	f.runs = append(f.runs, run{pos: pos, n: 1, shard: shard})
}

// overtaken moves a cursor that the ring went past: the loop was a whole lap
// behind. Its connections are parked where they are and get last values.
func (l *loop) overtaken(i int) {
	l.stats.laps.Add(1)
	for id := range l.cohorts.all {
		for k := &l.cohorts.all[id]; len(k.members) > 0; {
			c := l.conns[k.members[len(k.members)-1]]
			l.park(c, l.cursor, nil, nil)
			l.serve(c)
		}
	}
	rd := l.readers[i]
	r := rd.Ring()
	was := l.cursor[i]
	for {
		l.cursor[i] = r.Head()
		if rd.Pin(l.cursor[i]) {
			break
		}
	}
	l.stats.overrun.Add(l.cursor[i] - was)
	l.growTokens()
	for id := range l.tokens {
		if l.e.shardOf(uint32(id)) == i {
			l.rejoin(rd, uint32(id), l.cursor[i])
		}
	}
}

// rejoin sets a token to its last tick before pos, which is pinned. Where that tick is
// gone already, its number is known from the one behind it.
func (l *loop) rejoin(rd *ring.Reader, id uint32, pos uint64) {
	r, t := rd.Ring(), &l.tokens[id]
	for {
		at, ok := r.Last(id)
		behind, since := uint64(0), false
		for ok && int64(at-pos) >= 0 { // published since
			behind, since = at, true
			at, ok = r.Prev(at)
		}
		if !ok {
			return
		}
		if v, ok := rd.Value(id, at); ok {
			t.seq, t.last = v.Seq, at
			return
		}
		if since {
			t.seq, t.last = r.At(behind).Seq-1, at
			return
		}
		// It ticked, and the tick before was given up, since we looked.
	}
}

func (l *loop) unpin() {
	for _, rd := range l.readers {
		rd.Unpin()
	}
}
