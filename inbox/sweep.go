package inbox

import (
	"time"

	"azira/store"
)

// sweep lets go what is too old, now and then: nobody sees it any more.
func (s *Service) sweep() {
	t := time.NewTicker(sweepEvery)
	defer t.Stop()
	for {
		if err := s.sweepAll(); err != nil {
			s.o.Logger.Warn("old messages were not swept", "err", err)
		}
		select {
		case <-s.closing:
			return
		case <-t.C:
		}
	}
}

func (s *Service) sweepAll() error {
	if err := s.sweepLogs(); err != nil {
		return err
	}
	gone := s.gone()
	bodies := func(key, _ []byte) bool { return idOf(key) <= gone }
	for _, prefix := range []byte{keyBody, keyShares} {
		if err := s.sweepKeys([]byte{prefix}, bodies); err != nil {
			return err
		}
	}
	forgotten := before(s.o.Sure(), keyKeptFor)
	return s.sweepKeys([]byte{keyReceipt}, func(_, value []byte) bool {
		return len(value) < 8 || idOf(value[:8]) < forgotten
	})
}

// sweepLogs trims all logs, some at a time.
func (s *Service) sweepLogs() error {
	from, gone := []byte{keyHeader}, s.gone()
	for from != nil {
		var old []string
		seen := 0
		at := from
		from = nil
		err := s.store.ScanFrom(store.TableInbox, []byte{keyHeader}, at,
			func(key, value []byte) error {
				if seen++; seen > sweepPage {
					from = append([]byte(nil), key...)
					return store.ErrStop
				}
				h, err := parseHeader(value)
				if err == nil && h.count() > 0 && h.id <= gone {
					old = append(old, string(key[1:]))
				}
				return err
			})
		if err != nil {
			return err
		}
		s.trimLater(old)
	}
	return nil
}

func (s *Service) trimLater(logs []string) {
	for _, log := range logs {
		s.later(&job{do: func(r *round) error {
			h, err := r.header(log)
			if err == nil {
				r.broken = r.trim(log, h)
				err = r.broken
			}
			return err
		}})
	}
}

// sweepKeys deletes what is old of the keys with a prefix.
func (s *Service) sweepKeys(prefix []byte, old func(key, value []byte) bool) error {
	from := prefix
	for from != nil {
		var keys [][]byte
		seen := 0
		at := from
		from = nil
		err := s.store.ScanFrom(store.TableInbox, prefix, at, func(key, value []byte) error {
			if seen++; seen > sweepPage {
				from = append([]byte(nil), key...)
				return store.ErrStop
			}
			if old(key, value) {
				keys = append(keys, append([]byte(nil), key...))
			}
			return nil
		})
		if err != nil {
			return err
		}
		if len(keys) > 0 {
			s.later(&job{do: func(r *round) error {
				for _, key := range keys {
					r.drop(key)
				}
				return nil
			}})
		}
	}
	return nil
}
