package auth

import (
	"errors"
	"fmt"
)

// verifiers are whose signatures are believed. They are replaced as a whole.
type verifiers struct {
	own    *signer
	issuer *issuer // nil = none
}

// parse checks a bearer of ours, or of the issuer, but for what the store knows.
func (v *verifiers) parse(bearer string, fleet bool) (Identity, error) {
	id, foreign, err := v.own.parse(bearer)
	switch {
	case err == nil && foreign && !fleet:
		return Identity{}, ErrBearer
	case err == nil:
		id.foreign = foreign
		return id, nil
	case errors.Is(err, ErrExpired) || v.issuer == nil:
		return Identity{}, err
	}
	return v.issuer.parse(bearer)
}

// SetKeys replaces the keys of own bearers while the Service runs: the first signs,
// all verify. A bearer of a key that is no longer among them is refused at once;
// its session goes on, and its refresh token makes a new one. The error is ErrKey.
func (s *Service) SetKeys(keys [][]byte) error {
	if err := checkKeys(keys); err != nil {
		return err
	}
	s.replace(func(v *verifiers) { v.own = newSigner(keys, v.own.issuer, s.now) })
	return nil
}

// Keys is how many keys verify own bearers, and the name of the one that signs.
func (s *Service) Keys() (n int, kid string) {
	own := s.verifiers.Load().own
	return len(own.keys), own.keys[0].kid
}

// replace changes the verifiers and then lets nothing verified by the old ones pass.
func (s *Service) replace(change func(*verifiers)) {
	s.changing.Lock()
	defer s.changing.Unlock()
	v := *s.verifiers.Load()
	change(&v)
	s.verifiers.Store(&v) // Hand over before the epochs: see verifyNew.
	for i := range uint64(epochs) {
		s.forget(i)
	}
}

func checkKeys(keys [][]byte) error {
	if len(keys) == 0 {
		return fmt.Errorf("%w: none given", ErrKey)
	}
	for _, k := range keys {
		if len(k) < keyBytesMin {
			return fmt.Errorf("%w: %d bytes given, at least %d are needed",
				ErrKey, len(k), keyBytesMin)
		}
	}
	return nil
}
