package feed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"azira/proto"
)

func TestSubscriberMessages(t *testing.T) {
	p := newRawPub(t, "127.0.0.1:0")
	c := &collector{}
	s := start(t, p.endpoint(), c, SubscriberOptions{})
	conn, topics := p.serve(1)
	if topics[0] != "" {
		t.Fatalf("subscribed to %q, want all", topics)
	}
	big := `{"x":"` + strings.Repeat("y", proto.DataBytesMax-8) + `"}`
	send(t, conn,
		one(`A & {"ltp":1}`),
		many(`B`, `{"ltp":2}`),
		one(`C & {"x":"a & b"}`),
		many(`D`, `{}`, `{}`), // frames
		many(`D`, `{}`, strings.Repeat("z", tickBytesMax+1), `{}`), // frames, once
		one(`none`), // no_separator
		one(``),     // no_separator
		one(`D,E & {}`),
		many(``, `{}`),
		one(strings.Repeat("D", 65)+` & {}`),
		many(strings.Repeat("D", 5000), `{}`),
		one("D & {\"\xff\":1}"),
		one(`D & [1]`),
		one(`D & {`+strings.Repeat(" ", proto.DataBytesMax)+`}`),
		one(strings.Repeat("z", tickBytesMax+1)), // too_large, never buffered
		many(strings.Repeat("z", 1<<20), `{}`),
		one("E & "+big),
		appendFrame(nil, flagCommand, []byte("\x07UNKNOWN")),
		one(`Z & {}`),
	)
	eventually(t, "the last tick", func() bool { return c.has("Z={}") })
	want := []string{`A={"ltp":1}`, `B={"ltp":2}`, `C={"x":"a & b"}`, "E=" + big, `Z={}`}
	if got := c.flushed(); !slices.Equal(got, want) {
		t.Errorf("ticks %.60q, want %.60q", got, want)
	}
	if !slices.IsSorted(c.stamps) || time.Since(time.UnixMicro(c.stamps[0])).Abs() > time.Minute {
		t.Errorf("stamps %v", c.stamps)
	}
	st := s.Status()
	wantBad := map[string]uint64{"frames": 2, "no_separator": 2, "topic_name": 2,
		"topic_too_long": 2, "not_utf8": 1, "not_object": 1, "too_large": 3}
	for name, n := range wantBad {
		if st.Bad[name] != n {
			t.Errorf("bad %s: %d, want %d", name, st.Bad[name], n)
		}
	}
	if !st.Connected || st.Ticks != 5 || st.Connects != 1 || st.LastTick == 0 || st.Bytes < 1<<20 {
		t.Errorf("status %+v", st)
	}
}

func TestSubscriberFlushesBeforeItBlocks(t *testing.T) {
	p := newRawPub(t, "127.0.0.1:0")
	c := &collector{}
	start(t, p.endpoint(), c, SubscriberOptions{})
	conn, _ := p.serve(1)
	next := one(`C & {}`)
	send(t, conn, one(`A & {}`), one(`B & {}`), next[:4]) // a burst that ends inside a frame
	eventually(t, "the burst", func() bool { return len(c.flushed()) == 2 })
	send(t, conn, next[4:])
	eventually(t, "the rest", func() bool { return c.has("C={}") })
	send(t, conn, one(`bad`), one(`D & {}`))
	eventually(t, "D", func() bool { return c.has("D={}") })
	if c.flushes > 4 { // reads may split a burst, but 3 writes make few
		t.Errorf("%d flushes", c.flushes)
	}
}

func TestSubscriberComesBack(t *testing.T) {
	p := newRawPub(t, "127.0.0.1:0")
	c := &collector{}
	s := start(t, p.endpoint(), c, SubscriberOptions{Topics: []string{"A", "B"}})
	for i := range 3 {
		conn, topics := p.serve(2)
		if !slices.Equal(topics, []string{"A", "B"}) {
			t.Fatalf("connection %d subscribed to %q", i, topics)
		}
		tick := fmt.Sprintf(`A={"n":%d}`, i)
		cut := []byte{0, 50, 'x'} // the rest never comes
		send(t, conn, one(strings.Replace(tick, "=", " & ", 1)), cut)
		eventually(t, tick, func() bool { return c.has(tick) })
		conn.Close()
		eventually(t, "loss noticed", func() bool { return !s.Status().Connected })
	}
	if n := s.Status().Connects; n != 3 {
		t.Errorf("%d connects, want 3", n)
	}
	addr := p.ln.Addr().String()
	p.ln.Close()
	time.Sleep(300 * time.Millisecond) // some refused dials
	p = newRawPub(t, addr)
	p.serve(2)
	eventually(t, "connected again", func() bool { return s.Status().Connected })
}

// TestSubscriberHostilePeers meets publishers that are none; after each the
// subscriber must come back to a good one.
func TestSubscriberHostilePeers(t *testing.T) {
	var greeting [greetingBytes]byte
	copy(greeting[:], "\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f\x03\x00NULL")
	after := func(s string) []byte { return append(greeting[:], s...) }
	ready := "\x04\x19\x05READY\x0bSocket-Type\x00\x00\x00\x03PUB"
	for name, in := range map[string][]byte{
		"nothing":        nil,
		"http":           []byte("HTTP/1.1 400 Bad Request\r\n\r\n" + strings.Repeat("x", 100)),
		"zeros":          make([]byte, 200),
		"old version":    bytes.Replace(greeting[:], []byte("\x03\x00N"), []byte("\x01\x00N"), 1),
		"curve":          bytes.Replace(greeting[:], []byte("NULL"), []byte("CURV"), 1),
		"giant ready":    after("\x06\x7f\xff\xff\xff\xff\xff\xff\xff"),
		"negative ready": after("\x06\xff\xff\xff\xff\xff\xff\xff\xff"),
		"64 MB ready":    after("\x06\x00\x00\x00\x00\x04\x00\x00\x00"),
		"message first":  after("\x00\x05READY"),
		"bad flags":      after("\xff\x05READY"),
		"empty command":  after("\x04\x00"),
		"short property": after("\x04\x08\x05READY\xff\x00"),
		"cut property":   after("\x04\x0a\x05READY\x03abc"),
		"unknown type":   after("\x04\x19\x05READY\x0bSocket-Type\x00\x00\x00\x03FOO"),
		"wrong type":     after("\x04\x19\x05READY\x0bSocket-Type\x00\x00\x00\x03REP"),
		"error":          after("\x04\x0a\x05ERROR\x03no!"),
		"giant frame":    after(ready + "\x02\x7f\xff\xff\xff\xff\xff\xff\xff"),
		"garbage frames": after(ready + "\x99\x99\x99\x99"),
		"giant command":  after(ready + "\x06\x00\x00\x00\x00\x00\x10\x00\x00"),
	} {
		t.Run(name, func(t *testing.T) {
			p := newRawPub(t, "127.0.0.1:0")
			c := &collector{}
			start(t, p.endpoint(), c, SubscriberOptions{})
			conn := p.accept()
			send(t, conn, in)
			conn.(*net.TCPConn).CloseWrite()
			good, _ := p.serve(1)
			send(t, good, one("A & {}"))
			eventually(t, "a tick after the hostile peer", func() bool { return c.has("A={}") })
		})
	}
}

func TestSubscriberLeavesAHalfOpenPeer(t *testing.T) {
	p := newRawPub(t, "127.0.0.1:0")
	c := &collector{}
	start(t, p.endpoint(), c, SubscriberOptions{HandshakeTimeout: 50 * time.Millisecond})
	silent := p.accept() // takes the connection and says nothing, for ever
	good, _ := p.serve(1)
	send(t, good, one("A & {}"))
	eventually(t, "a tick after the silent peer", func() bool { return c.has("A={}") })
	silent.Close()
}

func TestSubscriberAnswersPing(t *testing.T) {
	p := newRawPub(t, "127.0.0.1:0")
	start(t, p.endpoint(), &collector{}, SubscriberOptions{})
	conn, _ := p.serve(1)
	send(t, conn, appendFrame(nil, flagCommand, []byte("\x04PING\x00\x64ctx")))
	got := make([]byte, 10)
	conn.SetReadDeadline(time.Now().Add(waitMax))
	if _, err := conn.Read(got); err != nil || string(got) != "\x04\x08\x04PONGctx" {
		t.Fatalf("answer %q, %v", got, err)
	}
}

func TestSubscriberEndsWithContext(t *testing.T) {
	p := newRawPub(t, "127.0.0.1:0") // accepts by backlog only: the handshake hangs
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	if err := NewSubscriber(p.endpoint(), &collector{}, SubscriberOptions{}).Run(ctx); err != nil {
		t.Errorf("Run = %v", err)
	}
	if time.Since(began) > handshakeTimeout {
		t.Error("Run waited for the handshake to time out")
	}
	err := NewSubscriber("tcp://nowhere", &collector{}, SubscriberOptions{}).Run(t.Context())
	if !errors.Is(err, ErrEndpoint) {
		t.Errorf("Run of a bad endpoint = %v", err)
	}
}

// A counter is a Sink that only counts.
type counter struct {
	ticks int
	burst chan int
}

func (c *counter) Tick(_, _ []byte, _ int64) { c.ticks++ }
func (c *counter) Flush()                    { c.burst <- c.ticks }

func TestSubscriberAllocs(t *testing.T) {
	p := newRawPub(t, "127.0.0.1:0")
	c := &counter{burst: make(chan int)}
	start(t, p.endpoint(), c, SubscriberOptions{})
	conn, _ := p.serve(1)
	const perRun = 1000
	msgs := bytes.Repeat(append(one(`NSE:1 & {"token":"NSE:1","ltp":1.05}`),
		append(many(`NSE:2`, `{"token":"NSE:2","ltp":2.05}`), one(`bad`)...)...), perRun/2)
	total := 0
	n := testing.AllocsPerRun(20, func() {
		total += perRun
		if _, err := conn.Write(msgs); err != nil {
			t.Fatal(err)
		}
		for <-c.burst < total {
		}
	})
	if n != 0 {
		t.Errorf("%v allocations per %d ticks", n, perRun)
	}
}

func TestStateOf(t *testing.T) {
	at := func(connected bool, age time.Duration) Status {
		return Status{Connected: connected, Quiet: age}
	}
	fresh, old, down := at(true, 0), at(true, 2*time.Second), at(false, 0)
	for i, c := range []struct {
		all  []Status
		want State
	}{
		{nil, Down},
		{[]Status{fresh}, Live},
		{[]Status{fresh, old}, Stale},
		{[]Status{old, down, fresh}, Down},
		{[]Status{{Connected: true, Quiet: new(mark).age()}}, Stale},
	} {
		if got := StateOf(c.all, time.Second); got != c.want {
			t.Errorf("case %d: %s, want %s", i, got, c.want)
		}
	}
}
