package presence

import (
	"fmt"
	"runtime"
	"testing"
	"time"
	"unsafe"
)

func names(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("client-%06d", i)
	}
	return list
}

// 15,000 accounts come at once, go at once and are back within the linger, go for good:
// each makes at most one event for each time it really came or went, for a stream that
// is read all the time; one that is not read gets one for each account.
func TestStormIsBounded(t *testing.T) {
	const n = 15_000
	w := newWorld(t, tempStore(t))
	all := names(n)
	for _, name := range all {
		w.group("v", name, true)
	}
	fast, slow := w.view("v"), w.view("v")
	w.tracker.work()
	fast.drain()
	slow.drain()
	every := func(streams int) {
		for _, name := range all {
			w.connect(name, streams)
		}
	}
	step := func(d time.Duration) {
		for ; d > 0; d -= flushEvery {
			w.pass(flushEvery)
			if fast.called() {
				fast.drain()
			}
		}
	}
	every(2)
	step(100 * time.Millisecond)
	for range 5 { // all reconnect
		every(-2)
		step(linger / 2)
		every(2)
		step(100 * time.Millisecond)
	}
	every(-2)
	step(2 * linger)
	if fast.events != 2*n {
		t.Errorf("%d events for a fast stream, want %d", fast.events, 2*n)
	}
	before := w.tracker.Stats()
	slow.drain()
	fast.check()
	slow.check()
	s := w.tracker.Stats()
	if slow.events != n || s.Behind-before.Behind != n || s.Returns != 5*n || s.Changes != 2*n {
		t.Errorf("%d events for a slow stream, %+v", slow.events, s)
	}
	t.Logf("%d accounts came, reconnected 5 times and went: %d changes, %d events for a fast "+
		"stream, %d for one that was not read; %d reconnects told to nobody", n, s.Changes,
		fast.events, slow.events, s.Returns)
}

// What a roster remembers for a stream that is never read does not grow with changes,
// nor with clients that come into the group and leave it: it gets another snapshot.
func TestAbsentWatchHoldsLittle(t *testing.T) {
	w := newWorld(t, tempStore(t))
	all := names(100)
	for _, name := range all {
		w.group("v", name, true)
	}
	early, middle := w.view("v"), w.view("v") // one never began, one is in its snapshot
	w.tracker.work()
	for _, name := range all {
		w.connect(name, 1)
	}
	w.pass(flushEvery)
	late := w.view("v")
	late.drain()
	middle.pull(RoomMin)
	middle.refuse(RoomMin)
	late.refuse(RoomMin)
	r := w.tracker.rosters["v"]
	most := 0
	for round := range 200 {
		for _, name := range all[:50] {
			w.connect(name, 1-2*(round%2))
		}
		for i := range 50 {
			passing := fmt.Sprintf("passing-%d-%d", round, i)
			w.group("v", passing, true)
			w.tracker.work()
			w.group("v", passing, false)
			w.tracker.work()
		}
		w.pass(linger + flushEvery)
		most = max(most, len(r.log))
	}
	if bound := 4*(len(r.members)+leftsMax) + logSlack; most > bound || r.lefts > bound {
		t.Errorf("the log had %d places, %d of members that left, want at most %d", most, r.lefts, bound)
	}
	w.rest()
	for _, v := range []*viewer{early, middle, late} {
		v.drain()
		v.check()
	}
	for range 1000 {
		w.connect(all[0], -1)
		w.pass(linger + flushEvery)
		w.connect(all[0], 1)
		w.pass(flushEvery)
		late.drain()
		middle.drain()
		early.drain()
	}
	if len(r.log) > 2*len(r.members)+2*logSlack || r.lefts > 0 {
		t.Errorf("all are told, and the log has %d places, %d of members that left", len(r.log), r.lefts)
	}
}

// A watch is as small as it is said to be, beyond the first of its roster.
func TestWatchIsSmall(t *testing.T) {
	if n := unsafe.Sizeof(Watch{}); n > 96 {
		t.Errorf("a watch has %d bytes", n)
	}
	if n := unsafe.Sizeof(member{}); n > 112 {
		t.Errorf("a member has %d bytes", n)
	}
	w := newWorld(t, tempStore(t))
	for _, name := range names(1000) {
		w.group("v", name, true)
		w.connect(name, 1)
	}
	w.pass(flushEvery)
	const n = 10_000
	list, called := make([]*Watch, 0, n), func() {}
	first := w.tracker.Watch("v", called)
	w.tracker.work()
	size := heap()
	for range n {
		x := w.tracker.Watch("v", called)
		var buf [2 * RoomMin]byte
		x.Next(buf[:0], RoomMin)
		list = append(list, x)
	}
	per := float64(heap()-size) / n
	t.Logf("a watch of 1,000 clients costs %.0f bytes", per)
	if per > 128 {
		t.Errorf("a watch costs %.0f bytes", per)
	}
	for _, x := range append(list, first) {
		x.Close()
	}
	w.tracker.work()
	if len(w.tracker.index) != 0 || w.tracker.Stats().Watches != 0 {
		t.Error("something is left of the watches")
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestAllocations(t *testing.T) {
	w := newWorld(t, tempStore(t))
	all := names(100)
	for _, name := range all {
		w.group("v", name, true)
		w.connect(name, 1)
	}
	w.pass(flushEvery)
	v := w.tracker.Watch("v", func() {})
	w.tracker.work()
	buf := make([]byte, 0, 1<<16)
	turn := 1
	for name, f := range map[string]func(){
		"Changed": func() { w.tracker.Changed(all[7]) },
		"flush of nothing": func() {
			w.tracker.Changed(all[7])
			w.tracker.flush()
		},
		"Next of nothing": func() { v.Next(buf, cap(buf)) },
		"Next": func() {
			r := w.tracker.rosters["v"]
			turn++
			r.change(r.members[turn%100], state{online: true, since: 1, at: 1})
			if frames, _ := v.Next(buf, cap(buf)); len(frames) == 0 {
				t.Fatal("nothing is told")
			}
		},
	} {
		f()
		if n := testing.AllocsPerRun(1000, f); n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkChanged(b *testing.B) {
	w := newWorld(b, tempStore(b))
	all := names(1000)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		w.tracker.Changed(all[i%len(all)])
	}
}

// What a flush costs with so many changes in a watched group of 100,000.
func BenchmarkFlush(b *testing.B) {
	for _, n := range []int{1, 1500} {
		b.Run(fmt.Sprintf("changes=%d", n), func(b *testing.B) {
			w := newWorld(b, tempStore(b))
			all := names(100_000)
			w.groups["v"] = map[string]bool{}
			for _, name := range all {
				w.groups["v"][name] = true
				w.connect(name, 1)
			}
			w.pass(flushEvery)
			v := w.tracker.Watch("v", func() {})
			if err := w.tracker.load(v.roster); err != nil {
				b.Fatal(err)
			}
			buf := make([]byte, 0, 1<<16)
			next := func() {
				for more := true; more; {
					_, more = v.Next(buf, cap(buf))
				}
			}
			next()
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				for j := range n {
					w.connect(all[(i*n+j)*7919%len(all)], 1-2*(i%2))
				}
				w.pass(flushEvery)
				next()
			}
		})
	}
}
