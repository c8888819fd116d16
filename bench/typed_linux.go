package bench

import (
	"fmt"
	"time"

	"azira/proto"

	"golang.org/x/sys/unix"
)

// subscribe sends what a member wants: all that it missed if it was cut off in a typed
// dialect, and its tokens as they are now if not.
func (h *herd) subscribe(at int, m *member) error {
	if seen := h.table(m); typed(h.setup.Dialect) && m.since != 0 && seen.sum() > 0 {
		m.resuming = true
		h.out = appendResume(h.out[:0], h.setup.Dialect, h.epoch, seen)
	} else {
		h.list = h.picker.list(h.list[:0], h.setup.First+at)
		h.out = appendSubscribe(h.out[:0], h.setup.Dialect, h.list)
	}
	if err := h.write(m, h.out); err != nil {
		return fmt.Errorf("send subscribe: %w", err)
	}
	return nil
}

// typedText acts on an event in JSON.
func (h *herd) typedText(m *member, p []byte, now int64) error {
	r := fields{p: p}
	switch {
	case r.has(`{"type":"tick",`): // most are
		h.event(m, p, now)
	case r.has(`{"type":"ack",`):
		if h.ack(m, p) {
			m.state = memberHeard
			h.returnedBy(m, now)
		}
	case r.has(`{"type":"pong"`):
		m.resuming = false
		h.returnedBy(m, now)
	case r.has(`{"type":"welcome",`):
		return h.welcome(p)
	default:
		h.event(m, p, now)
	}
	return nil
}

// binary acts on a frame of octets.
func (h *herd) binary(at int, m *member, p []byte, now int64) error {
	switch {
	case h.setup.Dialect == dialectNATS:
		return h.nats(at, m, p, now)
	case subprotocol(h.setup.Dialect) == proto.ProtocolBinary:
		h.takeBinary(m, p, now)
		return nil
	}
	return fmt.Errorf("%w: binary", errFrame)
}

// returnedBy notes when a member that came back has all that it asked for.
func (h *herd) returnedBy(m *member, now int64) {
	if m.since != 0 && !m.resuming {
		h.returned.record(now - int64(m.since)*1000)
		m.since = 0
		h.waiting--
	}
}

// tellTime notes how far the wall clock is ahead of the run's: the server's times are
// of the one, and it may be set.
func (h *herd) tellTime() { h.ahead = time.Now().UnixMicro() - h.clock.now() }

// cut ends a member's connection without a goodbye: the server is sent a reset.
func (h *herd) cut(m *member) error {
	abort := unix.Linger{Onoff: 1}
	err := unix.SetsockoptLinger(int(m.fd), unix.SOL_SOCKET, unix.SO_LINGER, &abort)
	if err != nil {
		return fmt.Errorf("set option: %w", err)
	}
	return nil
}
