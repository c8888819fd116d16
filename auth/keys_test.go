package auth

import (
	"errors"
	"strings"
	"testing"
)

func secret(c string) []byte { return []byte(strings.Repeat(c, 32)) }

// Keys come and go while bearers of each hold: nobody is logged out but by the end of
// the key that signed for him, and even then his refresh token goes on.
func TestKeyRotation(t *testing.T) {
	o := cheap()
	o.Keys = [][]byte{secret("1")}
	s := serve(t, o)
	first := register(t, s, "ann")
	verify(t, s, first.AccessToken)
	set := func(keys ...[]byte) {
		t.Helper()
		if err := s.SetKeys(keys); err != nil {
			t.Fatal(err)
		}
	}
	set(secret("2"), secret("1"))
	second := login(t, s, "ann")
	verify(t, s, first.AccessToken)
	verify(t, s, second.AccessToken)
	if n, kid := s.Keys(); n != 2 || kid != s.ownKey().kid {
		t.Errorf("%d keys, %s signs", n, kid)
	}
	ticket, err := s.MintTicket(verify(t, s, first.AccessToken))
	if err != nil {
		t.Fatal(err)
	}
	set(secret("2")) // the first is retired, and seen before or not makes no difference
	wantVerify(t, s, first.AccessToken, ErrBearer)
	verify(t, s, second.AccessToken)
	if _, err := s.RedeemTicket(ticket); err != nil {
		t.Errorf("the session was ended: %v", err)
	}
	g, err := s.Refresh(bg, first.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	verify(t, s, g.AccessToken)
	for _, bad := range [][][]byte{nil, {}, {secret("3"), []byte("short")}, {{}}} {
		if err := s.SetKeys(bad); !errors.Is(err, ErrKey) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	verify(t, s, second.AccessToken)
	set(secret("1"), secret("2")) // back again
	verify(t, s, first.AccessToken)
}
