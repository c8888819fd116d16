package inbox

import (
	"encoding/binary"
	"fmt"
	"math"
)

// The keys of the table, by their first byte:
//
//	h                  the greatest id given
//	l log              header of a log
//	m log 0 id         message
//	b id               body of a message that several logs have
//	n id               how many have it
//	c username         what an account has acknowledged
//	k username 0 key   receipt under an idempotency key
//
// A log is u and a username, or g and the name of a group. Neither has a NUL.
const (
	keyHigh    = 'h'
	keyHeader  = 'l'
	keyMessage = 'm'
	keyBody    = 'b'
	keyShares  = 'n'
	keyCursor  = 'c'
	keyReceipt = 'k'
)

func ownLog(username string) string { return "u" + username }
func groupLog(name string) string   { return "g" + name }

func headerKey(log string) []byte { return append([]byte{keyHeader}, log...) }

func cursorKey(username string) []byte { return append([]byte{keyCursor}, username...) }

func logPrefix(log string) []byte {
	return append(append([]byte{keyMessage}, log...), 0)
}

func messageKey(log string, id uint64) []byte {
	return binary.BigEndian.AppendUint64(logPrefix(log), id)
}

// beyond is the key of the first message after id.
func beyond(log string, id uint64) []byte {
	if id == math.MaxUint64 {
		return append(messageKey(log, id), 0)
	}
	return messageKey(log, id+1)
}

func idOf(key []byte) uint64 { return binary.BigEndian.Uint64(key[len(key)-8:]) }

func bodyKey(id uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{keyBody}, id)
}

func sharesKey(id uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{keyShares}, id)
}

func receiptPrefix(username string) []byte {
	return append(append([]byte{keyReceipt}, username...), 0)
}

func receiptKey(username, key string) []byte {
	return append(receiptPrefix(username), key...)
}

// A header is what is known of a log beside its messages.
type header struct {
	last  uint64 // number of the newest message ever; the first is 1
	first uint64 // number of the oldest there is; last+1 if there is none
	id    uint64 // and its id, or less
	bytes int64  // of all records there are

	young []youngMessage // of the round in hand
}

// A youngMessage is one that is not in the store yet.
type youngMessage struct {
	id     uint64
	size   int
	shared bool
}

func (h *header) count() uint64 { return h.last + 1 - h.first }

func (h *header) append(dst []byte) []byte {
	dst = append(dst, recordVersion)
	dst = binary.AppendUvarint(dst, h.last)
	dst = binary.AppendUvarint(dst, h.first)
	dst = binary.AppendUvarint(dst, h.id)
	return binary.AppendUvarint(dst, uint64(h.bytes))
}

func parseHeader(p []byte) (h header, err error) {
	if len(p) == 0 || p[0] != recordVersion {
		return h, fmt.Errorf("%w: header of a log", ErrRecord)
	}
	r := reader{p: p[1:]}
	h.last, h.first, h.id = r.uint(), r.uint(), r.uint()
	h.bytes = int64(r.uint())
	if r.err != nil || len(r.p) > 0 || h.first == 0 || h.first > h.last+1 {
		return h, fmt.Errorf("%w: header of a log", ErrRecord)
	}
	return h, nil
}

// A cursor is what an account has acknowledged.
type cursor struct {
	acked uint64  // all messages up to this id
	told  uint64  // all up to this id were on their way to one of its streams
	turns bool    // each message goes to one of its streams
	reach []reach // numbers that go with acked
}

// A reach is the number of the last acknowledged message of a source.
type reach struct {
	log  string
	from uint64
	n    uint64
}

// of is the number reached in a source; false if it is not known.
func (c *cursor) of(x *source) (uint64, bool) {
	for i := range c.reach {
		if r := &c.reach[i]; r.log == x.log && r.from == x.from {
			return r.n, true
		}
	}
	return 0, false
}

func (c *cursor) append(dst []byte) []byte {
	dst = append(dst, recordVersion, 0)
	if c.turns {
		dst[len(dst)-1] = 1
	}
	dst = binary.AppendUvarint(dst, c.acked)
	dst = binary.AppendUvarint(dst, c.told)
	for _, r := range c.reach {
		dst = append(binary.AppendUvarint(dst, uint64(len(r.log))), r.log...)
		dst = binary.AppendUvarint(dst, r.from)
		dst = binary.AppendUvarint(dst, r.n)
	}
	return dst
}

func parseCursor(p []byte) (c cursor, err error) {
	if len(p) < 2 || p[0] != recordVersion || p[1] > 1 {
		return c, fmt.Errorf("%w: cursor", ErrRecord)
	}
	c.turns = p[1] == 1
	r := reader{p: p[2:]}
	c.acked, c.told = r.uint(), r.uint()
	for len(r.p) > 0 && r.err == nil {
		c.reach = append(c.reach, reach{string(r.bytes()), r.uint(), r.uint()})
	}
	if r.err != nil {
		return c, fmt.Errorf("%w: cursor", ErrRecord)
	}
	return c, nil
}
