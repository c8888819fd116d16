package auth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
)

// A jwk is one key of a JSON Web Key Set: what RFC 7517 §4, RFC 7518 §6 and RFC 8037
// §2 say of public keys for signatures, and the mark of private ones.
type jwk struct {
	Kty string   `json:"kty"`
	Use string   `json:"use"`
	Ops []string `json:"key_ops"`
	Alg string   `json:"alg"`
	Kid string   `json:"kid"`
	Crv string   `json:"crv"`
	N   string   `json:"n"`
	E   string   `json:"e"`
	X   string   `json:"x"`
	Y   string   `json:"y"`
	D   string   `json:"d"`
}

// parseKeySet takes the keys that can verify RS256, ES256 or EdDSA and have a kid. Others
// are counted as unused (RFC 7517 §5); two of one kid, or a private key, spoil the set.
func parseKeySet(text []byte) (keys map[string]issuerKey, unused int, err error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if len(text) > issuerTextMax {
		return nil, 0, fmt.Errorf("%w: over %d bytes", ErrKeySet, issuerTextMax)
	}
	if json.Unmarshal(text, &set) != nil || set.Keys == nil {
		return nil, 0, fmt.Errorf("%w: expected a JSON object with keys", ErrKeySet)
	}
	if len(set.Keys) > issuerKeysMax {
		return nil, 0, fmt.Errorf("%w: over %d keys", ErrKeySet, issuerKeysMax)
	}
	keys = make(map[string]issuerKey)
	for _, raw := range set.Keys {
		var k jwk
		if json.Unmarshal(raw, &k) != nil {
			unused++
			continue
		}
		if k.D != "" {
			return nil, 0, fmt.Errorf("%w: it holds a private key", ErrKeySet)
		}
		x, ok := k.public()
		if !ok {
			unused++
			continue
		}
		if _, twice := keys[k.Kid]; twice {
			return nil, 0, fmt.Errorf("%w: two keys have one kid", ErrKeySet)
		}
		keys[k.Kid] = x
	}
	if len(keys) == 0 {
		return nil, 0, fmt.Errorf("%w: no key with a kid for RS256, ES256 or EdDSA", ErrKeySet)
	}
	return keys, unused, nil
}

// public is the key, if it is one of use here.
func (k *jwk) public() (issuerKey, bool) {
	var x issuerKey
	switch k.Kty + " " + k.Crv {
	case "RSA ":
		x = issuerKey{"RS256", k.rsa()}
	case "EC P-256":
		x = issuerKey{"ES256", k.p256()}
	case "OKP Ed25519":
		x = issuerKey{"EdDSA", k.ed25519()}
	}
	if x.key == nil || k.Kid == "" || k.Use != "" && k.Use != "sig" || !k.verifies() {
		return issuerKey{}, false
	}
	return x, k.Alg == "" || k.Alg == x.alg || k.Alg == k.Crv // RFC 9864 names it Ed25519
}

func (k *jwk) verifies() bool {
	for _, op := range k.Ops {
		if op == "verify" {
			return true
		}
	}
	return len(k.Ops) == 0
}

// rsa, p256 and ed25519 are nil where the numbers make no key.
func (k *jwk) rsa() any {
	n, ok1 := bytesOf(k.N, rsaBitsMax/8)
	e, ok2 := bytesOf(k.E, 4)
	if !ok1 || !ok2 {
		return nil
	}
	modulus, exponent := new(big.Int).SetBytes(n), new(big.Int).SetBytes(e).Int64()
	if modulus.BitLen() < rsaBitsMin || modulus.Bit(0) == 0 ||
		exponent < 3 || exponent&1 == 0 || exponent > 1<<31-1 {
		return nil
	}
	return &rsa.PublicKey{N: modulus, E: int(exponent)}
}

func (k *jwk) p256() any {
	x, ok1 := bytesOf(k.X, 32)
	y, ok2 := bytesOf(k.Y, 32)
	if !ok1 || !ok2 || len(x) != 32 || len(y) != 32 {
		return nil
	}
	point := append(append([]byte{4}, x...), y...) // SEC 1 §2.3.3, uncompressed
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil { // not on the curve
		return nil
	}
	return key
}

func (k *jwk) ed25519() any {
	x, ok := bytesOf(k.X, ed25519.PublicKeySize)
	if !ok || len(x) != ed25519.PublicKeySize {
		return nil
	}
	return ed25519.PublicKey(x)
}

// bytesOf reads base64url without padding (RFC 7515 §2), up to max bytes.
func bytesOf(s string, max int) ([]byte, bool) {
	if s == "" || len(s) > base64.RawURLEncoding.EncodedLen(max) {
		return nil, false
	}
	p, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return p, err == nil && len(p) <= max
}

// CheckKeySet says what is wrong with a JSON Web Key Set: nil, or an ErrKeySet.
func CheckKeySet(text []byte) error {
	_, _, err := parseKeySet(text)
	return err
}
