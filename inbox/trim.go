package inbox

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"

	"azira/store"
)

// trim lets the oldest messages of a log go while there are too many, or they are too
// old.
func (r *round) trim(log string, h *header) error {
	gone := r.s.gone()
	over := func(id uint64) bool {
		return h.count() > uint64(r.s.o.MessagesMax) || h.bytes > r.s.o.BytesMax || id <= gone
	}
	if h.count() == 0 || !over(h.id) {
		return nil
	}
	kept := false // the oldest that may stay was found
	visit := func(id uint64, size int, shared bool) error {
		if kept = h.count() == 0 || !over(id); kept {
			h.id = id
			return nil
		}
		r.drop(messageKey(log, id))
		h.first++
		h.bytes -= int64(size)
		h.id = id + 1
		r.s.counts.dropped.Add(1)
		if shared {
			return r.release(id)
		}
		return nil
	}
	err := r.s.store.ScanFrom(store.TableInbox, logPrefix(log), messageKey(log, h.id),
		func(key, value []byte) error {
			e, err := parseRecord(value)
			if err == nil {
				err = visit(idOf(key), e.size, e.shared)
			}
			if err == nil && kept {
				err = store.ErrStop
			}
			return err
		})
	for err == nil && !kept && len(h.young) > 0 {
		if y := h.young[0]; y.id >= h.id {
			err = visit(y.id, y.size, y.shared)
		}
		if !kept {
			h.young = h.young[1:]
		}
	}
	return err
}

// release takes a log from those that have a shared body, which goes with the last.
func (r *round) release(id uint64) error {
	n, known := r.shares[id]
	if !known {
		p, err := r.s.store.Get(store.TableInbox, sharesKey(id))
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if n, _ = binary.Uvarint(p); n == 0 {
			return ErrRecord
		}
	}
	r.shares[id] = n - 1
	return nil
}

// remove forgets all of an account.
func (r *round) remove(username string) error {
	own, group := ownLog(username), groupLog(username)
	prefixes := [][]byte{logPrefix(own), logPrefix(group), receiptPrefix(username)}
	for i, p := range prefixes {
		r.broken = r.s.store.Scan(store.TableInbox, p, func(key, value []byte) error {
			r.drop(key)
			if e, err := parseRecord(value); i < 2 && err == nil && e.shared {
				return r.release(idOf(key))
			}
			return nil
		})
		if r.broken != nil {
			return r.broken
		}
	}
	for key := range r.keys {
		if bytes.HasPrefix([]byte(key), prefixes[2]) {
			r.drop([]byte(key))
			delete(r.keys, key)
		}
	}
	for _, log := range []string{own, group} {
		if h := r.logs[log]; h != nil {
			for _, y := range h.young {
				r.drop(messageKey(log, y.id))
				if y.shared {
					r.broken = cmp.Or(r.broken, r.release(y.id))
				}
			}
		}
		r.logs[log] = &header{first: 1}
	}
	r.cursors[username] = &cursor{}
	return r.broken
}
