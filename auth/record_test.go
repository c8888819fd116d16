package auth

import (
	"bytes"
	"errors"
	"testing"
)

func FuzzRecords(f *testing.F) {
	a := accountRecord{id: 7, client: [16]byte{1}, disabled: true, credential: credential{
		cost: cost{2, 19456}, salt: [16]byte{2}, hash: [32]byte{3}}}
	r := sessionRecord{expires: 9, family: [32]byte{4}, current: [32]byte{5}, username: "Zoë"}
	f.Add(appendAccount(nil, &a))
	f.Add(appendSession(nil, &r))
	f.Add(appendRule(nil, rule{true, 7}))
	f.Add(appendRule(nil, rule{false, Unlimited}))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, p []byte) {
		if r, err := parseRule(p); err == nil {
			if q := appendRule(nil, r); !bytes.Equal(q, p) {
				t.Fatalf("rule %x became %x", p, q)
			}
		} else if !errors.Is(err, ErrRecord) {
			t.Fatal(err)
		}
		if a, err := parseAccount(p); err == nil {
			if q := appendAccount(nil, &a); !bytes.Equal(q, p) {
				t.Fatalf("account %x became %x", p, q)
			}
		} else if !errors.Is(err, ErrRecord) {
			t.Fatal(err)
		}
		if r, err := parseSession(p); err == nil {
			if q := appendSession(nil, &r); !bytes.Equal(q, p) {
				t.Fatalf("session %x became %x", p, q)
			}
		} else if !errors.Is(err, ErrRecord) {
			t.Fatal(err)
		}
	})
}

func FuzzRefreshToken(f *testing.F) {
	t := newRefreshToken(1, 2)
	f.Add(t.String())
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		r, err := parseRefreshToken(s)
		if err == nil && r.String() != s || err != nil && !errors.Is(err, ErrRefresh) {
			t.Fatalf("%q: %v", s, err)
		}
	})
}
