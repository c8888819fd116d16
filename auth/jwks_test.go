package auth

import (
	"encoding/base64"
	"errors"
	"maps"
	"strings"
	"testing"
)

// goodKeys are one of each kind, all with one kid.
func goodKeys(t *testing.T, k issuerKeys) (rsa, ec, ed map[string]any) {
	t.Helper()
	b := base64.RawURLEncoding.EncodeToString
	point, err := k.ec.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return map[string]any{"kty": "RSA", "kid": "1", "n": b(k.rsa.N.Bytes()), "e": "AQAB"},
		map[string]any{"kty": "EC", "kid": "1", "crv": "P-256",
			"x": b(point[1:33]), "y": b(point[33:])},
		map[string]any{"kty": "OKP", "kid": "1", "crv": "Ed25519", "x": b(k.ed[32:])}
}

// with is a copy of a key with one member changed.
func with(k map[string]any, name string, v any) map[string]any {
	k = maps.Clone(k)
	k[name] = v
	return k
}

// What is no key for RS256, ES256 or EdDSA is left out; a private key spoils all.
func TestKeySet(t *testing.T) {
	k := newIssuerKeys(t)
	b := base64.RawURLEncoding.EncodeToString
	good, ec, ed := goodKeys(t, k)
	other := with(good, "kid", "2")
	for name, key := range map[string]map[string]any{
		"no kid":           with(good, "kid", ""),
		"kid a number":     with(good, "kid", 7),
		"for encryption":   with(good, "use", "enc"),
		"for signing":      with(good, "key_ops", []string{"sign"}),
		"RS512":            with(good, "alg", "RS512"),
		"HS256":            with(good, "alg", "HS256"),
		"a secret":         {"kty": "oct", "kid": "1", "k": b(make([]byte, 32))},
		"1024 bits":        with(good, "n", b(append([]byte{0x81}, k.rsa.N.Bytes()[129:]...))),
		"even modulus":     with(good, "n", b(append(k.rsa.N.Bytes()[:255:255], 2))),
		"giant modulus":    with(good, "n", strings.Repeat("_", 4000)),
		"exponent 1":       with(good, "e", "AQ"),
		"exponent even":    with(good, "e", "AQAA"),
		"no exponent":      with(good, "e", ""),
		"padded":           with(good, "e", "AQAB=="),
		"off the curve":    with(ec, "x", b(make([]byte, 32))),
		"short x":          with(ec, "x", "AQ"),
		"P-384":            with(ec, "crv", "P-384"),
		"RSA with a curve": with(good, "crv", "P-256"),
		"X25519":           with(ed, "crv", "X25519"),
		"short Ed25519":    with(ed, "x", "AQ"),
	} {
		keys, unused, err := parseKeySet(setOf(t, key, other))
		if err != nil || len(keys) != 1 || unused != 1 {
			t.Errorf("%s: %d keys, %d unused: %v", name, len(keys), unused, err)
		}
		if _, _, err := parseKeySet(setOf(t, key)); !errors.Is(err, ErrKeySet) {
			t.Errorf("%s alone: %v", name, err)
		}
	}
	for name, set := range map[string][]byte{
		"private": setOf(t, with(good, "d", "AQAB"), other),
		"twice":   setOf(t, good, ec),
		"many":    setOf(t, make([]map[string]any, issuerKeysMax+1)...),
	} {
		if _, _, err := parseKeySet(set); !errors.Is(err, ErrKeySet) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, key := range []map[string]any{good, ec, ed, with(good, "use", "sig"),
		with(ed, "alg", "Ed25519"), with(ec, "key_ops", []string{"verify"})} {
		if keys, _, err := parseKeySet(setOf(t, key)); err != nil || len(keys) != 1 {
			t.Errorf("%v: %v", key, err)
		}
	}
}

func FuzzKeySet(f *testing.F) {
	f.Add(newIssuerKeys(f).set(f))
	f.Add([]byte(`{"keys":[{"kty":"RSA","kid":"1","n":"AQ","e":"AQAB"}]}`))
	f.Add([]byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"1","x":"AQ"},null,7]}`))
	f.Fuzz(func(t *testing.T, p []byte) {
		keys, _, err := parseKeySet(p)
		if (err == nil) != (len(keys) > 0) || err != nil && !errors.Is(err, ErrKeySet) {
			t.Fatalf("%d keys, %v", len(keys), err)
		}
		for kid, k := range keys {
			if kid == "" || k.key == nil || k.alg == "" {
				t.Fatalf("%q: %+v", kid, k)
			}
		}
	})
}
