package inbox

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
)

// Streams come, take nothing, take again, acknowledge and go while others send, to an
// account and to a group. Each stream that stayed has every message after what was
// acknowledged when it came, once, in order, or a gap that says how many are gone.
func TestDeliveryModel(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { deliver(t, seed) })
	}
}

func deliver(t *testing.T, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 1))
	joined := []Membership{{Group: "v"}}
	s := open(t, Options{MessagesMax: 40,
		Groups: func(string) ([]Membership, error) { return joined, nil }})
	var senders sync.WaitGroup
	for range 3 {
		group := rnd.IntN(2) == 0
		senders.Go(func() {
			for i := range 150 {
				d := Draft{From: "x", Content: fmt.Append(nil, i)}
				send := func() (Receipt, error) { return s.Send(context.Background(), "ann", d) }
				if group {
					send = func() (Receipt, error) { return s.SendGroup(context.Background(), "v", d) }
				}
				if _, err := send(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	var open, stayed []*fakeStream
	for range 200 {
		switch n := rnd.IntN(10); {
		case n < 2 && len(open) < 3:
			open = append(open, sit(t, s, "ann"))
		case n < 3 && len(open) > 0:
			open[0].end()
			open = open[1:]
		case n < 6 && len(open) > 0:
			open[rnd.IntN(len(open))].shutUp(rnd.IntN(2) == 0)
		case n < 8 && len(open) > 0:
			f := open[rnd.IntN(len(open))]
			if list := f.all(); len(list) > 0 {
				if last := list[rnd.IntN(len(list))]; last.ID > 0 && !f.seat.Ack(last.ID) {
					t.Errorf("%d can't be acknowledged", last.ID)
				}
			}
		default:
			s.mustSend(t, "ann", "direct")
		}
	}
	senders.Wait()
	stayed = append(open, sit(t, s, "ann"))
	last := s.mustSend(t, "ann", "the last")
	for i, f := range stayed {
		f.shutUp(false)
		eventually(t, fmt.Sprintf("stream %d has the last", i), func() bool {
			list := f.all()
			return len(list) > 0 && list[len(list)-1].ID == last
		})
		check(t, f.all())
	}
}

// check looks at one stream: ids go up, none is missing that no gap tells of. As the
// numbers of two logs are not seen here, gaps are only counted against all.
func check(t *testing.T, list []got) {
	t.Helper()
	id := uint64(0)
	for _, g := range list {
		switch {
		case g.Type == "gap" && g.Dropped > 0:
		case g.Type != "msg" || g.ID <= id:
			t.Fatalf("%+v after %d", g, id)
		default:
			id = g.ID
		}
	}
}

// One stream that never leaves gets, of what was sent since, all but what gaps tell.
func TestDeliveryIsComplete(t *testing.T) {
	for seed := range uint64(8) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		s := open(t, Options{MessagesMax: 20})
		f := sit(t, s, "ann")
		sent := 0
		var last uint64
		for range 20 {
			f.shutUp(rnd.IntN(3) == 0)
			for range rnd.IntN(30) {
				last = s.mustSend(t, "ann", "x")
				sent++
			}
		}
		f.shutUp(false)
		last = s.mustSend(t, "ann", "x")
		sent++
		eventually(t, "the last", func() bool {
			list := f.all()
			return len(list) > 0 && list[len(list)-1].ID == last
		})
		have, gone := 0, 0
		for _, g := range f.all() {
			have += 1 - min(1, int(g.Dropped))
			gone += int(g.Dropped)
		}
		if check(t, f.all()); have+gone != sent {
			t.Errorf("seed %d: %d messages and %d gone of %d", seed, have, gone, sent)
		}
		f.end()
	}
}

// What is acknowledged does not come again, however soon a stream comes back, and what
// is not comes again and is marked so.
func TestAckHolds(t *testing.T) {
	s := open(t, Options{})
	for i := range 200 {
		f := sit(t, s, "ann")
		a, b := s.mustSend(t, "ann", fmt.Sprint(i)), s.mustSend(t, "ann", fmt.Sprint(i))
		eventually(t, "both are there", func() bool {
			list := f.all()
			return len(list) > 0 && list[len(list)-1].ID == b
		})
		f.seat.Ack(a)
		f.end()
		g := sit(t, s, "ann")
		eventually(t, "one comes again", func() bool { return len(g.all()) > 0 })
		if x := g.all()[0]; x.ID != b || !x.Redelivered {
			t.Fatalf("round %d: %+v, want %d again", i, x, b)
		}
		g.seat.Ack(b)
		g.end()
	}
}

// A reader that takes nothing holds no message in memory: it is not given a second page.
func TestNothingWaitsInMemory(t *testing.T) {
	s := open(t, Options{})
	f := sit(t, s, "ann")
	f.shutUp(true)
	for range 300 {
		s.mustSend(t, "ann", string(make([]byte, 1000)))
	}
	if list := f.all(); len(list) > 0 {
		t.Fatalf("%d messages", len(list))
	}
	f.shutUp(false)
	eventually(t, "all are there", func() bool { return len(f.all()) == 300 })
}
