package auth

import (
	"bytes"
	"errors"
	"testing"
	"time"
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

func FuzzVendorRecords(f *testing.F) {
	f.Add(appendVendor(nil, &vendorRecord{7, VendorLimits{1, 2, 3, 4}}))
	f.Add(appendKey(nil, &keyRecord{hash: [32]byte{1}, scopes: ScopeAll, created: 2, expires: 3,
		used: 4, vendor: "Zoë", label: "back end"}))
	f.Add(appendMember(nil, &memberRecord{created: true, tickets: true, number: 5, joined: 6,
		at: time.UnixMicro(7)}))
	f.Add(appendEnded(nil, endedRecord{8, 9}))
	f.Add(clientKey("ann", "Zoë"))
	f.Add(endedKey("x.example/ann", "Zoë", 10))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, p []byte) {
		holds := func(what string, q []byte, err error) {
			t.Helper()
			if err == nil && !bytes.Equal(q, p) {
				t.Fatalf("%s %x became %x", what, p, q)
			}
			if err != nil && !errors.Is(err, ErrRecord) {
				t.Fatal(err)
			}
		}
		v, err := parseVendor(p)
		holds("vendor", appendVendor(nil, &v), err)
		k, err := parseKey(p)
		holds("key", appendKey(nil, &k), err)
		m, err := parseMember(p)
		holds("member", appendMember(nil, &m), err)
		e, err := parseEnded(p)
		holds("ended", appendEnded(nil, e), err)
		c, err := parseClientKey(p)
		holds("key of a client", c.key(), err)
	})
}

func FuzzKeyText(f *testing.F) {
	f.Add(keyText(keyID{1, 2}, &[secretBytes]byte{3}))
	f.Add("azk__")
	f.Add("azk_0123456789abcdef_")
	f.Fuzz(func(t *testing.T, text string) {
		if id, secret, ok := cutKey(text); ok && keyText(id, &secret) != text {
			t.Fatalf("%q became %q", text, keyText(id, &secret))
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
