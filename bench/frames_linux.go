package bench

import (
	"bytes"
	"fmt"
	"strconv"

	"azira/proto"

	"golang.org/x/sys/unix"
)

var (
	headEnd    = []byte("\r\n\r\n")
	switching  = []byte("HTTP/1.1 101 ")
	retryLater = []byte("HTTP/1.1 503 ")
	retryField = []byte("\r\nRetry-After: ")
)

// switched reads the answer to the handshake and sends the subscribe. The bytes
// behind it are returned.
func (h *herd) switched(at int, m *member, p []byte) ([]byte, error) {
	head, rest, ok := bytes.Cut(p, headEnd)
	if !ok {
		if len(p) > answerBytesMax {
			return nil, fmt.Errorf("%w: an answer of over %d bytes", errUpgrade, answerBytesMax)
		}
		return p, nil
	}
	if !bytes.HasPrefix(head, switching) {
		line, _, _ := bytes.Cut(head, crlf)
		if bytes.HasPrefix(head, retryLater) {
			return nil, refusal{fmt.Errorf("%w: %s", errUpgrade, line), retryAfter(head)}
		}
		return nil, fmt.Errorf("%w: %s", errUpgrade, line)
	}
	if p := subprotocol(h.setup.Dialect); !bytes.Contains(head, []byte(p)) {
		return nil, fmt.Errorf("%w: %s is not spoken there", errUpgrade, p)
	}
	m.state = memberOpen
	h.dialing--
	if h.setup.Dialect == dialectURL {
		return rest, nil // it has subscribed by its handshake
	}
	return rest, h.subscribe(at, m)
}

// retryAfter is how many seconds a refusal asks to wait.
func retryAfter(head []byte) int64 {
	_, value, _ := bytes.Cut(head, retryField)
	value, _, _ = bytes.Cut(value, crlf)
	n, err := strconv.ParseInt(string(value), 10, 32)
	if err != nil || n < 1 {
		return 1
	}
	return n
}

// frame acts on a whole frame.
func (h *herd) frame(at int, m *member, f wireFrame, now int64) error {
	switch f.op {
	case proto.OpText:
		if h.typed {
			return h.typedText(m, f.payload, now)
		}
		h.text(m, f.payload, now)
	case proto.OpBinary:
		return h.binary(at, m, f.payload, now)
	case proto.OpPing:
		return h.write(m, appendClientFrame(nil, proto.OpPong, f.payload))
	case proto.OpClose:
		return closeReason(f.payload)
	}
	return nil
}

// text takes a tick, which is an object, or an answer, which is none.
func (h *herd) text(m *member, payload []byte, now int64) {
	if m.state == memberOpen {
		h.heard(m, now)
	}
	switch {
	case len(payload) > 0 && payload[0] == '{' || h.count:
		h.take(m, payload, now)
	case !bytes.HasPrefix(payload, []byte("Subscribed ")):
		h.odd("the server says %.80q", payload)
	}
}

func (h *herd) nats(at int, m *member, p []byte, now int64) error {
	if part := h.parts[at]; part != nil {
		p = append(part, p...)
		delete(h.parts, at)
	}
	for len(p) > 0 {
		line, payload, rest, ok, err := nextNATS(p)
		switch {
		case err != nil:
			return err
		case !ok:
			h.parts[at] = bytes.Clone(p)
			return nil
		case payload != nil:
			h.take(m, payload, now)
		case bytes.HasPrefix(line, natsErr):
			h.odd("the server says %.80q", line)
		case bytes.Equal(line, natsPing[:4]):
			pong := appendClientFrame(nil, proto.OpBinary, natsPong)
			if err := h.write(m, pong); err != nil {
				return err
			}
		case bytes.Equal(line, natsPong[:4]) && m.state == memberOpen:
			h.heard(m, now)
		}
		p = rest
	}
	return nil
}

// heard notes a member's first word from the server after its subscribe.
func (h *herd) heard(m *member, now int64) {
	m.state = memberHeard
	h.returnedBy(m, now)
}

// write sends all of p at once: there is always room for what a client says.
func (h *herd) write(m *member, p []byte) error {
	if s := h.seals[m.fd]; s != nil {
		var err error
		if p, err = s.seal(p); err != nil {
			return fmt.Errorf("seal: %w", err)
		}
	}
	n, err := unix.Write(int(m.fd), p)
	switch {
	case err != nil:
		return fmt.Errorf("write: %w", err)
	case n < len(p):
		return fmt.Errorf("write: %d of %d bytes: %w", n, len(p), unix.EAGAIN)
	}
	return nil
}
