package auth

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"
)

// closings remembers what was asked to close.
type closings struct {
	mu    sync.Mutex
	codes map[*Stream][]int
}

func newClosings() *closings { return &closings{codes: make(map[*Stream][]int)} }

func (c *closings) add(st *Stream, code int, _ string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.codes[st] = append(c.codes[st], code)
}

// of is the code that st was asked to close with, 0 if none, -1 if asked twice.
func (c *closings) of(st *Stream) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch k := c.codes[st]; len(k) {
	case 0:
		return 0
	case 1:
		return k[0]
	default:
		return -1
	}
}

func TestStreamLimit(t *testing.T) {
	s := serve(t, cheap())
	id := verify(t, s, register(t, s, "ann").AccessToken)
	addr := netip.MustParseAddrPort("192.0.2.7:4711")
	var open []*Stream
	for range 3 {
		st, evicted, err := s.OpenStream(id, StreamInfo{
			Addr: addr, Agent: strings.Repeat("é", 100),
		})
		if err != nil || evicted != nil {
			t.Fatal(evicted, err)
		}
		open = append(open, st)
	}
	if _, _, err := s.OpenStream(id, StreamInfo{}); !errors.Is(err, ErrStreamLimit) {
		t.Fatalf("fourth: %v", err)
	}
	st := open[0]
	st.Holds(20)
	if st.Addr() != addr || st.Agent() != strings.Repeat("é", 64) || st.Tokens() != 20 ||
		st.Username() != "ann" || time.Now().Unix()-st.Since() > 60 {
		t.Errorf("%v %q %q", st.Addr(), st.Agent(), st.Username())
	}
	if got := s.Streams("ann"); len(got) != 3 || got[0] != open[0] || got[2] != open[2] {
		t.Errorf("%v", got)
	}
	st.Ended(1000)
	st.Ended(1000) // frees one slot, not two
	if n := len(s.Streams("ann")); n != 2 {
		t.Errorf("%d streams after one ended", n)
	}
	next, _, err := s.OpenStream(id, StreamInfo{})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.OpenStream(id, StreamInfo{}); !errors.Is(err, ErrStreamLimit) {
		t.Fatalf("fourth again: %v", err)
	}
	for _, st := range append(open, next) {
		st.Ended(1000)
	}
	if x := s.Stats(); x.Streams != 0 || x.Accounts != 0 || s.Streams("ann") != nil {
		t.Errorf("%+v", x)
	}
}

func TestUnlimited(t *testing.T) {
	o := cheap()
	o.StreamsPerAccount = Unlimited
	s := serve(t, o)
	id := verify(t, s, register(t, s, "ann").AccessToken)
	var all []*Stream
	for range 100 {
		st, _, err := s.OpenStream(id, StreamInfo{})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, st)
	}
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for i, st := range all {
		st.Ended(1000)
		if n := len(s.Streams("ann")); n != len(all)-1-i {
			t.Fatalf("%d streams after %d ended", n, i+1)
		}
	}
}

func TestDeadStreamMakesRoom(t *testing.T) {
	c := newClock()
	closed := newClosings()
	o := cheap()
	o.Now, o.CloseStream = c.now, closed.add
	s := serve(t, o)
	id := verify(t, s, register(t, s, "ann").AccessToken)
	var open []*Stream
	for i := range 3 {
		st, _, err := s.OpenStream(id, StreamInfo{})
		if err != nil {
			t.Fatal(err)
		}
		st.Opened(uint64(i))
		open = append(open, st)
	}
	open[1].Parked(c.now().Unix())
	open[2].Parked(c.now().Unix())
	open[2].Parked(0) // takes bytes again
	c.pass(9 * time.Second)
	if _, _, err := s.OpenStream(id, StreamInfo{}); !errors.Is(err, ErrStreamLimit) {
		t.Fatalf("after 9 s: %v", err)
	}
	c.pass(time.Second)
	_, evicted, err := s.OpenStream(id, StreamInfo{})
	if err != nil || evicted != open[1] || closed.of(open[1]) != CodeReplaced {
		t.Fatalf("%v %v %d", evicted, err, closed.of(open[1]))
	}
	if _, _, err := s.OpenStream(id, StreamInfo{}); !errors.Is(err, ErrStreamLimit) {
		t.Fatalf("one more: %v", err)
	}
	evicted.Ended(CodeReplaced) // had given its slot away already
	if n := len(s.Streams("ann")); n != 3 {
		t.Errorf("%d streams", n)
	}
}

func TestReplaceOldest(t *testing.T) {
	for _, limit := range []int{1, 3} {
		closed := newClosings()
		o := cheap()
		o.StreamsPerAccount, o.ReplaceOldest, o.CloseStream = limit, true, closed.add
		s := serve(t, o)
		id := verify(t, s, register(t, s, "ann").AccessToken)
		var all []*Stream
		for i := range 10 {
			st, evicted, err := s.OpenStream(id, StreamInfo{})
			if err != nil {
				t.Fatal(err)
			}
			st.Opened(uint64(i))
			if all = append(all, st); i >= limit &&
				(evicted != all[i-limit] || closed.of(evicted) != CodeReplaced) {
				t.Fatalf("limit %d: %d evicted %v", limit, i, evicted)
			}
			if n := len(s.Streams("ann")); n != min(i+1, limit) {
				t.Fatalf("limit %d: %d streams", limit, n)
			}
		}
	}
}

// Whoever comes first, the end of a session or the connection: it is closed,
// once.
func TestCloseBeforeOpened(t *testing.T) {
	closed := newClosings()
	o := cheap()
	o.CloseStream = closed.add
	s := serve(t, o)
	id := verify(t, s, register(t, s, "ann").AccessToken)
	st, _, err := s.OpenStream(id, StreamInfo{})
	if err != nil {
		t.Fatal(err)
	}
	gone, _, err := s.OpenStream(id, StreamInfo{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Logout(bg, id); err != nil {
		t.Fatal(err)
	}
	if closed.of(st) != 0 {
		t.Error("asked to close before there was a handle")
	}
	st.Opened(7)
	if h, ok := st.Handle(); closed.of(st) != CodeEnded || h != 7 || !ok {
		t.Errorf("code %d", closed.of(st))
	}
	gone.Ended(1006)
	gone.Opened(8)
	if _, ok := gone.Handle(); ok || closed.of(gone) != 0 {
		t.Error("an ended stream was asked to close")
	}
}

func TestEndStream(t *testing.T) {
	closed := newClosings()
	o := cheap()
	o.CloseStream = closed.add
	s := serve(t, o)
	id := verify(t, s, register(t, s, "ann").AccessToken)
	register(t, s, "bob")
	st, _, err := s.OpenStream(id, StreamInfo{})
	if err != nil {
		t.Fatal(err)
	}
	st.Opened(1)
	if err := s.EndStream("bob", st.ID); !errors.Is(err, ErrNoStream) {
		t.Errorf("somebody else's: %v", err)
	}
	for range 2 {
		if err := s.EndStream("ann", st.ID); err != nil || closed.of(st) != CodeEnded {
			t.Errorf("%v, code %d", err, closed.of(st))
		}
	}
}

// Exactly 3 at every moment: the test counts by itself, around the calls.
func TestStreamsHammer(t *testing.T) {
	for _, replace := range []bool{false, true} {
		t.Run("replace="+strconv.FormatBool(replace), func(t *testing.T) { hammer(t, replace) })
	}
}

func hammer(t *testing.T, replace bool) {
	var now, worst, opened, refused atomic.Int64
	o := cheap()
	o.ReplaceOldest = replace
	s := serve(t, o)
	id := verify(t, s, register(t, s, "ann").AccessToken)
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			for range 50 {
				st, evicted, err := s.OpenStream(id, StreamInfo{})
				if errors.Is(err, ErrStreamLimit) {
					refused.Add(1)
					runtime.Gosched()
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				opened.Add(1)
				if !replace { // one evicted ends in another goroutine's time
					n := now.Add(1)
					for w := worst.Load(); n > w && !worst.CompareAndSwap(w, n); w = worst.Load() {
					}
				}
				if n := len(s.Streams("ann")); n > 3 || evicted != nil && !replace {
					t.Errorf("%d streams, evicted %v", n, evicted)
				}
				runtime.Gosched()
				if !replace {
					now.Add(-1) // before the slot is free for others
				}
				st.Opened(1)
				st.Ended(1000)
			}
		})
	}
	wg.Wait()
	t.Logf("%d opened, %d refused, at most %d at once", opened.Load(), refused.Load(), worst.Load())
	if worst.Load() > 3 || !replace && (refused.Load() == 0 || worst.Load() != 3) {
		t.Errorf("at most %d at once", worst.Load())
	}
	if x := s.Stats(); x.Streams != 0 || x.Accounts != 0 {
		t.Fatalf("left: %+v", x)
	}
	for range 3 { // no slot was lost
		if _, _, err := s.OpenStream(id, StreamInfo{}); err != nil {
			t.Fatal(err)
		}
	}
}

// After Logout returned, no stream of the session is left unasked to close.
func TestLogoutRacesStreams(t *testing.T) {
	closed := newClosings()
	o := cheap()
	o.StreamsPerAccount, o.CloseStream = Unlimited, closed.add
	s := serve(t, o)
	register(t, s, "ann")
	for range 20 {
		id := verify(t, s, login(t, s, "ann").AccessToken)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for {
					st, _, err := s.OpenStream(id, StreamInfo{})
					if errors.Is(err, ErrRevoked) {
						return
					}
					if err != nil {
						t.Error(err)
						return
					}
					st.Opened(1)
					if rand.IntN(50) != 0 {
						st.Ended(1000)
					}
				}
			})
		}
		if err := s.Logout(bg, id); err != nil {
			t.Fatal(err)
		}
		wg.Wait()
		for _, st := range s.Streams("ann") {
			if closed.of(st) != CodeEnded {
				t.Fatalf("a stream survived the logout")
			}
			st.Ended(CodeEnded)
		}
	}
}

// What an open stream costs here, in bytes of heap.
func TestStreamMemory(t *testing.T) {
	o := cheap()
	s := serve(t, o)
	id := verify(t, s, register(t, s, "ann").AccessToken)
	const n = 20_000
	names := make([]string, n)
	for i := range names {
		names[i] = strconv.Itoa(i)
	}
	all := make([]*Stream, n)
	before := heap()
	for i := range all {
		who := id
		who.Username = names[i] // an account each; the session is ann's
		st, _, err := s.OpenStream(who, StreamInfo{Agent: "test/1.0"})
		if err != nil {
			t.Fatal(err)
		}
		all[i] = st
	}
	each := float64(heap()-before) / n
	size := unsafe.Sizeof(Stream{})
	t.Logf("stream record %d B; stream and account together %.0f B of heap", size, each)
	if size > 120 || each > 220 {
		t.Errorf("stream record %d B, stream and account %.0f B", size, each)
	}
	runtime.KeepAlive(names)
	for _, st := range all {
		st.Ended(1000)
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
