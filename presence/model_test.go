package presence

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"azira/store"
)

// play does what the bytes say: streams come and go, groups change, accounts are deleted,
// time passes, watches begin, end, and are read in rooms of all sizes. Then all comes to
// rest, and each watch must have been told the truth, by its snapshot and events alone.
func play(t testing.TB, st *store.Store, script []byte) {
	w := newWorld(t, st)
	name := func(b byte) string { return fmt.Sprintf("c%02d", b%24) }
	vendor := func(b byte) string { return fmt.Sprintf("v%d", b%3) }
	who := func(b byte) string {
		if b%8 == 0 {
			return vendor(b / 8)
		}
		return name(b)
	}
	var views []*viewer
	for i := 0; i+2 < len(script); i += 3 {
		a, b := script[i+1], script[i+2]
		switch script[i] % 12 {
		case 0, 1:
			w.connect(who(a), 1)
		case 2, 3:
			w.connect(who(a), -1)
		case 4:
			w.group(vendor(a), name(b), true)
		case 5:
			w.group(vendor(a), name(b), false)
		case 6:
			w.pass(time.Duration(a) * 5 * time.Millisecond)
		case 7:
			w.tracker.work()
		case 8:
			if len(views) < 6 {
				views = append(views, w.view(who(a)))
			}
		case 9, 10:
			if len(views) > 0 {
				v := views[int(a)%len(views)]
				if a >= 128 {
					v.refuse(int(b) * 16)
				} else {
					v.pull(int(b) * 16)
				}
			}
		case 11:
			w.extraordinary(&views, a, name(b))
		}
	}
	w.rest()
	for _, v := range views {
		if !v.called() && !v.begun {
			t.Fatalf("%s was never called", v.owner)
		}
		v.drain()
		v.check()
		v.watch.Close()
	}
	w.tracker.work()
	if n := len(w.tracker.index) + len(w.tracker.rosters); n != 0 {
		t.Fatalf("%d entries are left without watches", n)
	}
}

// extraordinary are the things that happen seldom.
func (w *world) extraordinary(views *[]*viewer, what byte, name string) {
	switch what % 5 {
	case 0:
		if n := len(*views); n > 0 {
			(*views)[n-1].watch.Close()
			(*views)[n-1].watch.Close()
			*views = (*views)[:n-1]
		}
	case 1: // an account is deleted, with its streams and from all groups
		for v := range w.groups {
			w.mu.Lock()
			delete(w.groups[v], name)
			w.mu.Unlock()
		}
		w.tracker.Removed(name)
		w.connect(name, -1000)
	case 2: // a group is emptied at once
		w.mu.Lock()
		clear(w.groups["v0"])
		w.mu.Unlock()
		w.tracker.Regrouped("v0", "")
	case 3:
		w.broken = errBroken
	case 4:
		w.broken = nil
	}
}

var errBroken = fmt.Errorf("the groups can't be read")

// rest lets everything be over: groups are readable, lingers end.
func (w *world) rest() {
	w.broken = nil
	w.tracker.work()
	w.pass(2 * linger)
	w.tracker.work()
}

func TestRandomPlays(t *testing.T) {
	st := tempStore(t)
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 0))
		script := make([]byte, 3*(50+r.IntN(600)))
		for i := range script {
			script[i] = byte(r.Uint32())
		}
		play(t, st, script)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func FuzzPlay(f *testing.F) {
	st := tempStore(f)
	f.Add([]byte{8, 0, 0, 4, 0, 1, 7, 0, 0, 0, 1, 0, 6, 20, 0, 9, 0, 255, 2, 1, 0, 6, 40, 0})
	f.Add([]byte{8, 8, 0, 7, 0, 0, 11, 3, 0, 4, 1, 1, 7, 0, 0, 11, 4, 0, 7, 0, 0, 0, 1, 0, 6, 9, 0})
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) < 6000 {
			play(t, st, script)
		}
	})
}
