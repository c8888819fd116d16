package auth

import (
	"bufio"
	"context"
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

// childMain turns the test binary into that child: it registers accounts,
// ends some sessions, and prints what was answered, until it is killed.
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
				childStep(s, fmt.Sprintf("u%d-%d-%d", os.Getpid(), w, i), i%2 == 0)
			}
		})
	}
	wg.Wait()
}

func childStep(s *Service, name string, logout bool) {
	ctx := context.Background()
	g, err := s.Register(ctx, name, goodPassword)
	if err != nil {
		fmt.Println("failed", err)
		os.Exit(1)
	}
	if logout {
		id, err := s.Verify(g.AccessToken)
		if err == nil {
			err = s.Logout(ctx, id)
		}
		if err != nil {
			fmt.Println("failed", err)
			os.Exit(1)
		}
		fmt.Println("ended", name, g.AccessToken)
		return
	}
	fmt.Println("alive", name, g.AccessToken)
}

// What was answered before kill -9 is true after it: accounts are there,
// sessions live, ended sessions stay ended.
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
			want := map[string]error{"ended": ErrRevoked}[x[0]]
			wantVerify(t, s, x[1], want)
			if _, err := s.Register(bg, name, goodPassword); err != ErrTaken {
				t.Fatalf("%s answered ok is lost: %v", name, err)
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
	t.Logf("%d answered registrations survived 6 kills", len(said))
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
