package presence

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"azira/proto"
	"azira/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A world is a Tracker with accounts and groups that a test changes. Its time stands
// still unless the test moves it, and nothing is flushed by itself.
type world struct {
	t       testing.TB
	store   *store.Store
	tracker *Tracker

	mu      sync.Mutex
	at      time.Time
	streams map[string]int
	groups  map[string]map[string]bool
	broken  error // of the groups
}

func newWorld(t testing.TB, st *store.Store) *world {
	w := &world{t: t, store: st, at: time.Unix(1_800_000_000, 0),
		streams: map[string]int{}, groups: map[string]map[string]bool{}}
	w.renew()
	return w
}

// renew gives w another Tracker, as a restart would.
func (w *world) renew() {
	w.tracker = New(Options{Logger: slog.New(slog.DiscardHandler), Now: w.now})
	w.tracker.store, w.tracker.accounts, w.tracker.groups = w.store, w, w
	w.tracker.mended = true
}

func openStore(t testing.TB, dir string) *store.Store {
	t.Helper()
	st, err := store.Open(dir, store.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func tempStore(t testing.TB) *store.Store {
	st := openStore(t, t.TempDir())
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return st
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at
}

// pass lets time go by, with a flush at each tick.
func (w *world) pass(d time.Duration) {
	for ; d > 0; d -= flushEvery {
		w.mu.Lock()
		w.at = w.at.Add(flushEvery)
		w.mu.Unlock()
		w.tracker.flush()
	}
}

// connect adds n streams to an account's.
func (w *world) connect(name string, n int) {
	w.mu.Lock()
	w.streams[name] = max(0, w.streams[name]+n)
	w.mu.Unlock()
	w.tracker.Changed(name)
}

func (w *world) group(vendor, client string, in bool) {
	w.mu.Lock()
	if w.groups[vendor] == nil {
		w.groups[vendor] = map[string]bool{}
	}
	if w.groups[vendor][client] = in; !in {
		delete(w.groups[vendor], client)
	}
	w.mu.Unlock()
	w.tracker.Regrouped(vendor, client)
}

func (w *world) Connections(name string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.streams[name]
}

func (w *world) InGroup(vendor, client string) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.groups[vendor][client], w.broken
}

func (w *world) ClientsOf(vendor, after string, n int) ([]string, bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken != nil {
		return nil, false, w.broken
	}
	if w.groups[vendor] == nil {
		return nil, false, ErrNoVendor
	}
	var list []string
	for _, name := range slices.Sorted(maps.Keys(w.groups[vendor])) {
		if name > after {
			list = append(list, name)
		}
	}
	return list[:min(n, len(list))], len(list) > n, nil
}

// truth is who of those that an account may see is online, and how many they are.
func (w *world) truth(owner string) (online map[string]bool, total int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	online = map[string]bool{}
	for name := range w.groups[owner] {
		if w.streams[name] > 0 {
			online[name] = true
		}
	}
	if w.streams[owner] > 0 {
		online[owner] = true
	}
	return online, len(w.groups[owner]) + 1
}

// A viewer is a stream's far end: what it knows is from frames alone.
type viewer struct {
	w     *world
	owner string
	watch *Watch

	mu     sync.Mutex
	wanted int
	frame  []byte
	online map[string]bool
	open   bool // a snapshot is going on
	begun  bool // there was one
	total  int
	events int
}

func (w *world) view(owner string) *viewer {
	v := &viewer{w: w, owner: owner, online: map[string]bool{}}
	v.watch = w.tracker.Watch(owner, func() {
		v.mu.Lock()
		v.wanted++
		v.mu.Unlock()
	})
	return v
}

// called says whether there is something for v, and forgets it.
func (v *viewer) called() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	n := v.wanted
	v.wanted = 0
	return n > 0
}

// pull takes what fits into a room, and says whether there is more.
func (v *viewer) pull(room int) bool {
	frames, more := v.watch.Next(v.frame[:0], room)
	v.frame = frames
	if len(frames) > room || more && len(frames) == 0 && room >= RoomMin {
		v.w.t.Fatalf("%d bytes for a room of %d, more: %v", len(frames), room, more)
	}
	for len(frames) > 0 {
		size := frameSize(frames)
		if size > pieceBytesMax {
			v.w.t.Fatalf("a frame of %d bytes", size)
		}
		if err := v.hear(proto.Payload(frames[:size])); err != nil {
			v.w.t.Fatalf("%v: %s", err, frames[:size])
		}
		frames = frames[size:]
	}
	return more
}

// refuse has frames made that are not taken.
func (v *viewer) refuse(room int) {
	v.watch.Next(nil, room)
	v.watch.Again()
}

func frameSize(p []byte) int {
	if p[1] < 126 {
		return 2 + int(p[1])
	}
	return 4 + int(p[2])<<8 + int(p[3])
}

// drain takes all there is.
func (v *viewer) drain() {
	for v.pull(2 * pieceBytesMax) {
	}
}

func (v *viewer) hear(payload []byte) error {
	var e struct {
		Type    string
		Client  string
		Online  bool
		Left    bool
		TS      int64
		More    bool
		Total   int
		Clients []struct {
			Client      string
			Online      bool
			Connections int
			Since       int64
			LastSeen    int64 `json:"last_seen"`
		}
	}
	if err := json.Unmarshal(payload, &e); err != nil {
		return err
	}
	switch {
	case e.Type == "roster":
		if !v.open {
			clear(v.online)
		}
		if v.open, v.begun = e.More, true; !e.More {
			v.total = e.Total
		}
		for _, c := range e.Clients {
			if !c.Online || c.Since == 0 || c.LastSeen < c.Since || v.online[c.Client] {
				return fmt.Errorf("odd client %+v", c)
			}
			v.online[c.Client] = true
		}
		return nil
	case e.Type != "presence" || !v.begun || v.open || e.TS == 0 || e.Left && e.Online:
		return errors.New("odd event")
	}
	v.events++
	delete(v.online, e.Client)
	if e.Online {
		v.online[e.Client] = true
	}
	return nil
}

// check compares what v knows with what is true.
func (v *viewer) check() {
	v.w.t.Helper()
	online, _ := v.w.truth(v.owner)
	if !maps.Equal(online, v.online) || !v.begun || v.open {
		v.w.t.Fatalf("%s sees %v, true is %v (snapshot begun %v, open %v)", v.owner,
			slices.Sorted(maps.Keys(v.online)), slices.Sorted(maps.Keys(online)), v.begun, v.open)
	}
}
