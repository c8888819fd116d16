package proto

import (
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// fragmentsMax bounds the frames of one message: tiny fragments cost more than
// they carry.
const fragmentsMax = 64 << 10

// A Message is a whole data message, or a control frame.
type Message struct {
	Op      Op
	Payload []byte // valid until the next call of Next
}

// A Decoder turns the bytes of a client into messages and checks every rule of
// RFC 6455 for them. What lies whole in the given bytes is unmasked in place
// and not copied. The zero value is ready and holds no memory; it holds some
// only while a frame or message is incomplete.
type Decoder struct {
	head    []byte // incomplete header
	frame   header // frame in progress
	left    uint64 // its bytes still to come
	inFrame bool

	op        Op     // of the message in progress
	inMessage bool   //
	fragments int    // frames of it so far
	data      []byte // payload of it so far
	checked   int    // bytes of data known to be UTF-8

	control []byte // payload so far of a control frame that came in parts
}

// Idle says that nothing is incomplete: the decoder may be forgotten.
func (d *Decoder) Idle() bool {
	return len(d.head) == 0 && !d.inFrame && !d.inMessage
}

// Partial returns the payload so far of the message in progress.
func (d *Decoder) Partial() []byte { return d.data }

// Left returns the bytes still to come of the frame in progress.
func (d *Decoder) Left() uint64 { return d.left }

// Next takes bytes of p, which it may write to, up to the end of the next
// message. n is how many it took; ok says that m is that message, else all of p
// was taken and more is needed. A data message of more than limit bytes, in all
// its fragments, is refused by its header. After an error the stream has no
// meaning; CloseCodeOf tells how to answer.
func (d *Decoder) Next(p []byte, limit int) (m Message, n int, ok bool, err error) {
	for n < len(p) || d.inFrame && d.left == 0 {
		if !d.inFrame {
			taken, err := d.header(p[n:], limit)
			n += taken
			if err != nil {
				return m, n, false, err
			}
			continue
		}
		take := min(uint64(len(p)-n), d.left)
		chunk := p[n : n+int(take)]
		n += int(take)
		if m, ok, err = d.payload(chunk); ok || err != nil {
			return m, n, ok, err
		}
	}
	return m, n, false, nil
}

// header takes bytes of a frame's header and, once it is whole, begins the frame.
func (d *Decoder) header(p []byte, limit int) (taken int, err error) {
	src, had := p, len(d.head)
	if had > 0 {
		d.head = append(d.head, p[:min(len(p), headerBytesMax-had)]...)
		src = d.head
	}
	h, size, err := parseHeader(src)
	if err != nil {
		return 0, err
	}
	if size == 0 {
		if had == 0 {
			d.head = append(d.head, p...)
		}
		return len(p), nil
	}
	d.head = nil
	return size - had, d.begin(h, limit)
}

// begin checks a frame against the message in progress.
func (d *Decoder) begin(h header, limit int) error {
	switch {
	case h.op.Control():
	case (h.op == OpContinuation) != d.inMessage:
		return errFragment
	case h.length > uint64(limit-len(d.data)):
		return errTooBig
	case d.fragments == fragmentsMax:
		return errFragments
	default:
		if !d.inMessage {
			d.op = h.op
		}
		d.fragments++
		d.inMessage = true
	}
	d.frame, d.left, d.inFrame = h, h.length, true
	return nil
}

// payload takes bytes of the frame in progress; ok says that a message is whole.
func (d *Decoder) payload(chunk []byte) (m Message, ok bool, err error) {
	at := int(d.frame.length - d.left)
	ws.Cipher(chunk, d.frame.mask, at)
	d.left -= uint64(len(chunk))
	if d.frame.op.Control() {
		return d.controlPayload(chunk)
	}
	whole := d.left == 0 && d.frame.fin
	if whole && d.data == nil {
		return d.inPlace(chunk)
	}
	d.data = append(d.data, chunk...)
	if d.op == OpText {
		if err := d.checkText(whole); err != nil {
			return m, false, err
		}
	}
	if d.left > 0 {
		return m, false, nil
	}
	d.inFrame = false
	if !whole {
		return m, false, nil
	}
	m = Message{Op: d.op, Payload: d.data}
	*d = Decoder{}
	return m, true, nil
}

// inPlace ends a message that came as one chunk.
func (d *Decoder) inPlace(chunk []byte) (m Message, ok bool, err error) {
	m = Message{Op: d.op, Payload: chunk}
	*d = Decoder{}
	if m.Op == OpText && !utf8.Valid(chunk) {
		return Message{}, false, errUTF8
	}
	return m, true, nil
}

func (d *Decoder) controlPayload(chunk []byte) (m Message, ok bool, err error) {
	if d.control != nil || d.left > 0 {
		d.control = append(d.control, chunk...)
		chunk = d.control
	}
	if d.left > 0 {
		return m, false, nil
	}
	m = Message{Op: d.frame.op, Payload: chunk}
	d.inFrame, d.control = false, nil
	return m, true, nil
}

// checkText checks what came since the last call, and fails at the first byte
// that can't be UTF-8, not at the end of the message.
func (d *Decoder) checkText(whole bool) error {
	p := d.data[d.checked:]
	n := len(p)
	if !whole {
		n -= incompleteRune(p)
	}
	if !utf8.Valid(p[:n]) {
		return errUTF8
	}
	d.checked += n
	return nil
}

// incompleteRune returns how many bytes at the end of p begin a rune that is
// still valid so far but not whole.
func incompleteRune(p []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(p); n++ {
		if tail := p[len(p)-n:]; utf8.RuneStart(tail[0]) {
			if utf8.FullRune(tail) {
				return 0
			}
			return n
		}
	}
	return 0
}
