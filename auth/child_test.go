package auth

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"azira/store"
)

// childDir names the directory of the child of TestKill.
const childDir = "AZIRA_TEST_AUTH_DIR"

// childMain turns the test binary into that child: it registers accounts, does something
// to each, and prints what was answered, until it is killed.
func childMain() {
	dir := os.Getenv(childDir)
	if dir == "" {
		return
	}
	o := cheap()
	o.HashConcurrency = 4
	st, err := store.Open(dir, store.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		fmt.Println("failed", err)
		os.Exit(1)
	}
	s, err := Open(st, o)
	if err != nil {
		fmt.Println("failed", err)
		os.Exit(1)
	}
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := 0; ; i++ {
				childStep(s, fmt.Sprintf("u%d-%d-%d", os.Getpid(), w, i), i%len(childDeeds))
			}
		})
	}
	wg.Wait()
}

// A childDeed is what may be done to an account, and what then must be true of it, of the
// bearer that came with it, and of logins with the password that it had.
type childDeed struct {
	said   string
	do     func(ctx context.Context, s *Service, id Identity) error
	bearer error
	login  error
	taken  error // of a registration of its name
	limit  int
}

const nextPassword = "another password"

var childDeeds = []childDeed{
	{"kept", func(context.Context, *Service, Identity) error { return nil },
		nil, nil, ErrTaken, 3},
	{"ended", func(ctx context.Context, s *Service, id Identity) error {
		return s.Logout(ctx, id)
	}, ErrRevoked, nil, ErrTaken, 3},
	{"changed", func(ctx context.Context, s *Service, id Identity) error {
		_, err := s.ChangePassword(ctx, id, goodPassword, nextPassword)
		return err
	}, ErrRevoked, ErrCredentials, ErrTaken, 3},
	{"deleted", func(ctx context.Context, s *Service, id Identity) error {
		return s.DeleteAccount(ctx, id, goodPassword)
	}, ErrRevoked, ErrCredentials, nil, 3},
	{"disabled", func(ctx context.Context, s *Service, id Identity) error {
		return s.Disable(ctx, id.Username)
	}, ErrRevoked, ErrCredentials, ErrTaken, 3},
	{"limited", func(ctx context.Context, s *Service, id Identity) error {
		return s.SetStreamLimit(ctx, id.Username, 7)
	}, nil, nil, ErrTaken, 7},
}

func childStep(s *Service, name string, deed int) {
	ctx := context.Background()
	g, err := s.Register(ctx, name, goodPassword)
	if err == nil {
		var id Identity
		if id, err = s.Verify(g.AccessToken); err == nil {
			err = childDeeds[deed].do(ctx, s, id)
		}
	}
	if err != nil {
		fmt.Println("failed", err)
		os.Exit(1)
	}
	fmt.Println(childDeeds[deed].said, name, g.AccessToken)
}

// holds says that what was answered is true.
func (d *childDeed) holds(t *testing.T, s *Service, name, bearer string) {
	t.Helper()
	wantVerify(t, s, bearer, d.bearer)
	if _, err := s.Login(bg, name, goodPassword); !errors.Is(err, d.login) {
		t.Errorf("%s: login: %v", d.said, err)
	}
	if n := s.StreamLimit(name); n != d.limit {
		t.Errorf("%s: limit %d", d.said, n)
	}
	if _, err := s.Register(bg, name, goodPassword); err != d.taken {
		t.Fatalf("%s %s was answered and is lost: %v", d.said, name, err)
	}
	if d.taken == nil {
		id, err := s.account(name)
		if err == nil {
			err = s.remove(name, &id)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// What was answered before kill -9 is true after it: accounts are there, or gone, with
// the password and the limit they were given last; sessions live, ended ones stay ended.
func TestKill(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	said := map[string][2]string{} // by name: what, bearer
	for range 6 {
		killChild(t, exe, dir, said)
		st := openStore(t, dir)
		if r := st.Report(); r.Missing != 0 || r.Unchecked {
			t.Fatalf("%+v", r)
		}
		s := openService(t, st, cheap())
		for name, x := range said {
			for i := range childDeeds {
				if d := &childDeeds[i]; d.said == x[0] {
					d.holds(t, s, name, x[1])
				}
			}
		}
		s.Close()
		if err := st.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if len(said) == 0 {
		t.Fatal("no child got to anything")
	}
	t.Logf("%d answered deeds survived 6 kills", len(said))
}

// killChild lets a child work for a moment and adds what it said.
func killChild(t *testing.T, exe, dir string, said map[string][2]string) {
	t.Helper()
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for first := true; lines.Scan(); first = false {
		if first {
			wait := time.Duration(rand.IntN(int(200 * time.Millisecond)))
			time.AfterFunc(wait, func() { _ = cmd.Process.Kill() })
		}
		if f := strings.Fields(lines.Text()); len(f) == 3 && f[0] != "failed" {
			said[f[1]] = [2]string{f[0], f[2]}
		} else if len(f) > 0 && f[0] == "failed" {
			t.Error(lines.Text())
		}
	}
	_ = cmd.Wait() // killed
}
