package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"azira/feed"
)

// asPeer makes this test binary the command itself.
const asPeer = "AZIRA_TEST_AS_PEERS"

func TestMain(m *testing.M) {
	if os.Getenv(asPeer) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// start runs a peer and returns where it serves.
func start(t *testing.T, p peer, args ...string) (addr string) {
	t.Helper()
	addr, _ = startProcess(t, p, args...)
	return addr
}

// startProcess is start, with the process. At the end of the test it must end by
// itself, well, on SIGTERM.
func startProcess(t *testing.T, p peer, args ...string) (addr string, running *os.Process) {
	t.Helper()
	cmd := exec.Command(os.Args[0], append([]string{p.name}, args...)...)
	cmd.Env = append(os.Environ(), asPeer+"=1")
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(testTimeout, func() { cmd.Process.Kill() })
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		io.Copy(io.Discard, out)
		if err := cmd.Wait(); err != nil || !late.Stop() {
			t.Errorf("%s ended with %v\n%s", p.name, err, said.String())
		}
		if !strings.Contains(said.String(), "peers: "+p.name+": ticks=") {
			t.Errorf("%s did not tell its counts, but %q", p.name, said.String())
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	words := strings.Fields(line)
	if err != nil || len(words) != 3 || words[0] != "ready" || words[2] != string(p.dialect) {
		t.Fatalf("ready line %q, %v\n%s", line, err, said.String())
	}
	return words[1], cmd.Process
}

func startFeed(t *testing.T) *feed.Publisher {
	t.Helper()
	pub, err := feed.ListenPublisher("tcp://127.0.0.1:0", feed.PublisherOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pub.Close() })
	return pub
}

func waitSubscribed(t *testing.T, pub *feed.Publisher) {
	t.Helper()
	for end := time.Now().Add(testTimeout); pub.Stats().Subscriptions == 0; {
		if time.Now().After(end) {
			t.Fatal("the peer did not subscribe to the feed")
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func json(token string, n int) string { return fmt.Sprintf(`{"token":"%s","ltp":%d.25}`, token, n) }

// TestPeers: every peer that can run here gives two clients exactly the ticks of
// their tokens, unchanged, in order, each once.
func TestPeers(t *testing.T) {
	for _, p := range peers() {
		t.Run(p.name, func(t *testing.T) {
			if err := p.missing(); err != nil {
				t.Skip("missing: ", err)
			}
			t.Parallel()
			pub := startFeed(t)
			addr, running := startProcess(t, p, "--feed", pub.Endpoint())
			waitSubscribed(t, pub)
			a := open(t, addr, p.dialect, "NSE:1", "NSE:2")
			b := open(t, addr, p.dialect, "NSE:2")
			if p.dialect == dialectURL {
				time.Sleep(200 * time.Millisecond) // subscribing is not acknowledged
			}
			const ticks = 200
			for i := range ticks {
				if i == ticks/2 { // to collect disturbs nothing
					if err := running.Signal(syscall.SIGUSR1); err != nil {
						t.Fatal(err)
					}
				}
				for _, token := range []string{"NSE:1", "NSE:2", "NSE:3"} {
					pub.Publish([]byte(token), []byte(json(token, i)))
				}
				if i%10 == 9 {
					pub.Flush()
					time.Sleep(time.Millisecond)
				}
			}
			checkTicks(t, a, p.dialect, ticks, "NSE:1", "NSE:2")
			checkTicks(t, b, p.dialect, ticks, "NSE:2")
			a.silent()
			b.silent()
		})
	}
}

// checkTicks reads n ticks of each token and holds that those of a token come in
// the feed's order. Between tokens no order is promised.
func checkTicks(t *testing.T, c *rawClient, d dialect, n int, tokens ...string) {
	t.Helper()
	next := map[string]int{}
	for range n * len(tokens) {
		got := c.tick(d)
		ok := false
		for _, token := range tokens {
			if got == json(token, next[token]) {
				next[token]++
				ok = true
			}
		}
		if !ok {
			t.Fatalf("got %s after %v", got, next)
		}
	}
}

// TestTextRequests: the text dialect's other words, and that leaving one client
// does not disturb another.
func TestTextRequests(t *testing.T) {
	for _, p := range peers() {
		if p.dialect != dialectText {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			if err := p.missing(); err != nil {
				t.Skip("missing: ", err)
			}
			t.Parallel()
			pub := startFeed(t)
			addr := start(t, p, "--feed", pub.Endpoint())
			waitSubscribed(t, pub)
			stays, leaves := open(t, addr, p.dialect, "A", "B", "A"), open(t, addr, p.dialect, "A")
			leaves.conn.Close()
			stays.send(1, "unsubscribe|B")
			if got := stays.frame(1); got != "Unsubscribed from tokens: B" {
				t.Fatalf("answer %q", got)
			}
			stays.send(1, "nonsense")
			if got := stays.frame(1); !strings.HasPrefix(got, "Error: expected") {
				t.Fatalf("answer %q", got)
			}
			for i := range 10 {
				pub.Publish([]byte("B"), []byte(json("B", i)))
				pub.Publish([]byte("A"), []byte(json("A", i)))
				pub.Flush()
			}
			checkTicks(t, stays, p.dialect, 10, "A")
			stays.silent()
		})
	}
}

// TestFloorPerSend: with K frames in a send a client gets as many frames as ticks
// were due, K of each Kth tick.
func TestFloorPerSend(t *testing.T) {
	p, err := find("floor")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.missing(); err != nil {
		t.Skip("missing: ", err)
	}
	pub := startFeed(t)
	addr := start(t, p, "--feed", pub.Endpoint(), "--clients", "2", "--per-send", "5")
	waitSubscribed(t, pub)
	c := open(t, addr, p.dialect, "A")
	for i := range 10 {
		pub.Publish([]byte("A"), []byte(json("A", i)))
	}
	pub.Flush()
	for i := range 10 {
		if got, want := c.frame(1), json("A", i/5*5+4); got != want {
			t.Fatalf("frame %d is %s, want %s", i, got, want)
		}
	}
	c.silent()
}

// TestStalled: a client that reads nothing loses ticks but never half a frame, and
// the other one gets all.
func TestStalled(t *testing.T) {
	for _, name := range []string{"floor", "gorilla"} {
		t.Run(name, func(t *testing.T) {
			p, err := find(name)
			if err != nil {
				t.Fatal(err)
			}
			if err := p.missing(); err != nil {
				t.Skip("missing: ", err)
			}
			t.Parallel()
			pub := startFeed(t)
			addr := start(t, p, "--feed", pub.Endpoint())
			waitSubscribed(t, pub)
			stalled, reads := open(t, addr, p.dialect, "A"), open(t, addr, p.dialect, "A")
			pad := strings.Repeat("x", 8<<10)
			const ticks = 2000 // 16 MB: more than the kernel keeps for a socket
			for i := range ticks {
				want := fmt.Sprintf(`{"n":%d,"pad":"%s"}`, i, pad)
				pub.Publish([]byte("A"), []byte(want))
				pub.Flush()
				if got := reads.frame(1); got != want {
					t.Fatalf("tick %d is %.30s", i, got)
				}
			}
			// It reads again: what the kernel kept, then ticks of now.
			done, ended := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(ended)
				for i := ticks; ; i++ {
					pub.Publish([]byte("A"), fmt.Appendf(nil, `{"n":%d,"pad":""}`, i))
					pub.Flush()
					select {
					case <-done:
						return
					case <-time.After(5 * time.Millisecond):
					}
				}
			}()
			last, lost := -1, 0
			for n := 0; last < ticks; last = n {
				if _, err := fmt.Sscanf(stalled.frame(1), `{"n":%d,`, &n); err != nil || n <= last {
					t.Fatalf("tick %d after %d, %v", n, last, err)
				}
				lost += n - last - 1
			}
			close(done)
			<-ended
			if lost == 0 {
				t.Fatal("no tick was lost: it did not stall")
			}
		})
	}
}

func TestList(t *testing.T) {
	var out bytes.Buffer
	if err := run(context.Background(), []string{"list"}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	for _, p := range peers() {
		state := "ready"
		if p.missing() != nil {
			state = "missing"
		}
		found := false
		for l := range strings.Lines(out.String()) {
			words := strings.Fields(l)
			found = found || len(words) > 3 && words[0] == p.name && words[1] == state &&
				words[2] == string(p.dialect)
		}
		if !found {
			t.Errorf("%s is not in the list:\n%s", p.name, out.String())
		}
	}
}

func TestBadArguments(t *testing.T) {
	for _, tt := range []struct {
		args string
		want error
	}{
		{"", errUsage},
		{"none", errUnknown},
		{"floor more", errUsage},
		{"floor --listen here", errListen},
		{"floor --per-send 0", errPerSend},
		{"floor --per-send 1025", errPerSend},
		{"floor --clients 0", errClients},
		{"floor --tls-cert cert.pem", errNoTLS},
	} {
		err := run(t.Context(), strings.Fields(tt.args), io.Discard, io.Discard)
		if !errors.Is(err, tt.want) {
			t.Errorf("peers %s: %v, want %v", tt.args, err, tt.want)
		}
	}
}

func TestNATSSubject(t *testing.T) {
	for token, want := range map[string]string{
		"NSE:26009": "NSE:26009", "a.b": "a.b", "BTC/USD": "BTC/USD",
		"a b": "", "a..b": "", ".a": "", "a.": "", "a*": "", ">": "",
	} {
		if got := natsSubject(token); got != want {
			t.Errorf("subject of %q is %q, want %q", token, got, want)
		}
	}
}
