package ring

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
)

// A model is the ring's naive twin: it keeps everything.
type model struct {
	first   uint64
	records []modelRecord
	last    map[uint32]int
}

type modelRecord struct {
	token  uint32
	seq    uint64
	ts     int64
	frames [2][]byte
}

func (m *model) publish(rec modelRecord) modelRecord {
	if i, ok := m.last[rec.token]; ok {
		rec.seq = m.records[i].seq
	}
	rec.seq++
	m.last[rec.token] = len(m.records)
	m.records = append(m.records, rec)
	return rec
}

func (m *model) at(pos uint64) modelRecord { return m.records[pos-m.first] }

func newTiny(t testing.TB, first uint64, readers int) (*Ring, *Writer) {
	t.Helper()
	r, w, err := New(Options{
		Slots: slotsMin, Bytes: []int{bytesMin, 2 * bytesMin}, Readers: readers, Tokens: 5000, first: first,
	})
	if err != nil {
		t.Fatal(err)
	}
	return r, w
}

func frameOf(pos uint64, size int) []byte {
	return bytes.Repeat([]byte(fmt.Sprintf("%x.", pos)), size)[:size]
}

// TestModel publishes records of random sizes and compares all that is readable
// with the naive twin after each, over many laps and over the wrap of positions.
func TestModel(t *testing.T) {
	for _, first := range []uint64{0, 7, ^uint64(0) - 1500} {
		t.Run(fmt.Sprintf("first=%#x", first), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(1, first))
			r, w := newTiny(t, first, 1)
			m := &model{first: first, last: map[uint32]int{}}
			making := false
			for n := range 4000 {
				if rnd.IntN(60) == 0 {
					making = !making
					w.Make(1, making)
				}
				pos := first + uint64(n)
				rec := modelRecord{token: uint32(rnd.IntN(40)), ts: int64(n)}
				if rnd.IntN(20) == 0 {
					rec.token = 1000 + uint32(rnd.IntN(4000)) // ticks once a lap at most
				}
				for e := range rec.frames {
					if e == 0 || making {
						rec.frames[e] = frameOf(pos, 1+rnd.IntN(300))
						copy(w.Room(e, len(rec.frames[e])), rec.frames[e])
					}
				}
				rec = m.publish(rec)
				if seq := w.Publish(rec.token, rec.ts); seq != rec.seq {
					t.Fatalf("record %d: seq %d, want %d", n, seq, rec.seq)
				}
				if n%37 == 0 || n > 3990 {
					compare(t, r, m)
				}
			}
		})
	}
}

func compare(t *testing.T, r *Ring, m *model) {
	t.Helper()
	rd := r.Reader(0)
	head := m.first + uint64(len(m.records))
	if r.Head() != head {
		t.Fatalf("head %d, want %d", r.Head(), head)
	}
	if rd.Pin(r.Oldest() - 1) {
		t.Fatal("pinned a position that was given up")
	}
	if !rd.Pin(r.Oldest()) {
		t.Fatal("the oldest position can't be pinned")
	}
	defer rd.Unpin()
	for pos := r.Oldest(); pos != head; pos++ {
		want := m.at(pos)
		if s := r.At(pos); s.Token != want.token || s.Seq != want.seq || s.TS != want.ts {
			t.Fatalf("slot %d: %+v, want %+v", pos, *s, want)
		}
		for e, f := range want.frames {
			if r.Made(e, pos) && f == nil {
				t.Fatalf("frame %d of %d was not made", e, pos)
			}
			if f != nil && !bytes.Equal(r.Frame(e, pos), f) {
				t.Fatalf("frame %d of %d: %q, want %q", e, pos, r.Frame(e, pos), f)
			}
		}
	}
	compareRuns(t, r, m, head)
	for id, i := range m.last {
		want := m.records[i]
		pos, ok := r.Last(id)
		if !ok || pos != m.first+uint64(i) {
			t.Fatalf("token %d: last at %d %v, want %d", id, pos, ok, m.first+uint64(i))
		}
		v, ok := rd.Value(id, pos)
		if !ok || v.Seq != want.seq || v.TS != want.ts || !bytes.Equal(v.Frame, want.frames[0]) {
			t.Fatalf("token %d: value %+v %v, want %+v", id, v, ok, want)
		}
	}
}

// compareRuns joins runs of frames over the whole ring and compares the bytes.
func compareRuns(t *testing.T, r *Ring, m *model, head uint64) {
	t.Helper()
	for e := range 2 {
		var got, want []byte
		from := r.Oldest()
		for from != head && !r.Made(e, from) {
			from++
		}
		for pos := from; pos != head; pos++ {
			want = append(want, m.at(pos).frames[e]...)
		}
		for pos := from; pos != head; {
			run, n := r.Frames(e, pos, int(head-pos))
			if n == 0 {
				t.Fatalf("empty run at %d", pos)
			}
			got = append(got, run...)
			pos += uint64(n)
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("encoding %d: runs differ from frames", e)
		}
	}
}

// TestChain walks a token's records back by their links.
func TestChain(t *testing.T) {
	r, w := newTiny(t, 3, 1)
	for n := range 60 {
		copy(w.Room(0, 8), "12345678")
		w.Publish(uint32(n%7), 0)
	}
	rd := r.Reader(0)
	if !rd.Pin(r.Oldest()) {
		t.Fatal("pin")
	}
	defer rd.Unpin()
	pos, ok := r.Last(2)
	for want := 58; ; want -= 7 {
		if !ok {
			if want != -5 {
				t.Fatalf("chain ended before record %d", want)
			}
			return
		}
		if pos != 3+uint64(want) {
			t.Fatalf("chain at %d, want %d", pos, want+3)
		}
		pos, ok = r.Prev(pos)
	}
}

// TestRestored holds that a value of an earlier run is told until the first tick.
func TestRestored(t *testing.T) {
	r, w := newTiny(t, 0, 1)
	rd := r.Reader(0)
	if _, ok := rd.Newest(5); ok {
		t.Fatal("a value from nowhere")
	}
	w.Restore(5, 42, []byte("old"))
	v, ok := rd.Newest(5)
	if !ok || v.Seq != 0 || v.TS != 42 || string(v.Frame) != "old" {
		t.Fatalf("restored: %+v %v", v, ok)
	}
	rd.Unpin()
	copy(w.Room(0, 3), "new")
	w.Publish(5, 43)
	w.Restore(5, 1, []byte("too late"))
	for range 500 { // laps
		copy(w.Room(0, 40), "x")
		w.Publish(6, 44)
	}
	v, ok = rd.Newest(5)
	if !ok || v.Seq != 1 || v.TS != 43 || string(v.Frame) != "new" {
		t.Fatalf("after laps: %+v %v", v, ok)
	}
	rd.Unpin()
}
