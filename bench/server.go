package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// A server is an azira serve in a process and a directory of its own. It ends
// with stop, which leaves nothing behind.
type server struct {
	// Fixed after startServer.
	cmd    *exec.Cmd
	dir    string // database and log
	public string // host:port
	admin  string // host:port

	ended chan struct{} // closed once the process is gone
	err   error         // how it went; after ended
}

// startServer returns once the server takes connections. When the process ends
// before stop is called, ended is told.
func startServer(ctx context.Context, executable, endpoint string, ended func(error)) (
	*server, error) {
	dir, err := os.MkdirTemp("", "azira-bench-")
	if err != nil {
		return nil, fmt.Errorf("make directory: %w", err)
	}
	s := &server{dir: dir, ended: make(chan struct{})}
	if err := s.start(ctx, executable, endpoint); err != nil {
		tail := s.logTail()
		if s.cmd != nil && s.cmd.Process != nil {
			_ = s.cmd.Process.Kill() // its end is what is waited for
			<-s.ended
		}
		return nil, errors.Join(fmt.Errorf("%w%s", err, tail), os.RemoveAll(dir))
	}
	go func() {
		<-s.ended
		ended(fmt.Errorf("%w: %v%s", errEnded, s.err, s.logTail()))
	}()
	return s, nil
}

func (s *server) start(ctx context.Context, executable, endpoint string) error {
	log, err := os.Create(s.logFile())
	if err != nil {
		return fmt.Errorf("make log: %w", err)
	}
	defer log.Close()
	s.cmd = exec.Command(executable, "serve", "--listen", "127.0.0.1:0",
		"--admin", "127.0.0.1:0", "--feed", endpoint, "--data", filepath.Join(s.dir, "data"),
		"--streams-per-account", "0", "--drain-window", drainWindow.String())
	s.cmd.Env = plainEnviron()
	s.cmd.Stderr = log
	s.cmd.SysProcAttr = processAttr()
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("make pipe: %w", err)
	}
	if err := s.run(); err != nil {
		return fmt.Errorf("start %s: %w", executable, err)
	}
	return s.awaitReady(ctx, stdout)
}

// run starts the process and reaps it. Both are done by one thread that lives as
// long: a process that dies with its parent dies with the parent's thread.
func (s *server) run() error {
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := s.cmd.Start()
		started <- err
		if err == nil {
			var state *os.ProcessState
			if state, err = s.cmd.Process.Wait(); err == nil {
				err = endOf(state)
			}
			s.err = err
		}
		close(s.ended)
	}()
	err := <-started
	if err != nil {
		s.cmd.Process = nil
	}
	return err
}

// endOf is nil for a process that ended in order.
func endOf(state *os.ProcessState) error {
	if state.Success() {
		return nil
	}
	return &exec.ExitError{ProcessState: state}
}

// awaitReady waits for the line with the addresses.
func (s *server) awaitReady(ctx context.Context, stdout io.Reader) error {
	line := make(chan string, 1)
	go func() {
		rd := bufio.NewReader(stdout)
		text, _ := rd.ReadString('\n') // what came of it is looked at below
		line <- text
		_, _ = io.Copy(io.Discard, rd)
	}()
	select {
	case text := <-line:
		words := strings.Fields(text)
		for i := 1; i < len(words); i++ {
			addr := strings.TrimPrefix(words[i], "http://")
			switch words[i-1] {
			case "ready:":
				s.public = addr
			case "admin":
				s.admin = addr
			}
		}
		if s.public == "" || s.admin == "" {
			return fmt.Errorf("%w: its first line is %q", errStart, text)
		}
		return nil
	case <-time.After(startTimeout):
		return fmt.Errorf("%w within %v", errStart, startTimeout)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// stop ends the server by SIGTERM and, if it does not go, by force, and removes
// its directory.
func (s *server) stop() error {
	var err error
	select {
	case <-s.ended: // known to whoever asked startServer to be told
	default:
		err = s.terminate()
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

func (s *server) terminate() error {
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may be gone already
	select {
	case <-s.ended:
		if s.err != nil {
			return fmt.Errorf("stop server: %w%s", s.err, s.logTail())
		}
		return nil
	case <-time.After(stopTimeout):
		_ = s.cmd.Process.Kill()
		<-s.ended
		return fmt.Errorf("%w: %v%s", errStuck, stopTimeout, s.logTail())
	}
}

func (s *server) logFile() string { return filepath.Join(s.dir, "server.log") }

// logTail is the end of the server's log, made to follow an error; empty if it
// has said nothing.
func (s *server) logTail() string {
	p, err := os.ReadFile(s.logFile())
	text := strings.TrimSpace(string(p))
	if err != nil || text == "" {
		return ""
	}
	if len(text) > logTailBytes {
		text = text[len(text)-logTailBytes:]
		if _, rest, ok := strings.Cut(text, "\n"); ok {
			text = rest
		}
	}
	return "\nlog of the server:\n  " + strings.ReplaceAll(text, "\n", "\n  ")
}

// plainEnviron is the environment without settings of Azira: the server is what
// its command line says.
func plainEnviron() []string {
	var out []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "AZIRA_") {
			out = append(out, v)
		}
	}
	return out
}
