package inbox

import (
	"encoding/binary"
	"fmt"
	"time"
)

// A Message is one of an inbox.
type Message struct {
	ID      uint64 // Unix µs when it was accepted
	From    string
	Kind    string
	Content []byte // any bytes
	ReplyTo uint64 // id of the message that it answers; 0 = none
	Expires int64  // Unix µs when it is delivered no more; 0 = never
	Group   string // whose members it was sent to; empty = to this one
	Unread  bool   // not acknowledged
}

// A Draft is a message to be sent.
type Draft struct {
	From    string
	Kind    string // "text" if empty
	Content []byte
	ReplyTo uint64
	TTL     time.Duration // 0 = none
	Key     string        // idempotency key of the sender; empty = none
}

// check refuses what is larger than messages may be.
func (d *Draft) check(most int) error {
	switch {
	case len(d.Content) > most:
		return fmt.Errorf("%w: content over %d bytes", ErrDraft, most)
	case len(d.Kind) > KindBytesMax:
		return fmt.Errorf("%w: kind over %d bytes", ErrDraft, KindBytesMax)
	case len(d.Key) > KeyBytesMax:
		return fmt.Errorf("%w: idempotency key over %d bytes", ErrDraft, KeyBytesMax)
	case d.TTL < 0:
		return fmt.Errorf("%w: negative time to live", ErrDraft)
	}
	return nil
}

// A Receipt says that a message was accepted: it is on the disk.
type Receipt struct {
	ID uint64 // also Unix µs
}

// A message in a log:
//
//	ver 1 │ flags 1 │ n uvarint │ body, or its length uvarint
//	body: reply_to uvarint │ expires uvarint │ from │ kind │ content to the end
//
// from and kind have their lengths before them. With recordShared the body lies under the
// message's id, once for all logs that have it.
const (
	recordVersion = 1
	recordShared  = 1
)

// An entry is a message and its number in its log, which has no holes.
type entry struct {
	Message
	n      uint64
	source int // of the list it was read from
	size   int // of its record, and of a body that lies elsewhere
	shared bool
}

func appendBody(dst []byte, m *Message) []byte {
	dst = binary.AppendUvarint(dst, m.ReplyTo)
	dst = binary.AppendUvarint(dst, uint64(m.Expires))
	dst = append(binary.AppendUvarint(dst, uint64(len(m.From))), m.From...)
	dst = append(binary.AppendUvarint(dst, uint64(len(m.Kind))), m.Kind...)
	return append(dst, m.Content...)
}

func appendRecord(dst []byte, n uint64, body []byte, shared bool) []byte {
	if shared {
		dst = binary.AppendUvarint(append(dst, recordVersion, recordShared), n)
		return binary.AppendUvarint(dst, uint64(len(body)))
	}
	return append(binary.AppendUvarint(append(dst, recordVersion, 0), n), body...)
}

func parseBody(p []byte, m *Message) error {
	r := reader{p: p}
	m.ReplyTo = r.uint()
	m.Expires = int64(r.uint())
	m.From = string(r.bytes())
	m.Kind = string(r.bytes())
	m.Content = append([]byte(nil), r.p...)
	return r.err
}

// parseRecord reads a record but for a body that lies elsewhere.
func parseRecord(p []byte) (e entry, err error) {
	if len(p) < 2 || p[0] != recordVersion || p[1] > recordShared {
		return e, fmt.Errorf("%w: message", ErrRecord)
	}
	e.shared, e.size = p[1] == recordShared, len(p)
	r := reader{p: p[2:]}
	e.n = r.uint()
	if e.shared {
		if body := r.uint(); body <= bodyBytesMax {
			e.size += int(body)
		} else {
			r.err = ErrRecord
		}
	} else if r.err == nil {
		r.err = parseBody(r.p, &e.Message)
	}
	return e, r.err
}

// A reader takes fields off a record; after an error it gives zeros.
type reader struct {
	p   []byte
	err error
}

func (r *reader) uint() uint64 {
	v, n := binary.Uvarint(r.p)
	if n <= 0 {
		r.p, r.err = nil, ErrRecord
		return 0
	}
	r.p = r.p[n:]
	return v
}

func (r *reader) bytes() []byte {
	n := r.uint()
	if n > uint64(len(r.p)) {
		r.p, r.err = nil, ErrRecord
		return nil
	}
	b := r.p[:n]
	r.p = r.p[n:]
	return b
}
