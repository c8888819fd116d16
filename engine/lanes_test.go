package engine

import (
	"fmt"
	"testing"
	"time"

	"azira/proto"
)

// TestFeedState tells every typed stream of a change of the feed at once, parked or
// not, and its text neighbour nothing.
func TestFeedState(t *testing.T) {
	e := newEngine(t, Options{Loops: 2})
	text := connect(t, e, Stream{})
	var all []*prover
	for range 10 {
		all = append(all, prove(t, e, Stream{Kind: JSON, Beat: 30 * time.Second}))
	}
	for _, feed := range []Feed{FeedLive, FeedStale, FeedDown, FeedLive} {
		e.SetFeed(feed)
		for _, p := range all {
			if v := p.expect("hb"); v.Feed != feed.String() {
				t.Fatalf("feed %s, want %s", v.Feed, feed)
			}
		}
	}
	text.text("foo|A")
	text.want("Unknown action: foo")
}

// TestFeedHoles has the feed's own numbers break off: the hole is counted, told to typed
// streams before the tick behind it, and the stream's own seq goes on.
func TestFeedHoles(t *testing.T) {
	for name, kind := range typedKinds {
		t.Run(name, func(t *testing.T) {
			e := newEngine(t, Options{Loops: 1, FeedSeqField: "no"})
			pub := e.Publisher()
			seq := 0
			tick := func(no int) {
				seq++
				data := fmt.Sprintf(`{"token":"A","ltp":%d.5,"no":%d}`, seq, no)
				pub.Tick([]byte("A"), []byte(data), time.Now().UnixMicro())
				pub.Flush()
			}
			tick(10)
			p := prove(t, e, Stream{Kind: kind})
			p.ask(`{"op":"subscribe","tokens":["A"]}`)
			p.expect("snap")
			for _, no := range []int{11, 15, 16, 3, 4, 0, 2} { // 12 to 14 and 1 are missing; 3 and 0 begin anew
				tick(no)
			}
			if v := p.expect("tick"); v.Seq != 2 {
				t.Fatalf("%+v", v)
			}
			if v, err := p.read(); err != nil || v.Type != "gap" || v.From != 12 || v.To != 14 || v.Reason != "feed" {
				t.Fatalf("%+v %v", v, err)
			}
			for n := uint64(3); n <= 7; n++ {
				if v, err := p.read(); err != nil || v.Type != "tick" || v.Seq != n {
					t.Fatalf("%+v %v", v, err)
				}
			}
			if v, err := p.read(); err != nil || v.Type != "gap" || v.From != 1 || v.To != 1 {
				t.Fatalf("%+v %v", v, err)
			}
			p.expect("tick")
			if n := e.Stats().FeedHoles; n != 4 {
				t.Errorf("%d counted", n)
			}
		})
	}
}

// TestLanes holds that an encoding is made while somebody uses it, and for a while after.
func TestLanes(t *testing.T) {
	e := newEngine(t, Options{Loops: 1})
	pub := e.Publisher()
	encoded := func() uint64 {
		before := e.Stats().Encoded
		e.now(pub, "A", 1)
		pub.Flush()
		return e.Stats().Encoded - before
	}
	if n := encoded(); n != 1 {
		t.Fatalf("%d frames without a stream", n)
	}
	p := prove(t, e, Stream{Kind: JSON})
	if n := encoded(); n != 1 {
		t.Errorf("%d frames for a stream that holds nothing", n)
	}
	p.text(`{"op":"subscribe","tokens":["A"],"snapshot":false}`)
	eventually(t, "json is made", func() bool { return encoded() == 2 })
	p.text(`{"op":"subscribe","tokens":["A"],"mode":"ltp","snapshot":false}`)
	eventually(t, "both are made", func() bool { return encoded() == 3 })
	p.conn.Close()
	eventually(t, "it is gone", func() bool { return e.Streams() == 0 })
	if n := encoded(); n != 3 {
		t.Errorf("%d frames right after", n)
	}
	for range lingerMax {
		e.lanes.tick(e)
	}
	if n := encoded(); n != 1 {
		t.Errorf("%d frames long after", n)
	}
}

// TestTypedDoesNotAllocate holds that ticks on their way to typed streams allocate
// nothing, whether in runs, in parts or held back.
func TestTypedDoesNotAllocate(t *testing.T) {
	e := newEngine(t, Options{Loops: 1, Null: func(int, []byte) {}, BeatEvery: BeatMax})
	pub := e.Publisher()
	e.now(pub, "A", 1)
	e.now(pub, "B", 1)
	pub.Flush()
	for i, request := range []string{
		`{"op":"subscribe","tokens":["A","B"]}`,
		`{"op":"subscribe","tokens":["A","B"],"mode":"ltp"}`,
		`{"op":"subscribe","tokens":["A"],"max_rate":2}`,
	} {
		for j, kind := range []Kind{JSON, Binary} {
			s := Stream{Kind: kind, Owner: newOwner(), Early: frame(true, proto.OpText, request)}
			if err := e.Attach(100+10*i+j, s); err != nil {
				t.Fatal(err)
			}
		}
	}
	eventually(t, "all are served", func() bool { return e.Stats().Requests == 6 })
	l := e.loops[0]
	now := time.Now().UnixMicro()
	data := []byte(tick("A", 1))
	onLoop(t, l, func() {
		for range 100 {
			pub.Tick([]byte("A"), data, now)
			l.turn()
		}
		if n := testing.AllocsPerRun(200, func() {
			pub.Tick([]byte("A"), data, now)
			pub.Tick([]byte("B"), data, now)
			l.turn()
		}); n != 0 {
			t.Errorf("%v allocations per turn", n)
		}
	})
	if n := e.Stats().FramesOut; n < 1000 {
		t.Errorf("%d frames", n)
	}
}
