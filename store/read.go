package store

import (
	"errors"
	"fmt"
)

// Get returns a copy of the value of key in t, or ErrNotFound; ErrDamaged if
// the disk gives back something else than was written.
func (s *Store) Get(t Table, key []byte) ([]byte, error) {
	o, err := s.enter()
	if err != nil {
		return nil, err
	}
	defer o.calls.Done()
	var buf [64]byte
	v, err := o.db.get(append(append(buf[:0], byte(t)), key...))
	if isNotFound(err) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, o.readError(err)
	}
	return v, nil
}

// Scan calls f with each record of t whose key begins with prefix, in the
// order of their bytes, as they were when Scan began. Key (without its table)
// and value are valid only during the call. An error of f ends the scan and is
// returned, ErrStop as nil.
func (s *Store) Scan(t Table, prefix []byte, f func(key, value []byte) error) error {
	return s.ScanFrom(t, prefix, prefix, f)
}

// ScanFrom is Scan, beginning at the first key not less than from.
func (s *Store) ScanFrom(
	t Table, prefix, from []byte, f func(key, value []byte) error,
) error {
	lower := append([]byte{byte(t)}, from...)
	return s.scan(lower, after(append([]byte{byte(t)}, prefix...)), false, f)
}

// ScanBack is Scan from the last record whose key is less than before to the first.
func (s *Store) ScanBack(
	t Table, prefix, before []byte, f func(key, value []byte) error,
) error {
	lower := append([]byte{byte(t)}, prefix...)
	return s.scan(lower, append([]byte{byte(t)}, before...), true, f)
}

func (s *Store) scan(
	lower, upper []byte, back bool, f func(key, value []byte) error,
) error {
	o, err := s.enter()
	if err != nil {
		return err
	}
	defer o.calls.Done()
	err = o.db.scan(lower, upper, back, func(key, value []byte) error {
		return f(key[1:], value)
	})
	if err == nil || errors.Is(err, ErrStop) {
		return nil
	}
	return o.readError(err)
}

func (o *opened) readError(err error) error {
	if o.dead() {
		return ErrUnwritable
	}
	if isDamage(err) {
		return fmt.Errorf("%w: %s", ErrDamaged, oneLine(err.Error()))
	}
	return fmt.Errorf("store: read: %w", err)
}

// after is the first key beyond all that begin with p. It changes p. A prefix
// starts with a table, which is never 0xff, so there is always one.
func after(p []byte) []byte {
	for i := len(p) - 1; i >= 0; i-- {
		if p[i]++; p[i] != 0 {
			return p[:i+1]
		}
	}
	panic("store: table 0xff")
}
