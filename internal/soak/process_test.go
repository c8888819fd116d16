package soak

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	readyTimeout = 30 * time.Second
	stopTimeout  = 30 * time.Second
)

// A process is a child that ends with stop, or with us.
type process struct {
	// Fixed after start.
	cmd   *exec.Cmd
	log   string // file of its standard error
	ready string // the first line of its standard output

	ended chan struct{} // closed once the process is gone
	err   error         // how it went; after ended
}

// build builds the program under test, unless AZIRA_BIN names one.
func build(t *testing.T) string {
	if bin := os.Getenv("AZIRA_BIN"); bin != "" {
		return bin
	}
	bin := filepath.Join(t.TempDir(), "azira")
	if out, err := exec.Command("go", "build", "-o", bin, "azira/cmd/azira").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return bin
}

// start starts a child and waits for its ready line. Its log is appended to.
func start(bin, log string, args ...string) (*process, error) {
	f, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	p := &process{cmd: exec.Command(bin, args...), log: log, ended: make(chan struct{})}
	p.cmd.Env, p.cmd.Stderr, p.cmd.SysProcAttr = plainEnviron(), f, processAttr()
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.run(); err != nil {
		return nil, err
	}
	line := make(chan string, 1)
	go func() {
		rd := bufio.NewReader(stdout)
		s, _ := rd.ReadString('\n')
		line <- s
		io.Copy(io.Discard, rd)
	}()
	select {
	case p.ready = <-line:
	case <-time.After(readyTimeout):
	}
	if p.ready == "" {
		p.kill()
		return nil, fmt.Errorf("%s is not ready: %v\n%s", args[0], p.err, tail(log))
	}
	return p, nil
}

// run starts and reaps the child by one thread that lives as long, since it dies with
// that thread.
func (p *process) run() error {
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with this goroutine
		err := p.cmd.Start()
		started <- err
		if err == nil {
			var state *os.ProcessState
			if state, err = p.cmd.Process.Wait(); err == nil && !state.Success() {
				err = &exec.ExitError{ProcessState: state}
			}
		}
		p.err = err
		close(p.ended)
	}()
	return <-started
}

// stop ends the child by a signal and says how it went; a child that does not go is an
// error, and killed.
func (p *process) stop(sig syscall.Signal) error {
	if err := p.signal(sig); err != nil {
		return fmt.Errorf("signal: %w", err)
	}
	select {
	case <-p.ended:
		return p.err
	case <-time.After(stopTimeout):
		p.kill()
		return fmt.Errorf("still there %v after %v", stopTimeout, sig)
	}
}

func (p *process) signal(sig syscall.Signal) error { return p.cmd.Process.Signal(sig) }

func (p *process) kill() {
	p.cmd.Process.Kill()
	<-p.ended
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// plainEnviron is the environment without settings of Azira.
func plainEnviron() (out []string) {
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "AZIRA_") {
			out = append(out, v)
		}
	}
	return out
}

// tail is the end of a log.
func tail(log string) string {
	p, err := os.ReadFile(log)
	if err != nil {
		return err.Error()
	}
	return string(p[max(0, len(p)-4000):])
}

// freePort finds a port below those that the system gives to outgoing connections, so
// that it is still there when its owner comes back.
func freePort(t *testing.T, rnd *rand.Rand) string {
	for range 100 {
		addr := fmt.Sprintf("127.0.0.1:%d", 20_000+rnd.IntN(10_000))
		if ln, err := net.Listen("tcp", addr); err == nil {
			ln.Close()
			return addr
		}
	}
	t.Fatal("no free port")
	return ""
}
