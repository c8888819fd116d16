package bench

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// A launch says how to start a process.
type launch struct {
	path  string
	args  []string
	log   string // file for its standard error
	cores cores  // that it may run on
	procs int    // GOMAXPROCS; 0 is as many as there are

	environ []string // beside ours, and before it
	gently  bool     // it is to see its own children off: if we are killed it is asked to end
}

// A process is a child that ends with terminate, or with us.
type process struct {
	// Fixed after startProcess.
	cmd    *exec.Cmd
	name   string // in errors
	log    string
	stdin  io.WriteCloser
	stdout io.Reader

	ended chan struct{} // closed once the process is gone
	err   error         // how it went; after ended
}

func startProcess(name string, l launch) (*process, error) {
	log, err := os.Create(l.log)
	if err != nil {
		return nil, fmt.Errorf("make log: %w", err)
	}
	defer log.Close()
	p := &process{cmd: exec.Command(l.path, l.args...), name: name, log: l.log,
		ended: make(chan struct{})}
	p.cmd.Env = plainEnviron()
	if l.procs > 0 {
		p.cmd.Env = append(p.cmd.Env, fmt.Sprintf("GOMAXPROCS=%d", l.procs))
	}
	p.cmd.Env = append(p.cmd.Env, l.environ...)
	p.cmd.Stderr = log
	p.cmd.SysProcAttr = processAttr()
	if l.gently {
		endGently(p.cmd.SysProcAttr)
	}
	if p.stdin, err = p.cmd.StdinPipe(); err == nil {
		p.stdout, err = p.cmd.StdoutPipe()
	}
	if err != nil {
		return nil, fmt.Errorf("make pipe: %w", err)
	}
	if err := p.run(l.cores); err != nil {
		return nil, fmt.Errorf("start %s: %w", l.path, err)
	}
	return p, nil
}

// run starts the process and reaps it. Both are done by one thread that lives as
// long: a process that dies with its parent dies with the parent's thread. It
// also inherits the cores of this thread, which is used for nothing else after.
func (p *process) run(on cores) error {
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with this goroutine
		err := on.pinThread()
		if err == nil {
			err = p.cmd.Start()
		}
		started <- err
		if err == nil {
			var state *os.ProcessState
			if state, err = p.cmd.Process.Wait(); err == nil {
				err = endOf(state)
			}
			p.err = err
		}
		close(p.ended)
	}()
	return <-started
}

// endOf is nil for a process that ended in order.
func endOf(state *os.ProcessState) error {
	if state.Success() {
		return nil
	}
	return &exec.ExitError{ProcessState: state}
}

// terminate ends the process by SIGTERM and, if it does not go, by force.
func (p *process) terminate() error {
	select {
	case <-p.ended: // known to whoever watches it
		return nil
	default:
	}
	_ = p.stdin.Close()
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may be gone already
	select {
	case <-p.ended:
		if p.err != nil {
			return fmt.Errorf("stop %s: %w%s", p.name, p.err, p.logTail())
		}
		return nil
	case <-time.After(stopTimeout):
		p.kill()
		return fmt.Errorf("%w: %s, %v%s", errStuck, p.name, stopTimeout, p.logTail())
	}
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill() // its end is what is waited for
	<-p.ended
}

// watch tells ended when the process ends before ours does so by terminate.
func (p *process) watch(ended func(error)) {
	go func() {
		<-p.ended
		ended(fmt.Errorf("%w: %s: %v%s", errEnded, p.name, p.err, p.logTail()))
	}()
}

// logTail is the end of the process's log, made to follow an error; empty if it
// has said nothing.
func (p *process) logTail() string {
	text, err := os.ReadFile(p.log)
	tail := strings.TrimSpace(string(text))
	if err != nil || tail == "" {
		return ""
	}
	if len(tail) > logTailBytes {
		tail = tail[len(tail)-logTailBytes:]
		if _, rest, ok := strings.Cut(tail, "\n"); ok {
			tail = rest
		}
	}
	return "\nlog of the " + p.name + ":\n  " + strings.ReplaceAll(tail, "\n", "\n  ")
}

// plainEnviron is the environment without settings of Azira: a server is what
// its command line says.
func plainEnviron() []string {
	var out []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "AZIRA_") && !strings.HasPrefix(v, "GOMAXPROCS=") {
			out = append(out, v)
		}
	}
	return out
}

// firstLine waits for the first line of the process's standard output.
func (p *process) firstLine() <-chan string {
	line := make(chan string, 1)
	go func() {
		var text []byte
		one := make([]byte, 1)
		for len(text) < answerBytesMax {
			if n, err := p.stdout.Read(one); n == 0 || err != nil || one[0] == '\n' {
				break
			}
			text = append(text, one[0])
		}
		line <- string(text)
		_, _ = io.Copy(io.Discard, p.stdout)
	}()
	return line
}

// terminateAll ends several at once.
func terminateAll(all []*process) error {
	errs := make([]error, len(all))
	done := make(chan struct{})
	for i, p := range all {
		go func() {
			errs[i] = p.terminate()
			done <- struct{}{}
		}()
	}
	for range all {
		<-done
	}
	return errors.Join(errs...)
}
