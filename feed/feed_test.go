package feed

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const waitMax = 10 * time.Second

// eventually waits until done is true; what says what was waited for.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(waitMax); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if done() {
			return
		}
	}
	t.Fatalf("waited %v for: %s", waitMax, what)
}

// A collector is a Sink that keeps everything.
type collector struct {
	mu      sync.Mutex
	ticks   []string // TOPIC=JSON
	stamps  []int64
	flushes int
	loose   int // ticks since the last Flush
}

func (c *collector) Tick(topic, data []byte, ts int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ticks = append(c.ticks, string(topic)+"="+string(data))
	c.stamps = append(c.stamps, ts)
	c.loose++
}

func (c *collector) Flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flushes++
	c.loose = 0
}

// flushed returns the ticks, or nothing while some were not flushed.
func (c *collector) flushed() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.loose > 0 {
		return nil
	}
	return slices.Clone(c.ticks)
}

func (c *collector) has(tick string) bool { return slices.Contains(c.flushed(), tick) }

// start runs a subscriber until the test ends.
func start(t *testing.T, endpoint string, sink Sink, o SubscriberOptions) *Subscriber {
	t.Helper()
	s := NewSubscriber(endpoint, sink, o)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
	return s
}

// A rawPub is a publisher that sends just what a test wants, well-formed or not.
type rawPub struct {
	t  testing.TB
	ln net.Listener
}

func newRawPub(t testing.TB, addr string) *rawPub {
	t.Helper()
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return &rawPub{t, ln}
}

func (p *rawPub) endpoint() string { return endpointOf(p.ln) }

// accept takes a connection without a word.
func (p *rawPub) accept() net.Conn {
	p.t.Helper()
	conn, err := p.ln.Accept()
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { conn.Close() })
	return conn
}

// serve takes a subscriber and returns its first n subscriptions.
func (p *rawPub) serve(n int) (conn net.Conn, topics []string) {
	p.t.Helper()
	conn = p.accept()
	if err := handshake(conn, rolePub, handshakeTimeout); err != nil {
		p.t.Fatal(err)
	}
	for rd := newFrameReader(conn, 256, 256); len(topics) < n; {
		f, err := rd.next()
		if errors.Is(err, errFrameShort) {
			err = rd.fill()
		} else if err == nil && len(f.body) > 0 && f.body[0] == 1 {
			topics = append(topics, string(f.body[1:]))
		}
		if err != nil {
			p.t.Fatal(err)
		}
	}
	return conn, topics
}

func send(t *testing.T, conn net.Conn, frames ...[]byte) {
	t.Helper()
	if _, err := conn.Write(slices.Concat(frames...)); err != nil {
		t.Fatal(err)
	}
}

func one(msg string) []byte { return appendFrame(nil, 0, []byte(msg)) }

func many(frames ...string) (p []byte) {
	for i, f := range frames {
		flags := byte(flagMore)
		if i == len(frames)-1 {
			flags = 0
		}
		p = appendFrame(p, flags, []byte(f))
	}
	return p
}
