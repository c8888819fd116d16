package inbox

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"azira/store"
)

// A receipt is kept under the idempotency key of what was sent.
type receipt struct {
	id    uint64
	print []byte // of the message
}

func (x receipt) append(dst []byte) []byte {
	return append(binary.BigEndian.AppendUint64(dst, x.id), x.print...)
}

// receipt is what is known under a key, zero if nothing is.
func (r *round) receipt(key []byte) (x receipt, err error) {
	if x, ok := r.keys[string(key)]; ok {
		return x, nil
	}
	p, err := r.s.store.Get(store.TableInbox, key)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return x, nil
	case err != nil:
		return x, err
	case len(p) < 8:
		return x, ErrRecord
	}
	x = receipt{binary.BigEndian.Uint64(p), p[8:]}
	if x.id+uint64(keyKeptFor/time.Microsecond) < r.s.nowID() {
		return receipt{}, nil
	}
	return x, nil
}

// print is the same for the same message to the same logs.
func (d *Draft) print(logs []string) []byte {
	h := sha256.New()
	field := func(s string) {
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(s))))
		h.Write([]byte(s))
	}
	for _, log := range slices.Sorted(slices.Values(logs)) {
		field(log)
	}
	field(d.Kind)
	field(string(d.Content))
	field(d.TTL.String())
	h.Write(binary.BigEndian.AppendUint64(nil, d.ReplyTo))
	return h.Sum(nil)[:16]
}
