package auth

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"azira/store"
)

// This file holds the signing keys that are kept in the store. One signs; those that
// signed before verify for as long as a bearer of theirs may live:
//
//	key       32 bytes
//	key-old   retires 8 │ key 32   for each, the oldest first

// An oldKey signs no more.
type oldKey struct {
	retires int64 // Unix seconds
	secret  []byte
}

const oldKeyBytes = 8 + keyBytes

var keepOldKeys = []byte("key-old")

// keptKeys are what the store holds; unused where keys are given.
type keptKeys struct {
	mu    sync.Mutex // held while they change
	signs []byte
	old   []oldKey
}

// KeyState says which key signs own bearers, and how many verify them.
type KeyState struct {
	Signs  string // kid
	Verify int
	Given  bool // not kept in the store
}

// KeyState may be called from any goroutine.
func (s *Service) KeyState() KeyState {
	n, kid := s.Keys()
	return KeyState{Signs: kid, Verify: n, Given: s.o.Keys != nil}
}

// signingKeys returns the keys of the store, the one that signs first, without those whose
// time is over.
func (s *Service) signingKeys() ([][]byte, error) {
	k := &s.kept
	var err error
	if k.signs, err = s.keep(keepKey, keyBytes); err != nil {
		return nil, err
	}
	v, err := s.st.Get(store.TableAuth, keepOldKeys)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	if k.old, err = parseOldKeys(v); err != nil {
		return nil, err
	}
	k.old = stillGood(k.old, s.now())
	return k.all(), nil
}

// RotateKey makes a new key in the store, which signs from now on. The one before goes on
// verifying until the last of its bearers has expired, so that nobody is logged out; at
// once, for a key that leaked, no other key verifies from now on: clients refresh.
// ErrKeysGiven if the keys are not the store's, ErrKeysMany if too many verify still.
func (s *Service) RotateKey(atOnce bool) (KeyState, error) {
	if s.o.Keys != nil {
		return KeyState{}, ErrKeysGiven
	}
	k := &s.kept
	k.mu.Lock()
	defer k.mu.Unlock()
	next := keptKeys{signs: make([]byte, keyBytes)}
	rand.Read(next.signs) // never fails
	if !atOnce {
		now := s.now()
		next.old = append(stillGood(k.old, now),
			oldKey{now.Add(s.o.AccessTTL + keySlack).Unix(), k.signs})
	}
	if len(next.old) >= keysKeptMax {
		return KeyState{}, ErrKeysMany
	}
	if err := s.keepKeys(next.signs, next.old); err != nil {
		return KeyState{}, err
	}
	return s.KeyState(), nil
}

// retireKeys drops keys whose time is over.
func (s *Service) retireKeys() {
	k := &s.kept
	k.mu.Lock()
	defer k.mu.Unlock()
	left := stillGood(k.old, s.o.Sure())
	if len(left) == len(k.old) {
		return
	}
	if err := s.keepKeys(k.signs, left); err != nil && !errors.Is(err, store.ErrClosed) &&
		!errors.Is(err, store.ErrUnwritable) {
		s.log.Error("auth: retire a signing key", "err", err)
	}
}

// keepKeys commits keys and takes them over. kept.mu is held.
func (s *Service) keepKeys(signs []byte, old []oldKey) error {
	var text []byte
	for _, o := range old {
		text = appendOldKey(text, o)
	}
	var b store.Batch
	b.Set(store.TableAuth, keepKey, signs)
	if len(old) > 0 {
		b.Set(store.TableAuth, keepOldKeys, text)
	} else {
		b.Delete(store.TableAuth, keepOldKeys)
	}
	if err := s.st.Commit(&b); err != nil {
		return err
	}
	s.kept.signs, s.kept.old = signs, old
	return s.SetKeys(s.kept.all())
}

// all are the keys, the one that signs first.
func (k *keptKeys) all() [][]byte {
	keys := [][]byte{k.signs}
	for _, o := range k.old {
		keys = append(keys, o.secret)
	}
	return keys
}

// stillGood is a copy of those whose time is not over.
func stillGood(old []oldKey, now time.Time) (left []oldKey) {
	for _, o := range old {
		if o.retires > now.Unix() {
			left = append(left, o)
		}
	}
	return left
}

func appendOldKey(dst []byte, o oldKey) []byte {
	return append(binary.BigEndian.AppendUint64(dst, uint64(o.retires)), o.secret...)
}

func parseOldKeys(p []byte) (old []oldKey, err error) {
	if len(p)%oldKeyBytes != 0 {
		return nil, fmt.Errorf("%w: %s", ErrRecord, keepOldKeys)
	}
	for ; len(p) > 0; p = p[oldKeyBytes:] {
		old = append(old, oldKey{int64(binary.BigEndian.Uint64(p)), p[8:oldKeyBytes:oldKeyBytes]})
	}
	return old, nil
}
