package auth

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"

	"azira/store"
)

// Keys of store.TableAuth.
var (
	keepKey     = []byte("key")
	keepIssuer  = []byte("issuer")
	keepNumbers = []byte("accounts")
)

// openVerifiers reads the signing key and the store's own name, and makes what is
// not there yet.
func (s *Service) openVerifiers() error {
	issuer, err := s.keep(keepIssuer, 8)
	if err != nil {
		return err
	}
	keys := s.o.Keys
	if keys == nil {
		if keys, err = s.signingKeys(); err != nil {
			return err
		}
	}
	v := &verifiers{own: newSigner(keys, hex.EncodeToString(issuer), s.o.Now)}
	if s.o.Issuer != nil {
		if v.issuer, err = newIssuer(*s.o.Issuer, s.o.Now); err != nil {
			return err
		}
	}
	s.verifiers.Store(v)
	return nil
}

// keep returns the n random bytes kept under key, made at the first call ever.
func (s *Service) keep(key []byte, n int) ([]byte, error) {
	v, err := s.st.Get(store.TableAuth, key)
	if err == nil && len(v) != n {
		return nil, fmt.Errorf("%w: %s", ErrRecord, key)
	}
	if !errors.Is(err, store.ErrNotFound) {
		return v, err
	}
	v = make([]byte, n)
	rand.Read(v) // never fails
	var b store.Batch
	b.Set(store.TableAuth, key, v)
	return v, s.st.Commit(&b)
}

// numbers gives accounts their numbers, 1, 2, 3 …, with a hole after each
// restart: the store knows only up to where they may have been given.
type numbers struct {
	mu       sync.Mutex
	last     uint64
	reserved uint64
}

func (n *numbers) load(st *store.Store) error {
	v, err := st.Get(store.TableAuth, keepNumbers)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if len(v) != 8 {
		return fmt.Errorf("%w: %s", ErrRecord, keepNumbers)
	}
	n.reserved = binary.BigEndian.Uint64(v)
	n.last = n.reserved
	return nil
}

func (n *numbers) next(st *store.Store) (uint64, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.last == n.reserved {
		var b store.Batch
		up := n.reserved + numberBlock
		b.Set(store.TableAuth, keepNumbers, binary.BigEndian.AppendUint64(nil, up))
		if err := st.Commit(&b); err != nil {
			return 0, err
		}
		n.reserved = up
	}
	n.last++
	return n.last, nil
}
