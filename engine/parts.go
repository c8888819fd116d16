package engine

import (
	"slices"

	"azira/proto"
)

// Most cohorts get runs of frames as they lie in the ring. The others are packed in
// parts: those with several forms or windows, those that are due a heartbeat, and
// those of an encoding that was not made all along. Each part is noted as a piece, so
// that a member who takes half of them is parked with what it was told.

// parts are a cohort's pieces in this turn: fan.pieces from from up to to.
type parts struct{ from, to uint32 }

// part notes what was just gathered for the cohort in hand.
func (l *loop) part(n int, x piece) {
	x.n = n
	l.fan.pieces = append(l.fan.pieces, x)
}

// packParts gathers a cohort's turn record by record; frames are those of ticks.
func (l *loop) packParts(id uint32) (p []byte, frames int) {
	h, k := &l.cohorts.heat[id], &l.cohorts.all[id]
	out := l.scratch.out
	begin := len(out)
	x := parts{from: uint32(len(l.fan.pieces))}
	for at := h.first; at != 0; at = l.fan.runs[at].next {
		run := l.fan.runs[at]
		for pos := run.pos; pos != run.pos+uint64(run.n); pos++ {
			out = l.packRecord(out, id, int(run.shard), pos)
		}
	}
	if k.rates != nil {
		out = l.flushRates(out, id, k)
	}
	frames = len(l.fan.pieces) - int(x.from)
	if h.who&heatBeat != 0 {
		from := len(out)
		out = l.appendBeat(out, k)
		l.part(len(out)-from, piece{index: noIndex, value: true})
	}
	x.to = uint32(len(l.fan.pieces))
	h.last = uint32(len(l.fan.parts))
	h.who |= heatParts
	l.fan.parts = append(l.fan.parts, x)
	l.scratch.out = out
	return out[begin:len(out):len(out)], frames
}

func (l *loop) packRecord(out []byte, id uint32, shard int, pos uint64) []byte {
	k := &l.cohorts.all[id]
	s := l.readers[shard].Ring().At(pos)
	i := k.index(s.Token)
	if k.option(i).windowMs() != 0 && l.holdBack(id, k, i, s.Seq) {
		return out
	}
	from := len(out)
	out = l.appendRecord(out, k.encoding(i), shard, pos)
	l.part(len(out)-from, piece{index: i, seq: s.Seq, before: s.Seq - 1, pos: pos, shard: shard})
	return out
}

// restOf returns what is left of the frame in progress of a member that took sent
// bytes of p, a cohort's parts.
func (l *loop) restOf(h heat, p []byte, sent int) []byte {
	x := l.fan.parts[h.last]
	end := 0
	for _, piece := range l.fan.pieces[x.from:x.to] {
		if end >= sent {
			break
		}
		end += piece.n
	}
	return slices.Clone(p[sent:end])
}

// stoppedInParts is where a member is that took only sent bytes of its cohort's
// parts: its cursors, what it was told, and how many ticks it has.
func (l *loop) stoppedInParts(id uint32, h heat, sent int) (cursor, told []uint64, frames int) {
	cursor, told = slices.Clone(l.start), l.told(&l.cohorts.all[id])
	x := l.fan.parts[h.last]
	all, taken := l.fan.pieces[x.from:x.to], 0
	for sent > 0 && taken < len(all) {
		p := &all[taken]
		if !p.value {
			cursor[p.shard] = p.pos + 1
		}
		if p.index != noIndex {
			frames++
		}
		sent -= p.n
		taken++
	}
	for i := len(all) - 1; i >= taken; i-- {
		if p := &all[i]; p.index != noIndex {
			told[p.index] = min(told[p.index], p.before)
		}
	}
	return cursor, told, frames
}

// told is what the members of a cohort were told: all that is drained, but for what
// is held back.
func (l *loop) told(k *cohort) []uint64 {
	told := make([]uint64, len(k.tokens))
	for i, id := range k.tokens {
		told[i] = l.tokens[id].seq
	}
	if k.rates != nil {
		for _, i := range k.rates.pending {
			told[i] = k.rates.of[i].told
		}
	}
	return told
}

// noteMade notes which encodings were made for all that a turn drains.
func (f *fan) noteMade(l *loop) {
	for e := range f.made {
		f.made[e] = true
		for i, rd := range l.readers {
			if e != int(laneText) && !rd.Ring().Made(e, l.start[i]) {
				f.made[e] = false
			}
		}
	}
}

const _ = uint(8 - proto.Encodings) // heat has 3 bits for an encoding
