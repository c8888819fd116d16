package presence

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// A record is kept under the client's username; that of the empty name says until when
// at least the process lived, and is there only while it runs, or after a crash.
//
//	record  ver 1 │ online 1 │ at 8 (Unix µs, big endian)
//
// Of who is online, at is when it came: if that is what a crash leaves, the client was
// last seen when the process last was alive.
type record struct {
	online bool
	at     int64
}

const (
	recordVersion = 1
	recordBytes   = 1 + 1 + 8
)

// ErrRecord says that a stored record has a wrong form.
var ErrRecord = errors.New("presence: stored record has a wrong form")

func appendRecord(dst []byte, r record) []byte {
	dst = append(dst, recordVersion, 0)
	if r.online {
		dst[len(dst)-1] = 1
	}
	return binary.BigEndian.AppendUint64(dst, uint64(r.at))
}

func parseRecord(p []byte) (record, error) {
	if len(p) != recordBytes || p[0] != recordVersion || p[1] > 1 {
		return record{}, fmt.Errorf("%w: presence", ErrRecord)
	}
	return record{p[1] == 1, int64(binary.BigEndian.Uint64(p[2:]))}, nil
}
