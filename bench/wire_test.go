package bench

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"azira/proto"

	"github.com/gobwas/ws"
)

// serverFrames is every kind of frame a server sends, and their payloads.
func serverFrames() (p []byte, want []string) {
	for _, n := range []int{0, 1, 125, 126, 127, 65535, 65536} {
		for _, f := range []ws.Frame{
			ws.NewTextFrame(bytes.Repeat([]byte{'a'}, n)),
			ws.NewBinaryFrame(bytes.Repeat([]byte{'c'}, n)),
			ws.NewPingFrame(bytes.Repeat([]byte{'b'}, n%126)),
		} {
			p = append(p, ws.MustCompileFrame(f)...)
			want = append(want, string(f.Payload))
		}
	}
	return p, want
}

// framesOf takes frames off a stream that comes in pieces, as a herd does.
func framesOf(in []byte, piece int) (got []string, err error) {
	var m member
	for len(in) > 0 {
		n := min(piece, len(in))
		p := append(bytes.Clone(m.rest), in[:n]...)
		in = in[n:]
		for {
			f, rest, ok, err := nextFrame(p)
			if err != nil {
				return got, err
			}
			if p = rest; !ok {
				break
			}
			got = append(got, string(f.payload))
		}
		m.keep(p)
	}
	return got, nil
}

// However the bytes are cut, the frames are the same.
func TestNextFrame(t *testing.T) {
	whole, want := serverFrames()
	for _, piece := range []int{61, 1000, len(whole)} {
		got, err := framesOf(whole, piece)
		if err != nil || strings.Join(got, ",") != strings.Join(want, ",") {
			t.Errorf("pieces of %d: %d frames, %v", piece, len(got), err)
		}
	}
}

func TestNextFrameRefuses(t *testing.T) {
	for _, in := range []string{
		"\x81\x80",         // masked
		"\x01\x00",         // a fragment
		"\x80\x00",         // its end
		"\xc1\x00",         // a reserved bit
		"\x83\x00",         // a reserved opcode
		"\x89\x7e\x00\x7e", // a long ping
		"\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff",
	} {
		if _, _, _, err := nextFrame([]byte(in)); !errors.Is(err, errFrame) {
			t.Errorf("%x: %v", in, err)
		}
	}
	err := closeReason(ws.NewCloseFrameBody(1008, "connection limit"))
	if !errors.Is(err, errClosed) || !strings.HasSuffix(err.Error(), ": 1008 connection limit") {
		t.Error(err)
	}
	if err := closeReason(nil); !strings.HasSuffix(err.Error(), ": 1005") {
		t.Error(err)
	}
}

// A twin that sees all bytes at once finds the same.
func FuzzNextFrame(f *testing.F) {
	whole, _ := serverFrames()
	f.Add(whole[:600], uint8(3))
	f.Add([]byte("\x81\x02hi\x88\x02\x03\xe8"), uint8(1))
	f.Fuzz(func(t *testing.T, in []byte, piece uint8) {
		want, wantErr := framesOf(in, len(in)+1)
		got, err := framesOf(in, 1+int(piece))
		if strings.Join(got, ",") != strings.Join(want, ",") || (err == nil) != (wantErr == nil) {
			t.Errorf("%q, %v; the twin %q, %v", got, err, want, wantErr)
		}
	})
}

// What a client sends another implementation reads.
func TestClientFrame(t *testing.T) {
	for _, n := range []int{0, 5, 126, 70_000} {
		payload := bytes.Repeat([]byte{'x'}, n)
		f, err := ws.ReadFrame(bytes.NewReader(appendClientFrame(nil, proto.OpText, payload)))
		if err != nil || !f.Header.Masked || f.Header.OpCode != ws.OpText ||
			!bytes.Equal(ws.UnmaskFrame(f).Payload, payload) {
			t.Errorf("%d bytes: %v %+v", n, err, f.Header)
		}
	}
}

func FuzzNextNATS(f *testing.F) {
	f.Add([]byte("INFO {}\r\nPING\r\nMSG NSE:1 1 2\r\nhi\r\n+OK\r\nMSG a 2 r 0\r\n\r\n"), uint8(4))
	f.Fuzz(func(t *testing.T, in []byte, piece uint8) {
		read := func(piece int) (got []string, failed bool) {
			var p []byte
			for in := in; len(in) > 0; {
				n := min(piece, len(in))
				p, in = append(p, in[:n]...), in[n:]
				for {
					line, payload, rest, ok, err := nextNATS(p)
					if err != nil {
						return got, true
					}
					if !ok {
						break
					}
					got, p = append(got, string(line), string(payload)), rest
				}
			}
			return got, false
		}
		want, wantFailed := read(len(in) + 1)
		got, failed := read(1 + int(piece))
		if strings.Join(got, "|") != strings.Join(want, "|") || failed != wantFailed {
			t.Errorf("%q; the twin %q", got, want)
		}
	})
}

// A checker names each fault for what it is.
func TestChecker(t *testing.T) {
	var c checker
	members := make([]member, 2)
	c.join(&members[0], []uint32{1, 2, 3})
	c.join(&members[1], []uint32{3})
	give := func(m int, token, n uint32) {
		c.take(&members[m], appendTick(nil, tick{token, n, 100}, 10_000), 150)
	}
	give(0, 1, 5)
	give(0, 2, 1)
	give(1, 3, 7)
	if n := c.unheard(); n != 1 {
		t.Errorf("%d not heard", n)
	}
	give(0, 3, 1)
	c.begin(members)
	give(0, 1, 6)
	give(0, 1, 6)
	give(0, 1, 9)
	give(0, 1, 8)
	give(1, 1, 1)
	c.take(&members[1], []byte("{}"), 0)
	members[1].slow = true
	give(1, 3, 10)
	got := c.end(members)
	f := got.Faults
	if f.Doubled != 1 || f.Missing != 2 || f.Order != 1 || f.Foreign != 1 || f.Odd != 1 ||
		f.First != "tick 6 of NSE:100001 came after 6" {
		t.Errorf("%+v", f)
	}
	if got.Frames != 6 || got.Slow != (Slow{Clients: 1, Frames: 1, Missing: 2}) || got.Latency.Max != 50 {
		t.Errorf("%+v", got)
	}
	if n := c.left(members, []uint32{0, 9, 3, 5}); n != 2+4 {
		t.Errorf("%d left", n)
	}
	if n := testing.AllocsPerRun(100, func() { c.take(&members[0], []byte(nil), 0) }); n > 2 {
		t.Errorf("%g allocations", n)
	}
}

// Who gets nothing while others get ticks of the same tokens is counted.
func TestStarved(t *testing.T) {
	var c checker
	members := make([]member, 4)
	for i, tokens := range [][]uint32{{1, 2}, {2, 3}, {3}, {2}} {
		c.join(&members[i], tokens)
		members[i].state = memberHeard
	}
	members[3].state = memberAway
	for n, want := range []int{0, 0, 1} {
		c.begin(members)
		for i := range n {
			c.take(&members[0], appendTick(nil, tick{2, uint32(i + 1), 100}, 10_000), 150)
		}
		if got := c.end(members); got.Starved != want {
			t.Errorf("after %d ticks %d are starved, not %d", n, got.Starved, want)
		}
	}
	c.take(&members[1], appendTick(nil, tick{2, 1, 100}, 10_000), 150)
	if got := c.end(members); got.Starved != 0 {
		t.Errorf("%d are starved", got.Starved)
	}
}

func TestFairness(t *testing.T) {
	var even, uneven Lateness
	for range 10 {
		even.take(5)
		uneven.take(1)
	}
	uneven.take(89)
	if jain, worst := fairness([]Lateness{even, even}); jain != 1 || worst != 1 {
		t.Error(jain, worst)
	}
	if jain, worst := fairness([]Lateness{uneven}); jain > 0.2 || worst < 9 {
		t.Error(jain, worst)
	}
}
