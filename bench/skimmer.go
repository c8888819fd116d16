package bench

import (
	"encoding/binary"
	"fmt"
)

// Opcodes of RFC 6455 §5.2 that a server sends here.
const (
	opText  = 0x1
	opClose = 0x8
	opPing  = 0x9
	opPong  = 0xA
)

// A skimmer reads a server's frames from pieces of any size and keeps nothing of
// them but their number. The engine's server sends no fragments, and no masks.
type skimmer struct {
	header  [10]byte
	have    int    // bytes of header
	rest    uint64 // bytes of the payload still to come
	control []byte // payload of a control frame
}

// skim counts the text frames that end in p. onPing is called with the payload
// of each ping, valid during the call. A close frame is an error.
func (s *skimmer) skim(p []byte, onPing func([]byte)) (texts int, err error) {
	for len(p) > 0 {
		if !s.whole() {
			s.header[s.have] = p[0]
			s.have++
			p = p[1:]
			if !s.whole() {
				continue
			}
			if err := s.begin(); err != nil {
				return texts, err
			}
		}
		n := int(min(s.rest, uint64(len(p))))
		if s.header[0]&0xf >= opClose {
			s.control = append(s.control, p[:n]...)
		}
		p, s.rest = p[n:], s.rest-uint64(n)
		if s.rest > 0 {
			return texts, nil
		}
		text, err := s.finish(onPing)
		texts += text
		if err != nil {
			return texts, err
		}
	}
	return texts, nil
}

// whole says that the header is complete.
func (s *skimmer) whole() bool { return s.have >= 2 && s.have == s.size() }

// size is that of the header, by its second byte.
func (s *skimmer) size() int {
	switch s.header[1] & 0x7f {
	case 126:
		return 4
	case 127:
		return 10
	}
	return 2
}

// begin looks at a whole header.
func (s *skimmer) begin() error {
	s.control = s.control[:0]
	switch s.rest = uint64(s.header[1]); s.rest {
	case 126:
		s.rest = uint64(binary.BigEndian.Uint16(s.header[2:]))
	case 127:
		s.rest = binary.BigEndian.Uint64(s.header[2:])
	}
	op := s.header[0] & 0xf
	known := op == opText || op >= opClose && op <= opPong && s.rest <= controlMax
	if s.header[0]&0xf0 != 0x80 || !known || s.header[1] >= 0x80 || s.rest > frameBytesMax {
		return fmt.Errorf("%w: header %x", errFrame, s.header[:s.have])
	}
	return nil
}

// finish acts on a whole frame and returns how many texts it is.
func (s *skimmer) finish(onPing func([]byte)) (texts int, err error) {
	s.have = 0
	switch s.header[0] & 0xf {
	case opText:
		return 1, nil
	case opPing:
		onPing(s.control)
	case opClose:
		code := 1005 // RFC 6455 §7.1.5: none was given
		if len(s.control) >= 2 {
			code = int(binary.BigEndian.Uint16(s.control))
			return 0, fmt.Errorf("%w: %d %s", errClosed, code, s.control[2:])
		}
		return 0, fmt.Errorf("%w: %d", errClosed, code)
	}
	return 0, nil
}
