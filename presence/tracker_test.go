package presence

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"azira/store"
)

func (w *world) of(name string) (online bool, connections int, since, seen int64) {
	w.t.Helper()
	p, err := w.tracker.Of(name)
	if err != nil || p.Client != name {
		w.t.Fatal(p, err)
	}
	return p.Online, p.Connections, p.Since, p.LastSeen
}

func (w *world) want(name string, connections int, since, seen time.Time) {
	w.t.Helper()
	on, n, s, l := w.of(name)
	if on != (connections > 0) || n != connections || s != micros(since) || l != micros(seen) {
		w.t.Errorf("%s: %v, %d connections since %d, seen %d, want %d, %d, %d", name, on, n, s, l,
			connections, micros(since), micros(seen))
	}
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func TestComingAndGoing(t *testing.T) {
	w := newWorld(t, tempStore(t))
	never := time.Time{}
	w.want("ann", 0, never, never)
	w.connect("ann", 1)
	w.want("ann", 1, w.at, w.at) // before anybody has looked
	w.pass(flushEvery)
	came := w.at
	w.connect("ann", 1)
	w.pass(time.Second)
	w.want("ann", 2, came, w.at)
	w.connect("ann", -2)
	w.want("ann", 0, never, w.at)
	w.pass(flushEvery)
	went := w.at
	w.pass(linger / 2)
	w.want("ann", 0, never, went)
	w.connect("ann", 1)
	w.pass(time.Second)
	w.want("ann", 1, came, w.at) // as if it had never gone
	w.connect("ann", -1)
	w.pass(flushEvery)
	went = w.at
	w.pass(10 * time.Second)
	w.want("ann", 0, never, went)
	w.connect("bob", 1) // comes and goes between two looks
	w.connect("bob", -1)
	w.pass(flushEvery)
	w.want("bob", 0, never, w.at)
	if s := w.tracker.Stats(); s.Online != 0 || s.Changes != 2 || s.Returns != 2 {
		t.Errorf("%+v", s)
	}
}

// An event of going offline comes within a second of it, of coming at once; a reconnect
// makes none.
func TestEventsOfOne(t *testing.T) {
	w := newWorld(t, tempStore(t))
	v := w.view("ann")
	w.tracker.work()
	if !v.called() {
		t.Fatal("not called for the snapshot")
	}
	v.drain()
	v.check()
	step := func(streams int, d time.Duration, events int) {
		t.Helper()
		w.connect("ann", streams)
		w.pass(d)
		if v.called() != (events > 0) {
			t.Errorf("called: %v", events == 0)
		}
		v.events = 0
		v.drain()
		if v.events != events {
			t.Errorf("%d events, want %d", v.events, events)
		}
	}
	step(1, flushEvery, 1)
	v.check()
	step(1, time.Second, 0)
	step(-2, linger, 0)
	step(1, time.Second, 0)
	step(-1, time.Second-flushEvery, 1)
	v.check()
}

func TestDeletedAccount(t *testing.T) {
	w := newWorld(t, tempStore(t))
	w.group("v", "ann", true)
	v := w.view("v")
	w.connect("ann", 1)
	w.pass(flushEvery)
	w.tracker.work()
	v.drain()
	if !v.online["ann"] || v.total != 2 {
		t.Fatalf("%v of %d", v.online, v.total)
	}
	w.mu.Lock()
	delete(w.groups["v"], "ann")
	w.mu.Unlock()
	w.tracker.Removed("ann")
	w.connect("ann", -1)
	w.pass(flushEvery) // no linger
	w.tracker.work()
	v.drain()
	v.check()
	if err := w.tracker.save(); err != nil {
		t.Fatal(err)
	}
	w.want("ann", 0, time.Time{}, time.Time{})
}

// Who was last seen when is known after a stop in order, and after a crash as well as
// the process was last alive. Nobody is online then.
func TestLastSeenOutlivesTheProcess(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, openStore(t, dir))
	restart := func() {
		t.Helper()
		if err := w.store.Close(); err != nil {
			t.Fatal(err)
		}
		w.streams, w.store = map[string]int{}, openStore(t, dir)
		w.renew()
		if err := w.tracker.Start(w.store, w, w); err != nil {
			t.Fatal(err)
		}
		close(w.tracker.stop) // the test flushes by hand
		w.tracker.stopped.Wait()
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	never := time.Time{}
	w.connect("ann", 1)
	w.connect("bob", 1)
	w.pass(flushEvery)
	w.connect("bob", -1)
	w.pass(5 * time.Second)
	_, _, _, bob := w.of("bob")
	must(w.tracker.saveAll())
	stopped := w.at
	restart()
	w.at = w.at.Add(time.Hour)
	w.want("ann", 0, never, stopped)
	w.want("bob", 0, never, time.UnixMicro(bob))

	w.connect("ann", 1)
	w.pass(5 * time.Second)
	must(w.tracker.save())
	w.pass(5 * time.Second)
	must(w.tracker.saveAlive())
	alive := w.at
	w.pass(5 * time.Second)
	restart() // without an end in order
	w.want("ann", 0, never, alive)
	w.connect("cid", 1)
	w.pass(5 * time.Second)
	must(w.tracker.save())
	must(w.tracker.repair())
	w.tracker.mended = true
	must(w.tracker.saveAlive())
	later := w.at
	w.want("ann", 0, never, alive)
	restart()
	w.want("ann", 0, never, alive)
	w.want("bob", 0, never, time.UnixMicro(bob))
	w.want("cid", 0, never, later)
	must(w.store.Close())
}

func TestBadRecords(t *testing.T) {
	w := newWorld(t, tempStore(t))
	var b store.Batch
	b.Set(store.TablePresence, []byte("ann"), []byte("nonsense"))
	b.Set(store.TablePresence, nil, []byte{recordVersion, 2})
	if err := w.store.Commit(&b); err != nil {
		t.Fatal(err)
	}
	if _, err := w.tracker.Of("ann"); !errors.Is(err, ErrRecord) {
		t.Error(err)
	}
	if err := w.tracker.repair(); !errors.Is(err, ErrRecord) {
		t.Error(err)
	}
	if err := w.tracker.Start(w.store, w, w); !errors.Is(err, ErrRecord) {
		t.Error(err)
	}
}

func FuzzRecord(f *testing.F) {
	f.Add(appendRecord(nil, record{true, 1}))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, p []byte) {
		r, err := parseRecord(p)
		if err == nil && string(appendRecord(nil, r)) != string(p) {
			t.Errorf("%x became %x", p, appendRecord(nil, r))
		}
	})
}

func TestPages(t *testing.T) {
	w := newWorld(t, tempStore(t))
	if _, _, err := w.tracker.Page("v", "", 10, nil); !errors.Is(err, ErrNoVendor) {
		t.Error(err)
	}
	all := names(PageScanMax + 10)
	w.groups["v"] = map[string]bool{}
	for _, name := range all {
		w.groups["v"][name] = true
	}
	w.connect(all[3], 1)
	w.connect(all[PageScanMax+4], 1)
	w.pass(flushEvery)
	yes, no := true, false
	page := func(after string, n int, online *bool, want int, first, next string) {
		t.Helper()
		list, to, err := w.tracker.Page("v", after, n, online)
		if err != nil || len(list) != want || to != next || want > 0 && list[0].Client != first {
			t.Errorf("after %q: %d clients, next %q, %v", after, len(list), to, err)
		}
	}
	page("", 3, nil, 3, all[0], all[2])
	page(all[2], 1000, nil, 1000, all[3], all[1002])
	page(all[len(all)-3], 2, nil, 2, all[len(all)-2], "")
	page(all[len(all)-1], 2, nil, 0, "", "")
	page("", 5, &yes, 1, all[3], all[PageScanMax-1])
	page(all[PageScanMax-1], 5, &yes, 1, all[PageScanMax+4], "")
	page(all[2], 1, &no, 1, all[4], all[4])
}

// 500 clients flap, a few streams watch in their own time, and more than one goroutine
// does everything; once it is quiet, each stream knows what is true.
func TestFlappingClients(t *testing.T) {
	w := newWorld(t, tempStore(t))
	w.tracker.now = time.Now
	if err := w.tracker.Start(w.store, w, w); err != nil {
		t.Fatal(err)
	}
	all := names(500)
	for i, name := range all {
		w.group("v", name, true)
		w.group(fmt.Sprintf("v%d", i%5), name, true)
	}
	flapping := w.flap(all, time.Now().Add(1500*time.Millisecond))
	var watching sync.WaitGroup
	quit := make(chan struct{})
	var views []*viewer
	for i, owner := range []string{"v", "v", "v", "v0", all[0], all[1]} {
		v := w.view(owner)
		views = append(views, v)
		if i != 1 { // which is not read until the end
			watching.Go(func() { v.read(time.Duration(1+40*(i%3))*time.Millisecond, quit) })
		}
	}
	flapping.Wait()
	time.Sleep(linger + 6*flushEvery)
	close(quit)
	watching.Wait()
	for _, v := range views {
		v.drain()
		v.check()
		v.watch.Close()
	}
	if err := w.tracker.Close(); err != nil {
		t.Error(err)
	}
	s := w.tracker.Stats()
	t.Logf("%+v", s)
	if s.Watches != 0 {
		t.Errorf("%d watches", s.Watches)
	}
}

// flap lets clients come, go, join and leave, and watches begin and end, up to an instant.
func (w *world) flap(all []string, end time.Time) *sync.WaitGroup {
	var flapping sync.WaitGroup
	for i := range 4 {
		flapping.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 1))
			for time.Now().Before(end) {
				name := all[i*125+r.IntN(125)]
				w.connect(name, 1-r.IntN(3))
				if r.IntN(20) == 0 {
					w.group("v", name, r.IntN(2) == 0)
				}
				time.Sleep(time.Duration(r.IntN(300)) * time.Microsecond)
			}
		})
		flapping.Go(func() {
			for time.Now().Before(end) {
				w.tracker.Watch(fmt.Sprintf("v%d", i), func() {}).Close()
				time.Sleep(time.Millisecond)
			}
		})
	}
	return &flapping
}

// read reads what there is, in small pieces, so often as a stream can.
func (v *viewer) read(every time.Duration, quit <-chan struct{}) {
	for {
		select {
		case <-quit:
			return
		case <-time.After(every):
		}
		if v.called() {
			for v.pull(RoomMin) {
			}
		}
	}
}
