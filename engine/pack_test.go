package engine

import (
	"fmt"
	"testing"

	"azira/proto"
)

// TestPackEach has several cohorts, each of more members than a batch and due frames
// that lie scattered: what was gathered for one is not written over for the next
// before all its members have it.
func TestPackEach(t *testing.T) {
	const cohorts, members, rounds = 5, batchParcels + batchParcels/2, 20
	r := &recorder{got: map[int][]byte{}}
	e := newEngine(t, Options{Loops: 1, BatchWindow: -1, Null: r.take})
	pub := e.Publisher()
	names := func(k int) [2]string { return [2]string{fmt.Sprint("A", k), fmt.Sprint("B", k)} }
	for k := range cohorts {
		for _, name := range names(k) {
			publish(pub, name, 0)
		}
	}
	pub.Flush()
	e.caughtUp(t)
	want := map[int][]byte{}
	for fd := range cohorts * members {
		list := names(fd % cohorts)
		early := frame(true, proto.OpText, "subscribe|"+list[0]+","+list[1])
		if err := e.Attach(fd, Stream{Owner: newOwner(), Early: early}); err != nil {
			t.Fatal(err)
		}
		answer := "Subscribed to tokens: " + list[0] + ", " + list[1]
		want[fd] = proto.AppendFrame(nil, proto.OpText, []byte(answer))
		r.want(t, fd, answer)
	}
	l := e.loops[0]
	for n := 1; n <= rounds; n++ {
		onLoop(t, l, func() { // in one turn, and no cohort's two ticks side by side
			for i := range 2 {
				for k := range cohorts {
					publish(pub, names(k)[i], n)
				}
			}
			l.turn()
		})
		for fd := range want {
			for _, name := range names(fd % cohorts) {
				want[fd] = proto.AppendFrame(want[fd], proto.OpText, []byte(tick(name, n)))
			}
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for fd := range want {
		if string(r.got[fd]) != string(want[fd]) {
			t.Fatalf("stream %d got  %q\nwant %q", fd, r.got[fd], want[fd])
		}
	}
}
