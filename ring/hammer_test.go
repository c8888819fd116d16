package ring

import (
	"encoding/binary"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestHammer has 8 readers pin, read and give way while a writer laps them, over
// the wrap of the position counter. Every frame carries what its slot says; a
// torn or overwritten one would not.
func TestHammer(t *testing.T) {
	const records = 200_000
	const first = ^uint64(0) - records/2
	r, w := newTiny(t, first, 8)
	var done atomic.Bool
	var wg sync.WaitGroup
	var read, lost [8]uint64
	for i := range 8 {
		wg.Go(func() { read[i], lost[i] = hammerRead(t, r.Reader(i), first, &done, i) })
	}
	for n := range uint64(records) {
		if n%1000 == 0 {
			w.Make(1, n%3000 != 0)
		}
		id := uint32(n*n%31) + 1
		size := 24 + int(n%97)
		p := w.Room(0, size)
		for i := 24; i < size; i++ {
			p[i] = byte(n)
		}
		binary.LittleEndian.PutUint64(p, n)
		binary.LittleEndian.PutUint64(p[8:], uint64(id))
		binary.LittleEndian.PutUint64(p[16:], uint64(size))
		if n/1000%3 != 0 {
			copy(w.Room(1, size), p)
		}
		w.Publish(id, int64(n))
		if n%64 == 0 {
			runtime.Gosched()
		}
	}
	done.Store(true)
	wg.Wait()
	for i := range 8 {
		if read[i]+lost[i] != records {
			t.Errorf("reader %d: read %d + lost %d, want %d", i, read[i], lost[i], records)
		}
		if read[i] == 0 {
			t.Errorf("reader %d read nothing", i)
		}
	}
	n, d := r.Waits()
	t.Logf("read %v lost %v; the writer waited %d times, %v", read, lost, n, d)
}

func hammerRead(t *testing.T, rd *Reader, pos uint64, done *atomic.Bool, who int) (n, lost uint64) {
	r := rd.Ring()
	for {
		ended := done.Load()
		if !rd.Pin(pos) {
			oldest := r.Oldest()
			lost += oldest - pos
			pos = oldest
			continue
		}
		if who == 0 && r.Head()%5 == 0 {
			time.Sleep(50 * time.Microsecond) // a slow reader in the middle of its turn
		}
		for head := r.Head(); pos != head && !r.Crowded(); pos++ {
			checkHammered(t, r.At(pos), r.Frame(0, pos))
			if r.Made(1, pos) {
				checkHammered(t, r.At(pos), r.Frame(1, pos))
			}
			n++
			if pos%16 == 0 {
				checkValue(t, rd, uint32(pos%31)+1)
			}
		}
		rd.Unpin()
		if ended && pos == r.Head() {
			return n, lost
		}
		runtime.Gosched()
	}
}

func checkHammered(t *testing.T, s *Slot, p []byte) {
	n := binary.LittleEndian.Uint64(p)
	if int64(n) != s.TS || binary.LittleEndian.Uint64(p[8:]) != uint64(s.Token) ||
		binary.LittleEndian.Uint64(p[16:]) != uint64(len(p)) {
		t.Errorf("torn: slot %+v, frame %x", *s, p)
	}
	for _, b := range p[24:] {
		if b != byte(n) {
			t.Errorf("torn payload of record %d", n)
			return
		}
	}
}

// checkValue asks for a token's last value, which may be in the ring or saved.
func checkValue(t *testing.T, rd *Reader, id uint32) {
	pos, ok := rd.Ring().Last(id)
	if !ok {
		return
	}
	v, ok := rd.Value(id, pos)
	if !ok {
		return // it ticked in between
	}
	checkHammered(t, &Slot{Token: id, TS: v.TS}, v.Frame)
}

func TestPublishDoesNotAllocate(t *testing.T) {
	_, w := newTiny(t, 0, 1)
	frame := make([]byte, 100)
	publish := func() {
		for id := range uint32(200) { // more than a lap: values are saved too
			copy(w.Room(0, len(frame)), frame)
			w.Publish(id, 1)
		}
	}
	for range 3 {
		publish()
	}
	if n := testing.AllocsPerRun(100, publish); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkPublish(b *testing.B) {
	_, w, err := New(Options{Slots: 1 << 19, Bytes: []int{64 << 20}, Readers: 2, Tokens: 1000})
	if err != nil {
		b.Fatal(err)
	}
	frame := make([]byte, 110)
	b.SetBytes(int64(len(frame)))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		copy(w.Room(0, len(frame)), frame)
		w.Publish(uint32(i)%1000, 1)
	}
}
