package feed

import (
	"bufio"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The tests in this file speak with libzmq itself, by way of pyzmq (Debian's
// python3-zmq), and are skipped where there is none.

// A script is a running Python program that talks by lines.
type script struct {
	t     *testing.T
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines *bufio.Scanner
}

// libzmq starts a Python program that has zmq, ctx and say() at hand.
func libzmq(t *testing.T, program string, args ...string) *script {
	t.Helper()
	const prelude = "import sys, time, zmq\nctx = zmq.Context()\n" +
		"def say(*a): print(*a, flush=True)\n"
	for _, python := range []string{"/usr/bin/python3", "python3"} {
		if exec.Command(python, "-c", "import zmq").Run() != nil {
			continue
		}
		cmd := exec.Command(python, append([]string{"-c", prelude + program}, args...)...)
		var errors strings.Builder
		cmd.Stderr = &errors
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		s := &script{t, cmd, in, bufio.NewScanner(out)}
		t.Cleanup(func() {
			s.kill()
			if errors.Len() > 0 {
				t.Logf("the program said: %s", &errors)
			}
		})
		return s
	}
	t.Skip("SKIPPED: no python3 with pyzmq (Debian: apt install python3-zmq)")
	return nil
}

func (s *script) kill() {
	// Both fail only when it has ended already.
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

func (s *script) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

func (s *script) line() string {
	s.t.Helper()
	timer := time.AfterFunc(waitMax, func() { _ = s.cmd.Process.Kill() })
	defer timer.Stop()
	if !s.lines.Scan() {
		s.t.Fatalf("the program ended: %v", s.lines.Err())
	}
	return s.lines.Text()
}

// pubProgram publishes numbered ticks on an endpoint, in one frame and in two, among bad ones.
const pubProgram = `
p = ctx.socket(zmq.PUB)
p.setsockopt(zmq.HEARTBEAT_IVL, 100)
p.setsockopt(zmq.HEARTBEAT_TIMEOUT, 300)
p.bind(sys.argv[1])
say(p.getsockopt_string(zmq.LAST_ENDPOINT).rstrip("\0"))
name, n = sys.argv[2], 0
while True:
    n += 1
    p.send_string('%s:one & {"n":%d,"pad":"%s"}' % (name, n, "x" * (n % 600)))
    p.send_multipart([(name + ":two").encode(), b'{"n":%d}' % n])
    p.send(b"\xff bad")
    time.sleep(0.001)
`

func TestLibzmqPublishers(t *testing.T) {
	a := libzmq(t, pubProgram, "tcp://127.0.0.1:*", "A")
	b := libzmq(t, pubProgram, "tcp://127.0.0.1:*", "B")
	addr := a.line()
	ca, cb := &collector{}, &collector{}
	sa := start(t, addr, ca, SubscriberOptions{})
	sb := start(t, b.line(), cb, SubscriberOptions{})
	both := func(c *collector, name string) func() bool {
		return func() bool { return c.hasTopic(name+":one") && c.hasTopic(name+":two") }
	}
	eventually(t, "ticks of A", both(ca, "A"))
	eventually(t, "ticks of B", both(cb, "B"))
	time.Sleep(700 * time.Millisecond) // more than twice what a silent heartbeat survives
	if st := sa.Status(); st.Connects != 1 || !st.Connected {
		t.Errorf("A with heartbeats: %+v", st)
	}
	a.kill()
	eventually(t, "A is gone", func() bool { return !sa.Status().Connected })
	before := sa.Status().Ticks
	libzmq(t, pubProgram, addr, "A")
	eventually(t, "A is back", func() bool { return sa.Status().Ticks > before })
	st, stb := sa.Status(), sb.Status()
	if st.Connects != 2 || stb.Connects != 1 || !stb.Connected {
		t.Errorf("A %+v, B %+v", st, stb)
	}
	if ca.hasTopic("B:one") || cb.hasTopic("A:one") {
		t.Error("an endpoint's ticks came by the other")
	}
	if st.Bad["no_separator"] == 0 {
		t.Errorf("bad messages were not counted: %v", st.Bad)
	}
}

// subProgram subscribes and says how many messages came until the last, z, in what order.
const subProgram = `
s = ctx.socket(zmq.SUB)
s.setsockopt(zmq.RCVHWM, 0)
if sys.argv[3:] != ["silent"]:
    s.setsockopt(zmq.HEARTBEAT_IVL, 100)
    s.setsockopt(zmq.HEARTBEAT_TIMEOUT, 300)
for topic in sys.argv[2].split(","):
    s.setsockopt_string(zmq.SUBSCRIBE, topic)
s.connect(sys.argv[1])
say("ready")
count, last = 0, -1
while True:
    topic, data = s.recv().split(b" & ", 1)
    if topic == b"z":
        break
    n = int(data[5:-1])
    assert n > last, (n, last)
    count, last = count + 1, n
say(count)
`

func TestLibzmqSubscribers(t *testing.T) {
	p := newPublisher(t, PublisherOptions{PeerBytes: 64 * chunkBytes})
	good := libzmq(t, subProgram, p.Endpoint(), "A,B,z")
	stuck := libzmq(t, subProgram, p.Endpoint(), "", "silent") // a pause is no reason to reconnect
	good.line()
	stuck.line()
	subscribed(t, p, 4)
	time.Sleep(700 * time.Millisecond) // more than twice what a silent heartbeat survives
	if n := p.Stats().Peers; n != 2 {
		t.Errorf("%d peers", n)
	}
	stuck.signal(syscall.SIGSTOP)
	n, wanted := 0, 0
	for ; p.Stats().Dropped < 10_000; n++ {
		name := []byte{"ABCD"[n%4]}
		if n%4 < 2 {
			wanted++
		}
		p.Publish(name, fmt.Appendf(nil, `{"n":%d}`, n))
		if n%1000 == 0 {
			p.Flush()
			time.Sleep(100 * time.Microsecond)
		}
	}
	p.Publish([]byte("z"), []byte("{}"))
	p.Flush()
	if got := good.line(); got != fmt.Sprint(wanted) {
		t.Errorf("the good subscriber got %s of %d beside a stuck one", got, wanted)
	}
	stuck.signal(syscall.SIGCONT)
	heard := make(chan struct{})
	var last sync.WaitGroup
	last.Go(func() { // again and again: it may connect anew after its pause
		for {
			p.Publish([]byte("z"), []byte("{}"))
			p.Flush()
			select {
			case <-heard:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
	defer func() { close(heard); last.Wait() }()
	if got := stuck.line(); got == "0" || got == fmt.Sprint(n) {
		t.Errorf("the stuck subscriber got %s of %d", got, n)
	}
}

func TestLibzmqSubscriberUnsubscribes(t *testing.T) {
	p := newPublisher(t, PublisherOptions{})
	s := libzmq(t, `
s = ctx.socket(zmq.SUB)
s.setsockopt_string(zmq.SUBSCRIBE, "A")
s.setsockopt_string(zmq.SUBSCRIBE, "B")
s.connect(sys.argv[1])
sys.stdin.readline()
s.setsockopt_string(zmq.UNSUBSCRIBE, "A")
say(s.recv())
`, p.Endpoint())
	subscribed(t, p, 2)
	fmt.Fprintln(s.in)
	subscribed(t, p, 1)
	p.Publish([]byte("A"), []byte("{}"))
	p.Publish([]byte("B"), []byte("{}"))
	p.Flush()
	if got := s.line(); got != `b'B & {}'` {
		t.Errorf("got %s", got)
	}
}

func TestLibzmqRequests(t *testing.T) {
	f := runFeed(t, FeedConfig{Tokens: []string{"A"}, Rate: 100})
	c := &collector{}
	start(t, f.pub, c, SubscriberOptions{})
	eventually(t, "a tick", func() bool { return c.hasTopic("A") })
	s := libzmq(t, `
r = ctx.socket(zmq.REQ)
r.setsockopt(zmq.HEARTBEAT_IVL, 100)
r.setsockopt(zmq.HEARTBEAT_TIMEOUT, 300)
r.connect(sys.argv[1])
for frames in [
    [b'{"function":"addto_Feed","payload":{"tokens":["NEW:1"]}}'],
    [b'\xff\xfe\x00'], [b''], [b'x' * 5000000], [b'a', b'b', b'c'],
    [b'{"function":"addto_Feed","payload":{"tokens":"NEW:2"}}'],
    [b'{"function":"addto_Feed","payload":{"tokens":["N&W"]}}'],
    [b'{"function":"terminate"}']]:
    r.send_multipart(frames)
    say(r.recv().decode())
    time.sleep(0.1)
`, f.control)
	const yes, end = `{"status":true,"error":false,"data":`, `,"message":"Data Received."}`
	if got := s.line(); got != yes+`["NEW:1"]`+end {
		t.Errorf("addto_Feed: %s", got)
	}
	for i := range 6 {
		if got := s.line(); !strings.HasPrefix(got, refusal) {
			t.Errorf("bad request %d: %s", i, got)
		}
	}
	eventually(t, "the new token", func() bool { return c.hasTopic("NEW:1") })
	if got := s.line(); got != yes+`[]`+end {
		t.Errorf("terminate: %s", got)
	}
	if err := <-f.ended; err != nil {
		t.Errorf("RunFeed = %v", err)
	}
}
