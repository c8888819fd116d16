package auth

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestPasswordChange(t *testing.T) {
	s := serve(t, cheap())
	g := register(t, s, "ann")
	id := verify(t, s, g.AccessToken)
	long := strings.Repeat("p", 80) // differs from the next beyond bcrypt's 72 bytes
	if _, err := s.ChangePassword(bg, id, "not it at all", long); !errors.Is(err, ErrCredentials) {
		t.Fatalf("wrong old one: %v", err)
	}
	if _, err := s.ChangePassword(bg, id, goodPassword, "short"); !errors.Is(err, ErrPassword) {
		t.Fatalf("short new one: %v", err)
	}
	verify(t, s, g.AccessToken)
	x, _, err := s.OpenStream(id, StreamInfo{})
	if err != nil {
		t.Fatal(err)
	}
	renewed, err := s.ChangePassword(bg, id, goodPassword, long+"a")
	if err != nil {
		t.Fatal(err)
	}
	wantVerify(t, s, g.AccessToken, ErrRevoked)
	if now := verify(t, s, renewed.AccessToken); x.Session() != now.Session {
		t.Error("the caller's stream is not of the new session")
	}
	if _, err := s.Refresh(bg, renewed.RefreshToken); err != nil {
		t.Errorf("the new session does not refresh: %v", err)
	}
	if _, err := s.ChangePassword(bg, id, long+"a", "another one"); !errors.Is(err, ErrRevoked) {
		t.Errorf("by the ended session: %v", err)
	}
	for password, want := range map[string]error{
		long + "a": nil, long + "b": ErrCredentials,
		long: ErrCredentials, goodPassword: ErrCredentials,
	} {
		if _, err := s.Login(bg, "ann", password); !errors.Is(err, want) {
			t.Errorf("%q: %v", password, err)
		}
	}
}

// No session begun with an old password outlives its change.
func TestPasswordChangeRacesLogins(t *testing.T) {
	o := cheap()
	o.HashConcurrency = 4
	s := serve(t, o)
	id := verify(t, s, register(t, s, "ann").AccessToken)
	var mu sync.Mutex
	var grants []Grant
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 10 {
				g, err := s.Login(bg, "ann", goodPassword)
				if errors.Is(err, ErrCredentials) {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				grants = append(grants, g)
				mu.Unlock()
			}
		})
	}
	renewed, err := s.ChangePassword(bg, id, goodPassword, "new password")
	if err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	verify(t, s, renewed.AccessToken)
	for _, g := range grants {
		wantVerify(t, s, g.AccessToken, ErrRevoked)
	}
}

// However openings and a password change cross, no stream is left to an ended session, and
// none of the session that changed it is closed.
func TestPasswordChangeRacesStreams(t *testing.T) {
	closed := newClosings()
	o := cheap()
	o.StreamsPerAccount, o.CloseStream = Unlimited, closed.add
	s := serve(t, o)
	g := register(t, s, "ann")
	other := verify(t, s, login(t, s, "ann").AccessToken)
	id := verify(t, s, g.AccessToken)
	var mu sync.Mutex
	mine := map[*Stream]bool{}
	var wg sync.WaitGroup
	for i := range 8 {
		who := []Identity{id, other}[i%2]
		wg.Go(func() {
			for n := uint64(0); ; n++ {
				x, _, err := s.OpenStream(who, StreamInfo{})
				if errors.Is(err, ErrRevoked) {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				x.Opened(n)
				mu.Lock()
				mine[x] = who.Session == id.Session
				mu.Unlock()
			}
		})
	}
	for s.Stats().Streams < 100 {
		time.Sleep(time.Millisecond)
	}
	renewed, err := s.ChangePassword(bg, id, goodPassword, "new password")
	if err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	for x, kept := range mine {
		if code := closed.of(x); kept && (code != 0 || x.Session() != renewed.ID) ||
			!kept && code != CodeEnded {
			t.Fatalf("caller's: %v, closed with %d, of session %d", kept, code, x.Session())
		}
	}
}
