package ring

import (
	"runtime"
	"time"
)

// A Writer publishes into its ring. It belongs to one goroutine at a time.
//
//	dst := w.Room(0, n)      // n bytes of ring memory, in each encoding made
//	copy(dst, frame)
//	w.Publish(token, ts)     // readers see it
type Writer struct {
	r     *Ring
	next  uint64 // position of the record being made
	begun bool   // its slot is free
}

// Make begins or ends making frames of an encoding with the next record, which must
// not be begun. While they are made every record needs one.
func (w *Writer) Make(encoding int, on bool) {
	l := &w.r.lanes[encoding]
	if on && !l.making.Load() {
		if l.buf == nil {
			l.buf, l.spans = make([]byte, l.mask+1), make([]span, len(w.r.slots))
			l.first = w.next
		}
		l.since.Store(w.next) // before making: a reader that sees that sees since as well
	}
	l.making.Store(on)
}

// Room gives n bytes of an encoding's ring for the frame of the record being
// made. It may wait for a reader in the middle of its turn.
func (w *Writer) Room(encoding, n int) []byte {
	w.begin()
	l := &w.r.lanes[encoding]
	off, size := l.tail, l.mask+1
	if off&l.mask+uint64(n) > size {
		off = (off | l.mask) + 1 // not over the end: a frame is one slice
	}
	if w.kept(l, off+uint64(n)) > size {
		w.reclaimBytes(l, off+uint64(n))
	}
	l.open = span{off: off, n: uint32(n)}
	at := off & l.mask
	return l.buf[at : at+uint64(n) : at+uint64(n)]
}

// Publish makes the record, with all its frames, readable and returns its seq.
func (w *Writer) Publish(id uint32, ts int64) uint64 {
	w.begin()
	r := w.r
	t := w.token(id)
	t.seq++
	i := w.next & r.mask
	r.slots[i] = Slot{Token: id, Seq: t.seq, TS: ts, prev: t.last.Load()}
	for e := range r.lanes {
		l := &r.lanes[e]
		if l.buf == nil {
			continue
		}
		if l.open.n == 0 {
			l.open.off = l.tail
		}
		l.spans[i] = l.open
		l.tail = l.open.off + uint64(l.open.n)
		l.open.n = 0
	}
	t.last.Store(w.next) // Hand the token's newest to snapshots.
	w.next++
	w.begun = false
	r.head.Store(w.next) // Hand the slot to readers of this lap.
	return t.seq
}

// Seq returns the seq of a token's last record, 0 if there was none.
func (w *Writer) Seq(id uint32) uint64 { return w.token(id).seq }

// Restore sets the value a token had in an earlier run: it has seq 0, no record,
// and nobody is told of it. It does nothing for a token that has ticked.
func (w *Writer) Restore(id uint32, ts int64, frame []byte) {
	t := w.token(id)
	if t.seq != 0 {
		return
	}
	t.keep(saved{pos: w.r.never, ts: ts, frame: frame})
}

// begin makes sure of a free slot for the next record.
func (w *Writer) begin() {
	if w.begun {
		return
	}
	w.begun = true
	if w.next-w.r.oldest.Load() > w.r.mask {
		w.giveUp(w.r.oldest.Load() + uint64(len(w.r.slots)/reclaimParts))
	}
}

// kept returns how many bytes lie from the oldest kept frame to end.
func (w *Writer) kept(l *lane, end uint64) uint64 {
	oldest := w.oldest(l)
	if oldest == w.next {
		return 0
	}
	return end - l.spans[oldest&w.r.mask].off
}

// oldest is the oldest kept position that has a span in a lane.
func (w *Writer) oldest(l *lane) uint64 {
	if pos := w.r.oldest.Load(); !before(pos, l.first) {
		return pos
	}
	return l.first
}

// reclaimBytes gives up records until a 64th of the lane is free before end.
func (w *Writer) reclaimBytes(l *lane, end uint64) {
	free := end - (l.mask + 1) + (l.mask+1)/reclaimParts
	pos := w.oldest(l)
	for pos != w.next && before(l.spans[pos&w.r.mask].off, free) {
		pos++
	}
	w.giveUp(pos)
}

// giveUp makes the records before newOldest unreadable: it keeps the last values
// among them, says so, and waits until no reader is pinned before newOldest.
func (w *Writer) giveUp(newOldest uint64) {
	r := w.r
	for pos := r.oldest.Load(); pos != newOldest; pos++ {
		s := r.At(pos)
		t := r.token(s.Token)
		if t.last.Load() == pos {
			t.keep(saved{pos: pos, seq: s.Seq, ts: s.TS, frame: r.Frame(0, pos)})
		}
	}
	r.oldest.Store(newOldest) // From here on Pin refuses what is before.
	for i := range r.readers {
		if r.readers[i].pinnedBefore(newOldest) {
			w.wait(&r.readers[i], newOldest)
		}
	}
}

// wait waits for a reader's turn to end. A reader looks at Crowded between two
// writes, so this is a matter of microseconds unless its thread was stopped.
func (w *Writer) wait(rd *Reader, newOldest uint64) {
	start := time.Now()
	w.r.crowded.Store(true)
	for n := 0; rd.pinnedBefore(newOldest); n++ {
		if n < 100 {
			runtime.Gosched()
			continue
		}
		time.Sleep(20 * time.Microsecond)
	}
	w.r.crowded.Store(false)
	w.r.waits.Add(1)
	w.r.waited.Add(int64(time.Since(start)))
}

// token returns a token's entry, made at need.
func (w *Writer) token(id uint32) *token {
	c := &w.r.tokens[id/tokensChunk]
	if p := c.Load(); p != nil {
		return &p[id%tokensChunk]
	}
	p := new([tokensChunk]token)
	for i := range p {
		p[i].last.Store(w.r.never)
	}
	c.Store(p) // Hand the chunk to readers, filled in.
	return &p[id%tokensChunk]
}

// keep makes v the token's saved value. It writes over the value saved before
// the present one: whoever read that one was pinned before the present one's
// record, and giveUp has waited for such pins since.
func (t *token) keep(v saved) {
	i := 1 - t.which.Load()
	s := &t.saved[i]
	s.pos, s.seq, s.ts = v.pos, v.seq, v.ts
	s.frame = append(s.frame[:0], v.frame...)
	t.which.Store(i) // Hand the saved value to readers.
}
