package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// claims of our bearers: RFC 7519's, and which login session of which account.
type claims struct {
	jwt.RegisteredClaims
	Account uint64 `json:"uid"`
	Session uint64 `json:"sid"`
}

// A signer makes and checks own bearers: JWT, HS256. The first of its keys
// signs; those signed by the others hold until they expire. Safe for any
// goroutine.
type signer struct {
	keys   []ownKey
	issuer string // names the store that the session lives in
	parser *jwt.Parser
}

type ownKey struct {
	secret []byte
	kid    string // names the key without telling it
}

func newSigner(secrets [][]byte, issuer string, now func() time.Time) *signer {
	keys := make([]ownKey, len(secrets))
	for i, secret := range secrets {
		h := sha256.Sum256(append([]byte("azira kid "), secret...))
		keys[i] = ownKey{secret, hex.EncodeToString(h[:8])}
	}
	return &signer{
		keys:   keys,
		issuer: issuer,
		parser: jwt.NewParser(
			jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}),
			jwt.WithExpirationRequired(),
			jwt.WithStrictDecoding(),
			jwt.WithTimeFunc(now),
		),
	}
}

// mint makes a bearer unlike any other.
func (g *signer) mint(name string, account, session uint64, at, exp time.Time) (string, error) {
	t := jwt.NewWithClaims(jwt.SigningMethodHS256, &claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer:    g.issuer,
			Subject:   name,
			ExpiresAt: jwt.NewNumericDate(exp),
			IssuedAt:  jwt.NewNumericDate(at),
			ID:        rand.Text(),
		},
		Account: account,
		Session: session,
	})
	t.Header["kid"] = g.keys[0].kid
	s, err := t.SignedString(g.keys[0].secret)
	if err != nil {
		return "", fmt.Errorf("auth: sign bearer: %w", err)
	}
	return s, nil
}

// parse checks form, key, signature and expiry, not the session. foreign
// says that another store made the bearer with the same key.
func (g *signer) parse(bearer string) (id Identity, foreign bool, err error) {
	var c claims
	_, err = g.parser.ParseWithClaims(bearer, &c, g.keyOf)
	if errors.Is(err, jwt.ErrTokenExpired) && !errors.Is(err, jwt.ErrTokenSignatureInvalid) {
		return Identity{}, false, ErrExpired
	}
	if err != nil || c.Subject == "" || c.Session == 0 || c.Account == 0 {
		return Identity{}, false, ErrBearer
	}
	return Identity{
		Account:  c.Account,
		Username: c.Subject,
		Session:  c.Session,
		Expires:  c.ExpiresAt.Time,
	}, c.Issuer != g.issuer, nil
}

func (g *signer) keyOf(t *jwt.Token) (any, error) {
	if hasCritical(t) {
		return nil, jwt.ErrTokenUnverifiable
	}
	kid, _ := t.Header["kid"].(string)
	for i := range g.keys {
		if g.keys[i].kid == kid {
			return g.keys[i].secret, nil
		}
	}
	return nil, jwt.ErrTokenUnverifiable
}

// hasCritical says that whoever does not understand some extension must refuse the bearer
// (RFC 7515 §4.1.11). None is understood here.
func hasCritical(t *jwt.Token) bool {
	_, has := t.Header["crit"]
	return has
}
