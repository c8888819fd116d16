package engine

import (
	"encoding/binary"
	"fmt"
	"io"
	"testing"

	"azira/proto"
)

// A plainSealer is a Sealer whose records are two bytes of length and what they carry,
// turned over: what is sent unsealed, or cut, is noticed.
type plainSealer struct{ have []byte }

const sealBye = 0xffff

func turnOver(dst, p []byte) []byte {
	for _, b := range p {
		dst = append(dst, ^b)
	}
	return dst
}

func (s *plainSealer) Seal(dst, p []byte) ([]byte, error) {
	if len(p) > sealBytes {
		return dst, fmt.Errorf("a record of %d bytes", len(p))
	}
	return turnOver(binary.BigEndian.AppendUint16(dst, uint16(len(p))), p), nil
}

func (s *plainSealer) Open(dst, p []byte) (plain, reply []byte, err error) {
	s.have = append(s.have, p...)
	for len(s.have) >= 2 {
		n := int(binary.BigEndian.Uint16(s.have))
		if len(s.have) < 2+n {
			break
		}
		dst = turnOver(dst, s.have[2:2+n])
		s.have = s.have[2+n:]
	}
	return dst, nil, nil
}

func (s *plainSealer) Held() int { return len(s.have) }

func (s *plainSealer) Bye(dst []byte) []byte { return binary.BigEndian.AppendUint16(dst, sealBye) }

// An unsealer reads what a plainSealer has sealed.
type unsealer struct {
	r    io.Reader
	left int
}

func (u *unsealer) Read(p []byte) (int, error) {
	for u.left == 0 {
		var head [2]byte
		if _, err := io.ReadFull(u.r, head[:]); err != nil {
			return 0, err
		}
		u.left = int(binary.BigEndian.Uint16(head[:]))
		if u.left == sealBye {
			return 0, io.EOF
		}
	}
	n, err := u.r.Read(p[:min(len(p), u.left)])
	u.left -= n
	copy(p, turnOver(nil, p[:n]))
	return n, err
}

// TestReplyHeldBack has a session's own reply not be taken whole: the stream is parked
// until the socket takes the rest, and what came with it is served then.
func TestReplyHeldBack(t *testing.T) {
	e := newEngine(t, Options{Loops: 1})
	p := connect(t, e, Stream{Sealer: &plainSealer{}})
	p.text("foo|A")
	p.want("Unknown action: foo")
	l := e.loops[0]
	request, _ := new(plainSealer).Seal(nil, frame(true, proto.OpText, "bar|A"))
	onLoop(t, l, func() {
		var c *conn
		for _, x := range l.conns {
			if x != nil {
				c = x
			}
		}
		l.seals[c.fd].rest, _ = new(plainSealer).Seal(nil, proto.AppendFrame(nil, proto.OpPong, nil))
		l.feedSealed(c, request)
		if c.parked == nil {
			t.Error("it is not parked")
			return
		}
		l.catchUp(c) // the socket takes bytes again
	})
	if op, _, err := p.next(); err != nil || op != proto.OpPong {
		t.Fatalf("%v %v", op, err)
	}
	p.want("Unknown action: bar")
}
