package feed

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func newPublisher(t *testing.T, o PublisherOptions) *Publisher {
	t.Helper()
	p, err := ListenPublisher("tcp://127.0.0.1:0", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// subscribed waits until a publisher's peers hold n subscriptions.
func subscribed(t testing.TB, p *Publisher, n int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d subscriptions", n), func() bool {
		return p.Stats().Subscriptions == n
	})
}

func dial(t *testing.T, endpoint string) net.Conn {
	t.Helper()
	network, addr, err := ParseEndpoint(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// dialSub is a subscriber that then does only what the test does.
func dialSub(t *testing.T, endpoint string, topics ...string) net.Conn {
	t.Helper()
	conn := dial(t, endpoint)
	if err := handshake(conn, roleSub, handshakeTimeout); err != nil {
		t.Fatal(err)
	}
	for _, topic := range topics {
		send(t, conn, one("\x01"+topic))
	}
	return conn
}

func (c *collector) topics() (all []string) {
	for _, tick := range c.flushed() {
		topic, _, _ := strings.Cut(tick, "=")
		all = append(all, topic)
	}
	return all
}

func TestPublisherPrefixes(t *testing.T) {
	p := newPublisher(t, PublisherOptions{})
	all, some := &collector{}, &collector{}
	start(t, p.Endpoint(), all, SubscriberOptions{})
	start(t, p.Endpoint(), some, SubscriberOptions{Topics: []string{"NSE:1 ", "B", "BC"}})
	subscribed(t, p, 4)
	long := []byte(`{"x":"` + strings.Repeat("y", 300) + `"}`)
	names := []string{"NSE:1", "NSE:11", "A", "B", "BC", "C", "BZ"}
	for _, name := range names {
		p.Publish([]byte(name), long)
	}
	if all.flushed() != nil {
		t.Error("ticks left before Flush")
	}
	p.Flush()
	eventually(t, "all ticks", func() bool { return slices.Equal(all.topics(), names) })
	want := []string{"NSE:1", "B", "BC", "BZ"}
	eventually(t, "some ticks", func() bool { return slices.Equal(some.topics(), want) })
	if st := p.Stats(); st.Ticks != 7 || st.Sent != 11 || st.Dropped != 0 || st.Peers != 2 {
		t.Errorf("stats %+v", st)
	}
}

func TestPublisherSubscriptionsChange(t *testing.T) {
	p := newPublisher(t, PublisherOptions{})
	conn := dialSub(t, p.Endpoint(), "A", "A", "B")
	subscribed(t, p, 2)
	send(t, conn, one("\x00A"), one("\x00never held"), one("other words"), one(""))
	subscribed(t, p, 1)
	send(t, conn, appendFrame(nil, flagCommand, []byte("\x09SUBSCRIBEC")))
	subscribed(t, p, 2)
	send(t, conn, appendFrame(nil, flagCommand, []byte("\x06CANCELB")),
		appendFrame(nil, flagCommand, []byte("\x04PING\x00\x01x")))
	subscribed(t, p, 1)
	for _, name := range []string{"A", "B", "C"} {
		p.Publish([]byte(name), []byte("{}"))
	}
	p.Flush()
	want := "\x04\x06\x04PONGx" + string(one("C & {}"))
	got := make([]byte, len(want))
	conn.SetReadDeadline(time.Now().Add(waitMax))
	for n := 0; n < len(got); {
		m, err := conn.Read(got[n:])
		if err != nil {
			t.Fatalf("%q: %v", got[:n], err)
		}
		n += m
	}
	if string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPublisherStuckSubscriber(t *testing.T) {
	p := newPublisher(t, PublisherOptions{PeerBytes: 2 * chunkBytes})
	c := &collector{}
	start(t, p.Endpoint(), c, SubscriberOptions{})
	dialSub(t, p.Endpoint(), "") // never reads
	subscribed(t, p, 2)
	data := []byte(`{"x":"` + strings.Repeat("y", 1000) + `"}`)
	n := 0
	for p.Stats().Dropped < 1000 { // the stuck one: its kernel buffers and queue are full
		for range 50 {
			p.Publish([]byte("A"), data)
			n++
		}
		p.Flush()
		eventually(t, "the good one keeps up", func() bool { return len(c.flushed()) == n })
		if n > 1_000_000 {
			t.Fatal("nothing is dropped")
		}
	}
	began := time.Now()
	p.Publish([]byte("Z"), []byte("{}"))
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if d := time.Since(began); d > drainTimeout+2*time.Second {
		t.Errorf("Close took %v", d)
	}
	eventually(t, "the good one got the last tick", func() bool { return c.has("Z={}") })
	if st := p.Stats(); st.Sent+st.Dropped != 2*st.Ticks || st.Peers != 0 {
		t.Errorf("stats %+v", st)
	}
}

func TestPublisherCloseDrains(t *testing.T) {
	p := newPublisher(t, PublisherOptions{})
	c := &collector{}
	start(t, p.Endpoint(), c, SubscriberOptions{})
	subscribed(t, p, 1)
	const n = 50_000
	for range n {
		p.Publish([]byte(benchTopic), []byte(benchData))
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	eventually(t, "every tick", func() bool { return len(c.flushed()) == n })
}

func TestPublisherHostilePeers(t *testing.T) {
	p := newPublisher(t, PublisherOptions{})
	silent := dial(t, p.Endpoint())
	send(t, dial(t, p.Endpoint()), []byte(strings.Repeat("GET / HTTP/1.1\r\n\r\n", 10)))
	send(t, dial(t, p.Endpoint()), make([]byte, 300))
	for _, hostile := range [][]byte{
		{2, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		{0xee, 0xee, 0xee},
		appendFrame(nil, 0, append([]byte{1}, make([]byte, subscribeBytesMax)...)),
		appendFrame(nil, flagCommand, nil),
	} {
		conn := dialSub(t, p.Endpoint())
		send(t, conn, hostile)
	}
	greedy := dialSub(t, p.Endpoint())
	var all []byte
	for i := range subscriptionsMax + 1 {
		all = append(all, one(fmt.Sprintf("\x01%d", i))...)
	}
	send(t, greedy, all)
	greedy.SetReadDeadline(time.Now().Add(waitMax))
	_, err := greedy.Read(make([]byte, 1))
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a peer with too many subscriptions: %v", err)
	}
	c := &collector{}
	start(t, p.Endpoint(), c, SubscriberOptions{Topics: []string{"A"}})
	eventually(t, "tick among hostile peers", func() bool {
		p.Publish([]byte("A"), []byte("{}"))
		p.Flush()
		return c.has("A={}")
	})
	silent.Close()
}

func TestPublisherPortInUse(t *testing.T) {
	p := newPublisher(t, PublisherOptions{})
	_, err := ListenPublisher(p.Endpoint(), PublisherOptions{})
	if !errors.Is(err, syscall.EADDRINUSE) || strings.Contains(err.Error(), "\n") {
		t.Errorf("second publisher: %v", err)
	}
	if _, err := ListenPublisher("5556", PublisherOptions{}); !errors.Is(err, ErrEndpoint) {
		t.Errorf("bad endpoint: %v", err)
	}
	_, err = ListenPublisher("tcp://127.0.0.1:0", PublisherOptions{PeerBytes: 1})
	if !errors.Is(err, ErrConfig) {
		t.Errorf("tiny queue: %v", err)
	}
}

func TestPublisherAllocs(t *testing.T) {
	p := newPublisher(t, PublisherOptions{})
	c := &counter{burst: make(chan int)}
	start(t, p.Endpoint(), c, SubscriberOptions{})
	dialSub(t, p.Endpoint(), "B")
	subscribed(t, p, 2)
	topic, data := []byte("A"), []byte(`{"token":"A","ltp":1.05}`)
	total := 0
	burst := func() {
		const n = 1000
		total += n
		for range n {
			p.Publish(topic, data)
		}
		p.Flush()
		for <-c.burst < total {
			runtime.Gosched()
		}
	}
	burst()
	burst()
	if n := testing.AllocsPerRun(20, burst); n != 0 {
		t.Errorf("%v allocations per 1000 ticks", n)
	}
}
