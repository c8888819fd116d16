package auth

import (
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// A bearer that says it can't be understood without some extension is refused, by whoever
// it is signed (RFC 7515 §4.1.11).
func TestCriticalExtensionsAreRefused(t *testing.T) {
	s := serve(t, cheap())
	id := verify(t, s, register(t, s, "ann").AccessToken)
	x := jwt.NewWithClaims(jwt.SigningMethodHS256, claimsOf(s, id))
	x.Header["kid"], x.Header["crit"] = s.ownKey().kid, []string{"b64"}
	text, err := x.SignedString(s.ownKey().secret)
	if err != nil {
		t.Fatal(err)
	}
	refused(t, s, map[string]string{"crit": text})
}

// A key of the store is replaced without logging anybody out: what the old one signed
// holds until it expires, over a restart as well, and not longer.
func TestRotateKey(t *testing.T) {
	c := newClock()
	o := cheap()
	o.Now = c.now
	st := openStore(t, t.TempDir())
	defer st.Close()
	s := openService(t, st, o)
	old := register(t, s, "ann")
	secret, kid := s.ownKey().secret, s.ownKey().kid
	k, err := s.RotateKey(false)
	if err != nil || k.Signs == kid || k.Verify != 2 {
		t.Fatalf("%+v %v", k, err)
	}
	verify(t, s, old.AccessToken)
	young := login(t, s, "ann")
	if s.ownKey().kid != k.Signs || s.KeyState() != k {
		t.Errorf("signed by %s, %+v", s.ownKey().kid, s.KeyState())
	}
	s.Close()
	s = openService(t, st, o)
	id := verify(t, s, old.AccessToken)
	verify(t, s, young.AccessToken)
	c.pass(accessTTL + keySlack + time.Second)
	long := claimsOf(s, id)
	long["exp"] = c.now().Add(time.Hour).Unix()
	forged := forge(t, jwt.SigningMethodHS256, secret, kid, long)
	verify(t, s, forged) // the key is still there
	s.retireKeys()
	wantVerify(t, s, forged, ErrBearer)
	if k := s.KeyState(); k.Verify != 1 {
		t.Errorf("%+v", k)
	}
	s.Close()
	s = openService(t, st, o)
	wantVerify(t, s, forged, ErrBearer)
	verify(t, s, login(t, s, "ann").AccessToken)
	s.Close()
}

// A key that leaked is dropped at once; sessions and refresh tokens are not.
func TestRotateKeyAtOnce(t *testing.T) {
	st := openStore(t, t.TempDir())
	defer st.Close()
	s := openService(t, st, cheap())
	g := register(t, s, "ann")
	if _, err := s.RotateKey(false); err != nil {
		t.Fatal(err)
	}
	k, err := s.RotateKey(true)
	if err != nil || k.Verify != 1 {
		t.Fatalf("%+v %v", k, err)
	}
	wantVerify(t, s, g.AccessToken, ErrBearer)
	n, err := s.Refresh(t.Context(), g.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	verify(t, s, n.AccessToken)
	s.Close()
	s = openService(t, st, cheap())
	wantVerify(t, s, g.AccessToken, ErrBearer)
	verify(t, s, n.AccessToken)
	s.Close()
}

// Keys that were given are not this package's to rotate, and there is a bound of them.
func TestRotateKeyRefuses(t *testing.T) {
	o := cheap()
	o.Keys = [][]byte{make([]byte, keyBytesMin)}
	if _, err := serve(t, o).RotateKey(false); err != ErrKeysGiven {
		t.Errorf("%v", err)
	}
	s := serve(t, cheap())
	n := 0
	for ; n < 2*keysKeptMax; n++ {
		if _, err := s.RotateKey(false); err != nil {
			if err != ErrKeysMany {
				t.Error(err)
			}
			break
		}
	}
	if n != keysKeptMax-1 {
		t.Errorf("%d rotations", n)
	}
	if _, err := s.RotateKey(true); err != nil {
		t.Error(err)
	}
}

func FuzzOldKeys(f *testing.F) {
	f.Add(appendOldKey(nil, oldKey{1_800_000_000, make([]byte, keyBytes)}))
	f.Fuzz(func(t *testing.T, p []byte) {
		old, err := parseOldKeys(p)
		if err != nil {
			return
		}
		var out []byte
		for _, k := range old {
			out = appendOldKey(out, k)
		}
		if string(out) != string(p) {
			t.Errorf("% x became % x", p, out)
		}
	})
}
