package server

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// starveEnv leaves the child so many descriptors beyond those it has when ready.
const starveEnv = "AZIRA_TEST_STARVE"

func starve(spare int) {
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		panic(err)
	}
	n := uint64(len(names) + spare)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: n, Max: n}); err != nil {
		panic(err)
	}
}

// childEnv makes the test binary a server: its data directory.
const childEnv = "AZIRA_TEST_SERVE"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		os.Exit(child(dir))
	}
	os.Exit(m.Run())
}

// child serves until SIGTERM, as azira serve does.
func child(dir string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	c := Defaults()
	c.Listen, c.Admin, c.Data, c.Feed = "127.0.0.1:0", "", dir, nil
	c.hashMemoryKiB = 64
	if n, _ := strconv.ParseUint(os.Getenv(descriptorsEnv), 10, 32); n > 0 {
		c.StreamsPerAccount, c.DrainWindow, c.Admin = 0, 0, "127.0.0.1:0"
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: n, Max: n}); err != nil {
			panic(err)
		}
	}
	err := Run(ctx, c, func(a Addresses) {
		if spare, _ := strconv.Atoi(os.Getenv(starveEnv)); spare > 0 {
			starve(spare)
		}
		fmt.Println(a.Public, a.Admin)
	})
	if err != nil {
		fmt.Println("error:", err)
		return 1
	}
	return 0
}

// descriptorsEnv gives the child so many descriptors, and an admin port.
const descriptorsEnv = "AZIRA_TEST_DESCRIPTORS"

// serveChild starts a server in a process of its own and returns where it listens.
func serveChild(t *testing.T, dir string, env ...string) (*exec.Cmd, string) {
	t.Helper()
	cmd, addrs := runChild(t, dir, env...)
	return cmd, addrs.Public
}

func runChild(t *testing.T, dir string, env ...string) (*exec.Cmd, Addresses) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), childEnv+"="+dir), env...)
	cmd.Stderr = &syncBuffer{}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || strings.HasPrefix(line, "error") {
		t.Fatalf("no ready line: %q %v", line, err)
	}
	var a Addresses
	a.Public, a.Admin, _ = strings.Cut(strings.TrimSpace(line), " ")
	return cmd, a
}

// Whoever was answered 200 has an account, however often the process is killed.
func TestKillLosesNoAccount(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var mu sync.Mutex
	var answered []string
	client := &http.Client{Timeout: 10 * time.Second}
	post := func(addr, call, name string) int {
		r, err := client.Post("http://"+addr+"/api/v1/users/"+call, "application/json",
			bytes.NewReader(mustJSON(credentials(name, goodPassword))))
		if err != nil {
			return 0
		}
		r.Body.Close()
		return r.StatusCode
	}
	for round := range 6 {
		cmd, addr := serveChild(t, dir)
		var writers sync.WaitGroup
		for w := range 4 {
			writers.Go(func() {
				for i := 0; ; i++ {
					name := fmt.Sprintf("u%d-%d-%d", round, w, i)
					if post(addr, "register", name) != 200 {
						return
					}
					mu.Lock()
					answered = append(answered, name)
					mu.Unlock()
				}
			})
		}
		time.Sleep(time.Duration(50+rand.IntN(250)) * time.Millisecond)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		writers.Wait()
	}
	cmd, addr := serveChild(t, dir)
	for _, name := range answered {
		if status := post(addr, "login", name); status != 200 {
			t.Errorf("%s was answered 200 and is lost: %d", name, status)
		}
	}
	t.Logf("%d accounts over 6 kills", len(answered))
	if len(answered) < 6 {
		t.Error("too few accounts to say anything")
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	if err := cmd.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
}

// Without descriptors to accept with, the server waits, without spinning, and
// goes on as soon as there are some.
func TestNoDescriptorsLeft(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("counts descriptors in /proc")
	}
	cmd, addr := serveChild(t, t.TempDir(), starveEnv+"=4")
	var idle []net.Conn
	for range 30 {
		c, err := net.Dial("tcp", addr) // the kernel takes it, whoever accepts
		if err != nil {
			t.Fatal(err)
		}
		idle = append(idle, c)
	}
	log := cmd.Stderr.(*syncBuffer)
	tries := func() int { return strings.Count(log.String(), "too many open files") }
	eventually(t, "the server is out of descriptors", func() bool { return tries() > 0 })
	time.Sleep(time.Second)
	if n := tries(); n > 25 {
		t.Errorf("%d tries in a second: it spins", n)
	}
	for _, c := range idle {
		c.Close()
	}
	client := &http.Client{Timeout: 10 * time.Second}
	r, err := client.Get("http://" + addr + "/healthcheck")
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != 200 {
		t.Errorf("%d", r.StatusCode)
	}
	client.CloseIdleConnections()
	_ = cmd.Process.Signal(syscall.SIGTERM)
	if err := cmd.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v\n%s", err, log.String())
	}
}
