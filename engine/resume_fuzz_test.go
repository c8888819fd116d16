package engine

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"testing"

	"azira/proto"
)

// FuzzResume resumes from any position, of this run or another, in a ring that has gone
// round: each token ends up at its newest tick with every tick accounted for, or is
// refused.
func FuzzResume(f *testing.F) {
	const many, few = 700, 5
	sent := map[int][]byte{}
	e := newEngine(f, Options{Loops: 1, RingBytes: ringMin, BatchWindow: -1,
		Null: func(fd int, p []byte) { sent[fd] = append(sent[fd], p...) }})
	pub := e.Publisher()
	for n := 1; n <= few; n++ {
		e.now(pub, "few", n)
	}
	for n := 1; n <= many; n++ {
		e.now(pub, "many", n)
	}
	pub.Flush()
	e.caughtUp(f)
	l := e.loops[0]
	epoch := e.epoch.UnixMicro()
	for _, from := range []uint64{0, 1, 4, 5, 6, 100, 300, 699, 700, 701, 1 << 52} {
		f.Add(from, from, int64(0))
		f.Add(from, uint64(3), int64(1))
	}
	fd := 100
	f.Fuzz(func(t *testing.T, a, b uint64, other int64) {
		fd++
		request := fmt.Sprintf(`{"op":"subscribe","epoch":%d,"from":{"many":%d,"few":%d}}`, epoch+other, a, b)
		s := Stream{Kind: JSON, Owner: newOwner(), Early: frame(true, proto.OpText, request)}
		p := &prover{last: map[string]uint64{}, names: map[uint32]string{},
			gap: map[string]uint64{}, resume: map[string]uint64{"many": a, "few": b}}
		run := func(g func()) {
			done := make(chan struct{})
			if err := l.do(func() { defer close(done); g() }); err != nil {
				t.Fatal(err)
			}
			<-done
		}
		var got []byte
		run(func() {
			l.attach(fd, s)
			for n := 0; n < 100 && l.conns[fd] != nil && l.conns[fd].parked != nil; n++ {
				l.turn()
			}
			got = sent[fd]
			delete(sent, fd)
			l.drop(l.conns[fd], proto.CloseNormal)
		})
		failed := readEvents(t, p, got)
		for token, c := range map[string]struct{ from, newest uint64 }{"many": {a, many}, "few": {b, few}} {
			beyond := other == 0 && c.from > c.newest
			if failed[token] != beyond {
				t.Fatalf("%s from %d: refused %v", token, c.from, failed[token])
			}
			if !beyond && p.last[token] != c.newest {
				t.Fatalf("%s from %d ends at %d", token, c.from, p.last[token])
			}
		}
	})
}

// readEvents proves all frames of a stream and returns the tokens that an ack refused.
func readEvents(t *testing.T, p *prover, b []byte) map[string]bool {
	failed := map[string]bool{}
	for len(b) > 0 {
		n, head := int(b[1]), 2
		if n == 126 {
			n, head = int(binary.BigEndian.Uint16(b[2:])), 4
		}
		payload := b[head : head+n]
		b = b[head+n:]
		var v event
		if err := json.Unmarshal(payload, &v); err != nil {
			t.Fatalf("%v in %q", err, payload)
		}
		if v.Type == "welcome" {
			p.epoch = v.Epoch
		}
		if err := p.prove(&v); err != nil {
			t.Fatalf("%v in %q", err, payload)
		}
		for _, x := range v.Failed {
			failed[x.Token] = true
		}
	}
	return failed
}
