package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"azira/store"
)

// An API key is its vendor's identity for some calls:
//
//	azk_0123456789abcdef_<43 characters of base64url>
//	    │                └ secret, 256 random bits: its SHA-256 alone is kept
//	    └ id, by which it is listed and deleted
const (
	keyPrefix   = "azk_"
	secretBytes = 32
)

// A Scope is a set of what an API key is for.
type Scope uint8

// What there is to be scoped.
const (
	ScopeSend     Scope = 1 << iota // messages to clients
	ScopeClients                    // the group: list, create, disable, remove
	ScopeTickets                    // tickets for clients
	ScopePresence                   // who is connected

	ScopeAll = ScopeSend | ScopeClients | ScopeTickets | ScopePresence
)

var scopeNames = [...]string{"send", "clients", "tickets", "presence"}

// ParseScopes takes the names of at least one scope. The error is ErrScope.
func ParseScopes(names []string) (sc Scope, err error) {
	for _, name := range names {
		i := slices.Index(scopeNames[:], name)
		if i < 0 {
			return 0, ErrScope
		}
		sc |= 1 << i
	}
	if sc == 0 {
		return 0, ErrScope
	}
	return sc, nil
}

// Names are those of the scopes in the set, never nil.
func (sc Scope) Names() []string {
	list := []string{}
	for i, name := range scopeNames {
		if sc&(1<<i) != 0 {
			list = append(list, name)
		}
	}
	return list
}

type keyID [8]byte

// An apiKey is one in memory.
type apiKey struct {
	// Fixed.
	id     keyID
	vendor *vendor
	keyRecord

	// Owned by the sweep.
	saved int64 // lastUsed as it is on the disk

	// Shared.
	lastUsed atomic.Int64 // Unix seconds, to keyUsedStep; 0 = never
	ended    atomic.Bool  // it is, or is about to be, deleted
}

// An APIKey is what is known of a key: all but its secret.
type APIKey struct {
	ID      string
	Label   string
	Scopes  Scope
	Created time.Time
	Expires time.Time // zero = never
	Used    time.Time // last, to the minute; zero = never
}

// IsKey says whether a credential is meant to be an API key. No bearer is one.
func IsKey(credential string) bool { return strings.HasPrefix(credential, keyPrefix) }

// VerifyKey says for whom an API key speaks: its vendor, within Scopes. ErrBearer,
// ErrExpired, or ErrRevoked while the vendor's account is disabled. A key that was deleted
// is refused at once. It costs no disk and no memory. Such an Identity opens no streams
// and makes no tickets of its own.
func (s *Service) VerifyKey(text string) (Identity, error) {
	id, secret, ok := cutKey(text)
	if !ok {
		return Identity{}, ErrBearer
	}
	sum := sha256.Sum256(secret[:])
	s.vendors.mu.RLock()
	k := s.vendors.keys[id]
	s.vendors.mu.RUnlock()
	if k == nil || subtle.ConstantTimeCompare(sum[:], k.hash[:]) != 1 {
		return Identity{}, ErrBearer
	}
	now := s.now().Unix()
	switch v := k.vendor; {
	case k.expires != 0 && now >= k.expires:
		return Identity{}, ErrExpired
	case k.ended.Load() || s.vendor(v.name) != v || v.disabled.Load():
		return Identity{}, ErrRevoked
	}
	if now-k.lastUsed.Load() >= keyUsedStep {
		k.lastUsed.Store(now)
	}
	i := Identity{Account: k.vendor.account, Username: k.vendor.name, Scopes: k.scopes}
	if k.expires != 0 {
		i.Expires = time.Unix(k.expires, 0)
	}
	return i, nil
}

func cutKey(text string) (id keyID, secret [secretBytes]byte, ok bool) {
	rest, ok := strings.CutPrefix(text, keyPrefix)
	public, private, cut := strings.Cut(rest, "_")
	if !ok || !cut || len(public) != hex.EncodedLen(len(id)) ||
		strings.ToLower(public) != public ||
		len(private) != base64.RawURLEncoding.EncodedLen(secretBytes) {
		return id, secret, false
	}
	if _, err := hex.Decode(id[:], []byte(public)); err != nil {
		return id, secret, false
	}
	n, err := base64.RawURLEncoding.Strict().Decode(secret[:], []byte(private))
	return id, secret, err == nil && n == secretBytes
}

func keyText(id keyID, secret *[secretBytes]byte) string {
	return keyPrefix + hex.EncodeToString(id[:]) + "_" +
		base64.RawURLEncoding.EncodeToString(secret[:])
}

// NewKey makes a key of a vendor and returns its text, which nobody can tell again. ttl 0
// = it does not expire. ErrNoVendor, ErrKeyLimit, ErrOptions for a label or a time that
// will not do.
func (s *Service) NewKey(
	_ context.Context, vendor, label string, scopes Scope, ttl time.Duration,
) (string, APIKey, error) {
	if !goodLabel(label) || scopes == 0 || scopes&^ScopeAll != 0 || ttl < 0 || ttl > keyTTLMax ||
		ttl > 0 && ttl < time.Second {
		return "", APIKey{}, ErrOptions
	}
	v, err := s.named(vendor)
	if err != nil {
		return "", APIKey{}, err
	}
	defer s.lockName(v.name).Unlock()
	if s.vendor(v.name) != v {
		return "", APIKey{}, ErrNoVendor
	}
	if len(s.vendors.keysOf(v)) >= keysPerVendorMax {
		return "", APIKey{}, ErrKeyLimit
	}
	now := s.now()
	k := &apiKey{vendor: v, keyRecord: keyRecord{
		scopes: scopes, created: now.Unix(), vendor: v.name, label: label}}
	if ttl > 0 {
		k.expires = now.Add(ttl).Unix()
	}
	var secret [secretBytes]byte
	rand.Read(k.id[:]) // never fails
	rand.Read(secret[:])
	k.hash = sha256.Sum256(secret[:])
	var b store.Batch
	b.Set(store.TableVendors, keyKey(k.id), appendKey(nil, &k.keyRecord))
	if err := s.st.Commit(&b); err != nil {
		return "", APIKey{}, err
	}
	s.vendors.mu.Lock()
	defer s.vendors.mu.Unlock()
	s.vendors.keys[k.id] = k
	return keyText(k.id, &secret), k.seen(), nil
}

// goodLabel: at most 64 characters, none of control.
func goodLabel(s string) bool {
	return utf8.ValidString(s) && utf8.RuneCountInString(s) <= nameRunesMax &&
		strings.IndexFunc(s, isControl) < 0
}

// VendorKeys lists the keys of a vendor, the oldest first.
func (s *Service) VendorKeys(vendor string) ([]APIKey, error) {
	v, err := s.named(vendor)
	if err != nil {
		return nil, err
	}
	list := []APIKey{}
	for _, k := range s.vendors.keysOf(v) {
		list = append(list, k.seen())
	}
	slices.SortFunc(list, func(a, b APIKey) int {
		if c := a.Created.Compare(b.Created); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return list, nil
}

// DeleteKey ends a key, from its next use on. ErrNoKey if the vendor has none of that id.
func (s *Service) DeleteKey(_ context.Context, vendor, id string) error {
	v, err := s.named(vendor)
	if err != nil {
		return err
	}
	raw, err := hex.DecodeString(id)
	if err != nil || len(raw) != len(keyID{}) {
		return ErrNoKey
	}
	n := keyID(raw)
	defer s.lockName(v.name).Unlock()
	s.vendors.mu.RLock()
	k := s.vendors.keys[n]
	s.vendors.mu.RUnlock()
	if k == nil || k.vendor != v {
		return ErrNoKey
	}
	k.ended.Store(true) // also if the commit fails: it may have been made
	var b store.Batch
	b.Delete(store.TableVendors, keyKey(n))
	if err := s.st.Commit(&b); err != nil {
		return err
	}
	s.vendors.mu.Lock()
	defer s.vendors.mu.Unlock()
	delete(s.vendors.keys, n)
	return nil
}

func (k *apiKey) seen() APIKey {
	a := APIKey{
		ID: hex.EncodeToString(k.id[:]), Label: k.label, Scopes: k.scopes,
		Created: time.Unix(k.created, 0),
	}
	if k.expires != 0 {
		a.Expires = time.Unix(k.expires, 0)
	}
	if t := k.lastUsed.Load(); t != 0 {
		a.Used = time.Unix(t, 0)
	}
	return a
}

// loadKeys reads the keys of the vendors there are.
func (s *Service) loadKeys() error {
	return s.st.Scan(store.TableVendors, []byte{recKey}, func(id, p []byte) error {
		r, err := parseKey(p)
		if err != nil {
			return err
		}
		if len(id) != 1+len(keyID{}) {
			return ErrRecord
		}
		v := s.vendors.byName[r.vendor]
		if v == nil {
			return nil // its account is gone, by damage
		}
		k := &apiKey{id: keyID(id[1:]), vendor: v, keyRecord: r}
		k.saved = r.used
		k.lastUsed.Store(r.used)
		s.vendors.keys[k.id] = k
		return nil
	})
}

// saveUsed writes down when keys were last used. A crash may lose the last half minute.
func (s *Service) saveUsed() error {
	s.vendors.mu.RLock()
	var used []*apiKey
	for _, k := range s.vendors.keys {
		if k.lastUsed.Load() != k.saved {
			used = append(used, k)
		}
	}
	s.vendors.mu.RUnlock()
	var err error
	for _, k := range used {
		err = errors.Join(err, s.saveUse(k))
	}
	return err
}

// saveUse writes one down, unless it was deleted meanwhile.
func (s *Service) saveUse(k *apiKey) error {
	defer s.lockName(k.vendor.name).Unlock()
	s.vendors.mu.RLock()
	there := s.vendors.keys[k.id] == k
	s.vendors.mu.RUnlock()
	if !there || k.ended.Load() {
		return nil
	}
	r := k.keyRecord
	r.used = k.lastUsed.Load()
	var b store.Batch
	b.Set(store.TableVendors, keyKey(k.id), appendKey(nil, &r))
	if err := s.st.CommitNoSync(&b); err != nil {
		return err
	}
	k.saved = r.used
	return nil
}
