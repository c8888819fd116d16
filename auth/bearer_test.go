package auth

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// forge signs what it is given, as an attacker or a careless peer might.
func forge(t *testing.T, m jwt.SigningMethod, key any, kid any, c jwt.Claims) string {
	t.Helper()
	k := jwt.NewWithClaims(m, c)
	if kid != nil {
		k.Header["kid"] = kid
	}
	s, err := k.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// ownKey is the one that signs.
func (s *Service) ownKey() ownKey { return s.verifiers.Load().own.keys[0] }

// claimsOf are those of a good bearer of id.
func claimsOf(s *Service, id Identity) jwt.MapClaims {
	return jwt.MapClaims{
		"iss": s.verifiers.Load().own.issuer, "sub": id.Username, "uid": id.Account, "sid": id.Session,
		"exp": time.Now().Add(time.Minute).Unix(),
	}
}

func TestVerifyIsStrict(t *testing.T) {
	s := serve(t, cheap())
	g := register(t, s, "ann")
	id := verify(t, s, g.AccessToken)
	key, kid := s.ownKey().secret, s.ownKey().kid
	same := claimsOf(s, id)
	hs := jwt.SigningMethodHS256
	verify(t, s, forge(t, hs, key, kid, same)) // so that each below fails for its own reason

	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(g.AccessToken, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","kid":"` + kid + `"}`))
	long := claimsOf(s, id)
	long["x"] = strings.Repeat("a", 4096)
	unsafeNone := jwt.UnsafeAllowNoneSignatureType
	refused(t, s, map[string]string{
		"empty":        "",
		"giant":        strings.Repeat("a", 1<<20),
		"long claim":   forge(t, hs, key, kid, long),
		"no dots":      "abcdef",
		"two parts":    parts[0] + "." + parts[1],
		"four parts":   g.AccessToken + ".x",
		"spaces":       " " + g.AccessToken,
		"padded":       g.AccessToken + "=",
		"alg none":     forge(t, jwt.SigningMethodNone, unsafeNone, kid, same),
		"none kept":    none + "." + parts[1] + ".",
		"no signature": parts[0] + "." + parts[1] + ".",
		"HS512":        forge(t, jwt.SigningMethodHS512, key, kid, same),
		"RS256":        forge(t, jwt.SigningMethodRS256, rsaKey, kid, same),
		"wrong key":    forge(t, hs, []byte(strings.Repeat("k", 32)), kid, same),
		"empty key":    forge(t, hs, []byte{}, kid, same),
		"foreign kid":  forge(t, hs, key, "other", same),
		"kid a number": forge(t, hs, key, 7, same),
		"no kid":       forge(t, hs, key, nil, same),
	})
}

// Under a good signature, each claim counts.
func TestVerifyChecksClaims(t *testing.T) {
	s := serve(t, cheap())
	id := verify(t, s, register(t, s, "ann").AccessToken)
	other := register(t, s, "bob")
	for _, c := range []struct {
		change func(jwt.MapClaims)
		want   error
	}{
		{func(c jwt.MapClaims) { delete(c, "exp") }, ErrBearer},
		{func(c jwt.MapClaims) { c["exp"] = "soon" }, ErrBearer},
		{func(c jwt.MapClaims) { delete(c, "sub") }, ErrBearer},
		{func(c jwt.MapClaims) { delete(c, "sid") }, ErrBearer},
		{func(c jwt.MapClaims) { c["sid"] = -1 }, ErrBearer},
		{func(c jwt.MapClaims) { c["iss"] = "00" }, ErrBearer}, // another store
		{func(c jwt.MapClaims) { c["nbf"] = time.Now().Add(time.Hour).Unix() }, ErrBearer},
		{func(c jwt.MapClaims) { c["exp"] = time.Now().Unix() }, ErrExpired},
		{func(c jwt.MapClaims) { c["uid"], c["sid"] = other.UserID, other.ID }, ErrRevoked},
		{func(c jwt.MapClaims) { c["sid"] = 1 }, ErrRevoked},
	} {
		x := claimsOf(s, id)
		c.change(x)
		bearer := forge(t, jwt.SigningMethodHS256, s.ownKey().secret, s.ownKey().kid, x)
		if _, err := s.Verify(bearer); !errors.Is(err, c.want) {
			t.Errorf("%v: %v, want %v", x, err, c.want)
		}
	}
}

// refused holds that each is no bearer, at the second try, too.
func refused(t *testing.T, s *Service, bearers map[string]string) {
	t.Helper()
	for name, bearer := range bearers {
		for range 2 {
			if _, err := s.Verify(bearer); !errors.Is(err, ErrBearer) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// Each single changed character of a bearer makes it another one.
func TestBearerTampered(t *testing.T) {
	s := serve(t, cheap())
	g := register(t, s, "ann")
	verify(t, s, g.AccessToken)
	for i := range g.AccessToken {
		p := []byte(g.AccessToken)
		if p[i]++; p[i] == g.AccessToken[i] {
			continue
		}
		if _, err := s.Verify(string(p)); !errors.Is(err, ErrBearer) {
			t.Fatalf("character %d changed: %v", i, err)
		}
	}
}

func TestBearerExpires(t *testing.T) {
	c := newClock()
	o := cheap()
	o.Now = c.now
	s := serve(t, o)
	g := register(t, s, "ann")
	verify(t, s, g.AccessToken)
	c.pass(30*time.Minute - time.Second)
	verify(t, s, g.AccessToken) // from memory
	c.pass(time.Second)
	wantVerify(t, s, g.AccessToken, ErrExpired) // from memory
	s.cache = newCache(1)
	wantVerify(t, s, g.AccessToken, ErrExpired) // by the parser
}

func TestGivenKeyAndFleet(t *testing.T) {
	o := cheap()
	o.Keys = [][]byte{[]byte(strings.Repeat("k", 32))}
	home, away := serve(t, o), serve(t, o)
	g := register(t, home, "ann")
	wantVerify(t, away, g.AccessToken, ErrBearer)

	o.Fleet = true
	fleet := serve(t, o)
	register(t, fleet, "ann") // another account of that name
	for range 2 {
		id := verify(t, fleet, g.AccessToken)
		if id.Username != "ann" || id.Session != g.ID {
			t.Fatalf("%+v", id)
		}
		if err := fleet.Logout(context.Background(), id); !errors.Is(err, ErrForeign) {
			t.Errorf("logout: %v", err)
		}
		err := fleet.DeleteAccount(context.Background(), id, goodPassword)
		if !errors.Is(err, ErrForeign) {
			t.Errorf("delete: %v", err)
		}
		st, _, err := fleet.OpenStream(id, StreamInfo{})
		if err != nil {
			t.Fatal(err)
		}
		st.Ended(1000)
	}
}

func TestVerifyHitAllocates(t *testing.T) {
	s := serve(t, cheap())
	g := register(t, s, strings.Repeat("界", 64))
	verify(t, s, g.AccessToken)
	before := s.Stats()
	n := testing.AllocsPerRun(1000, func() {
		if _, err := s.Verify(g.AccessToken); err != nil {
			t.Fatal(err)
		}
	})
	after := s.Stats()
	if n != 0 || after.CacheMiss != before.CacheMiss || after.CacheHits == before.CacheHits {
		t.Errorf("%v allocations; %+v", n, after)
	}
	if len(g.AccessToken) > bearerBytesMax/2 {
		t.Errorf("longest name makes %d bytes", len(g.AccessToken))
	}
}

func TestCacheIsBounded(t *testing.T) {
	c := newCache(256)
	var held, last [][32]byte
	for i := range 10_000 {
		k := [32]byte{}
		rand.Read(k[:])
		c.put(cached{key: k, session: uint64(i), epoch: 1})
		if c.get(&k).session != uint64(i) {
			t.Fatal("the newest entry is not there")
		}
		held = append(held, k)
	}
	for _, k := range held {
		if c.get(&k).epoch != 0 {
			last = append(last, k)
		}
	}
	if len(last) == 0 || len(last) > 256 {
		t.Errorf("%d entries of 256", len(last))
	}
}

func FuzzVerify(f *testing.F) {
	s := serve(f, cheap())
	g := register(f, s, "ann")
	f.Add(g.AccessToken)
	f.Add("")
	f.Add("a.b.c")
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Fuzz(func(t *testing.T, bearer string) {
		id, err := s.Verify(bearer)
		if (err == nil) != (bearer == g.AccessToken) {
			t.Fatalf("%q: %+v, %v", bearer, id, err)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	s := serve(b, cheap())
	g := register(b, s, "ann")
	b.Run("cached", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = s.Verify(g.AccessToken)
		}
	})
	b.Run("new", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			clear(s.cache.sets)
			_, _ = s.Verify(g.AccessToken)
		}
	})
}
