package auth

import (
	"errors"

	"azira/store"
)

// A vendor ends in two steps. The first commit takes away its record and its keys, and
// leaves a note; from then on it is no vendor and nobody is in its group. Then the group
// is cleared, a part at a time, and with the last part the note. After a crash, or when
// the disk fails meanwhile, the note says that something may be left.

// putGone adds the first step to b. The name's lock is held.
func (s *Service) putGone(b *store.Batch, v *vendor) {
	b.Delete(store.TableVendors, nameKey(recVendor, v.name))
	for _, k := range s.vendors.keysOf(v) {
		b.Delete(store.TableVendors, keyKey(k.id))
	}
	b.Set(store.TableVendors, nameKey(recGone, v.name), []byte{recordVersion})
}

// gone follows it. The name's lock is held.
func (s *Service) gone(v *vendor) error {
	s.vendors.drop(v)
	return s.clear(v.name, func(client string) { s.regrouped(v.name, client, false) })
}

// clear removes what is left of a group, ends what the vendor's tickets opened, and tells
// whom it removed.
func (s *Service) clear(vendor string, tell func(client string)) error {
	for {
		var b store.Batch
		var parts []former
		err := s.eachMember(vendor, func(client string, m *memberRecord) error {
			if len(parts) == clearRows {
				return store.ErrStop
			}
			deleteMember(&b, vendor, client, m)
			parts = append(parts, former{client, m.number})
			return nil
		})
		if err != nil {
			return err
		}
		if len(parts) == 0 {
			break
		}
		err = s.st.Commit(&b)
		for _, p := range parts {
			s.endNumbers(p.client, []uint64{p.number})
		}
		if err != nil {
			return err
		}
		for _, p := range parts {
			tell(p.client)
		}
	}
	return s.clearEnded(vendor)
}

// A former is a client of a group that is gone.
type former struct {
	client string
	number uint64
}

// clearEnded removes what is remembered of memberships that ended before, and the note.
func (s *Service) clearEnded(vendor string) error {
	var b store.Batch
	for from := []byte{recClient}; from != nil; {
		b.Reset()
		next, err := s.scanEnded(from, func(e clientEntry, _ endedRecord) {
			if e.vendor == vendor {
				b.Delete(store.TableVendors, e.key())
			}
		})
		if err != nil {
			return err
		}
		if from = next; from == nil {
			b.Delete(store.TableVendors, nameKey(recGone, vendor))
		}
		if err := s.st.Commit(&b); err != nil {
			return err
		}
	}
	return nil
}

// endRemovals does what is left to do of removed vendors.
func (s *Service) endRemovals() error {
	var names []string
	err := s.st.Scan(store.TableVendors, []byte{recGone}, func(k, _ []byte) error {
		names = append(names, string(k[1:]))
		return nil
	})
	for _, name := range names {
		if err == nil {
			err = s.endRemovalOf(name)
		}
	}
	return err
}

func (s *Service) endRemovalOf(name string) error {
	defer s.lockName(name).Unlock()
	return s.endRemoval(name)
}

// endRemoval is endRemovals for one name, whose lock is held.
func (s *Service) endRemoval(name string) error {
	_, err := s.st.Get(store.TableVendors, nameKey(recGone, name))
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.clear(name, func(string) {})
}

// scanEnded calls f for memberships that ended, among the next records from a key on, and
// returns where to go on; nil = they are all seen.
func (s *Service) scanEnded(
	from []byte, f func(clientEntry, endedRecord),
) (next []byte, err error) {
	n := 0
	err = s.st.ScanFrom(store.TableVendors, []byte{recClient}, from, func(k, p []byte) error {
		if n++; n > sweepRows {
			next = append(next, k...)
			return store.ErrStop
		}
		e, err := parseClientKey(k)
		if err != nil || !e.ended {
			return err
		}
		r, err := parseEnded(p)
		if err == nil {
			f(e, r)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return next, nil
}

// sweepEnded forgets memberships that ended long ago, a part at a time, and returns where
// to go on; nil = at the beginning.
func (s *Service) sweepEnded(from []byte) (next []byte, err error) {
	if from == nil {
		from = []byte{recClient}
	}
	var old []clientEntry
	before := s.o.Sure().Add(-endedFor).Unix()
	next, err = s.scanEnded(from, func(e clientEntry, r endedRecord) {
		if r.at < before {
			old = append(old, e)
		}
	})
	if err != nil {
		return nil, err
	}
	for i := range old {
		if err := s.dropEnded(&old[i], before); err != nil {
			return nil, err
		}
	}
	return next, nil
}

// dropEnded forgets one, unless it has ended once more meanwhile.
func (s *Service) dropEnded(e *clientEntry, before int64) error {
	defer s.lockName(e.client).Unlock()
	p, err := s.st.Get(store.TableVendors, e.key())
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if r, err := parseEnded(p); err != nil || r.at >= before {
		return err
	}
	var b store.Batch
	b.Delete(store.TableVendors, e.key())
	return s.st.CommitNoSync(&b)
}
