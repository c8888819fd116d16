package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"azira/feed"

	"github.com/coder/websocket"
	"github.com/go-zeromq/zmq4"
)

// clientFrame is a text frame masked with zeros, as a client sends it.
func clientFrame(text string) []byte {
	if len(text) > 125 {
		panic("too long for this test's frames")
	}
	return append([]byte{0x81, 0x80 | byte(len(text)), 0, 0, 0, 0}, text...)
}

// rawStream opens a stream on a bare socket, which reads nothing by itself.
func (s *running) rawStream(bearer string, frames ...string) *net.TCPConn {
	s.t.Helper()
	c, err := net.Dial("tcp", s.addrs.Public)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	_ = c.(*net.TCPConn).SetReadBuffer(4 << 10)
	text := []byte(upgradeText("/api/v1/stream", "+Authorization: Bearer "+bearer))
	for _, f := range frames {
		text = append(text, clientFrame(f)...)
	}
	if _, err := c.Write(text); err != nil {
		s.t.Fatal(err)
	}
	return c.(*net.TCPConn)
}

func TestFaultRefusedSubscribeLosesTheSlot(t *testing.T) {
	s, f := startWithFeed(t)
	bearer := s.account("ann")
	f.tick("A", `{"n":0}`)
	s.known(bearer, "A")
	for range 8 {
		c := s.open("/api/v1/stream", bearer)
		if got := say(t, c, "subscribe|A,X"); got != "Tokens not found: X" {
			t.Fatalf("%q", got)
		}
		if code, _ := closeOf(t, c); code != 1008 {
			t.Errorf("closed with %d", code)
		}
		eventually(t, "the slot is free", func() bool { return s.streams(bearer) == 0 })
	}
	c := s.open("/api/v1/stream", bearer)
	say(t, c, "subscribe|A")
	f.tick("A", `{"n":1}`)
	readUntil(t, c, `{"n":1}`)
}

func TestFaultOneReaderThatStopsStopsAll(t *testing.T) {
	t.Parallel()
	s, f := startWithFeed(t)
	bearer := s.account("ann")
	f.tick("A", `{"n":0}`)
	s.known(bearer, "A")
	stuck := s.rawStream(bearer, "subscribe|A")
	c := s.open("/api/v1/stream", bearer)
	c.SetReadLimit(1 << 20)
	say(t, c, "subscribe|A")
	pad := strings.Repeat("x", 8<<10)
	for round := range 200 {
		for n := range 5 {
			f.pub.Publish([]byte("A"), fmt.Appendf(nil, `{"n":%d,"pad":%q}`, round*5+n, pad))
		}
		f.pub.Flush()
		last := fmt.Sprintf(`{"n":%d,`, round*5+4)
		for !strings.HasPrefix(read(t, c), last) {
		}
	}
	if n := s.streams(bearer); n != 2 {
		t.Errorf("%d streams: the stuck one should still be there", n)
	}
	if strings.Contains(string(s.adminCall("/metrics").body), "\nazira_parks_total 0\n") {
		t.Error("nothing was parked: the test proves nothing")
	}
	// When it reads again it gets the newest tick, without a close.
	found := make(chan error, 1)
	go func() {
		p, buf := []byte(nil), make([]byte, 64<<10)
		for {
			n, err := stuck.Read(buf)
			p = append(p, buf[:n]...)
			if err != nil || strings.Contains(string(p), `{"n":999,`) {
				found <- err
				return
			}
			p = p[max(0, len(p)-64):]
		}
	}()
	if err := <-found; err != nil {
		t.Errorf("the stuck reader, reading again: %v", err)
	}
}

func TestFaultConnectsAndDisconnectsDisturbFanOut(t *testing.T) {
	s, f := startWithFeed(t, func(c *Config) { c.StreamsPerAccount = 0 })
	bearer := s.account("ann")
	f.tick("A", `{"n":-1}`)
	s.known(bearer, "A")
	steady := s.open("/api/v1/stream", bearer)
	say(t, steady, "subscribe|A")
	done := make(chan struct{})
	var churn sync.WaitGroup
	for i := range 4 {
		churn.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				c := s.rawStream(bearer, "subscribe|A")
				if i%2 == 0 {
					_ = c.SetLinger(0)
				}
				_, _ = c.Read(make([]byte, 100*i))
				c.Close()
			}
		})
	}
	const ticks = 1000
	published := make(chan struct{})
	go func() {
		defer close(published)
		for n := range ticks {
			f.tick("A", fmt.Sprintf(`{"n":%d}`, n))
			time.Sleep(200 * time.Microsecond)
		}
	}()
	for want := 0; want < ticks; {
		var tick struct{ N int }
		if err := json.Unmarshal([]byte(read(t, steady)), &tick); err != nil {
			t.Fatal(err)
		}
		if tick.N == -1 {
			continue
		}
		if tick.N != want {
			t.Fatalf("got tick %d, want %d", tick.N, want)
		}
		want++
	}
	<-published
	close(done)
	churn.Wait()
	eventually(t, "only the steady stream is left", func() bool { return s.streams(bearer) == 1 })
}

func TestFaultDropWhileAnAnswerIsUnderWayLosesTheSlot(t *testing.T) {
	s, f := startWithFeed(t)
	bearer := s.account("ann")
	f.tick("A", `{"n":0}`)
	s.known(bearer, "A")
	for i := range 40 {
		c := s.rawStream(bearer, "subscribe|A", "unsubscribe|A", "subscribe|A,X")
		f.tick("A", `{"n":1}`)
		if i%2 == 0 {
			_ = c.SetLinger(0)
		}
		c.Close()
	}
	s.allSlotsFree(bearer)
}

func TestFaultSecondSeparatorInAMessage(t *testing.T) {
	s, f := startWithFeed(t)
	bearer := s.account("ann")
	f.tick("A", `{"text":"x & y & z"}`)
	s.known(bearer, "A")
	c := s.open("/api/v1/stream", bearer)
	say(t, c, "subscribe|A")
	f.tick("A", `{"text":"1 & 2 & 3"}`)
	readUntil(t, c, `{"text":"1 & 2 & 3"}`)
}

// The control socket answers every request, whatever its bytes, and the feed goes on.
func TestFaultControlSocketDiesOfBadRequests(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	type ends struct{ pub, control string }
	ready, ended := make(chan ends, 1), make(chan error, 1)
	go func() {
		ended <- feed.RunFeed(ctx, feed.FeedConfig{Pub: "tcp://127.0.0.1:0",
			Control: "tcp://127.0.0.1:0", Tokens: []string{"A"}, Rate: 100, Seed: 1,
			Ready: func(p, c string) { ready <- ends{p, c} }})
	}()
	at := <-ready
	s := start(t, func(c *Config) { c.Feed = []string{at.pub} })
	bearer := s.account("ann")
	req := zmq4.NewReq(ctx)
	defer req.Close()
	if err := req.Dial(at.control); err != nil {
		t.Fatal(err)
	}
	for _, tokens := range []string{`"NSE:1"`, `1`, `""`, `[]`, `[""]`, `["a&b"]`,
		`["a|b"]`, `["a,b"]`, `[1]`, `[null]`, `{}`,
		`["` + strings.Repeat("x", 65) + `"]`, "[\"\xff\"]", `[" a"]`} {
		a := askFeed(t, req, `{"function":"addto_Feed","payload":{"tokens":`+tokens+`}}`)
		if a.Status || !a.Error || a.Message == "" {
			t.Errorf("%q: %+v", tokens, a)
		}
	}
	for _, bytes := range []string{"\xff\xfe\xfd", "", "{", "null", `{"function":7}`} {
		if a := askFeed(t, req, bytes); !a.Error || a.Message == "" {
			t.Errorf("%q: %+v", bytes, a)
		}
	}
	a := askFeed(t, req, `{"function":"addto_Feed","payload":{"tokens":["NSE/9"]}}`)
	if !a.Status || a.Message != "Data Received." {
		t.Errorf("%+v", a)
	}
	s.known(bearer, "A", "NSE/9")
	if a := askFeed(t, req, `{"function":"terminate"}`); !a.Status {
		t.Errorf("terminate: %+v", a)
	}
	if err := <-ended; err != nil {
		t.Errorf("the feed ended with %v", err)
	}
}

type feedAnswer struct {
	Status, Error bool
	Message       string
}

func askFeed(t *testing.T, req zmq4.Socket, request string) (a feedAnswer) {
	t.Helper()
	if err := req.Send(zmq4.NewMsgString(request)); err != nil {
		t.Fatal(err)
	}
	m, err := req.Recv()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(m.Bytes(), &a); err != nil {
		t.Fatalf("%q: %v", m.Bytes(), err)
	}
	return a
}

func TestFaultTwoMegabytesOfUnknownTokenEchoedBack(t *testing.T) {
	s := start(t)
	bearer := s.account("ann")
	for _, size := range []int{100 << 10, 2 << 20} {
		c := s.open("/api/v1/stream", bearer)
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		go func() {
			name := strings.Repeat("x", size)
			_ = c.Write(ctx, websocket.MessageText, []byte("subscribe|"+name))
		}()
		back := 0
		for {
			_, p, err := c.Read(ctx)
			back += len(p)
			if err != nil {
				var ce websocket.CloseError
				if errors.As(err, &ce) && ce.Code != 1008 && ce.Code != 1009 {
					t.Errorf("%d bytes: closed with %d", size, ce.Code)
				}
				break
			}
		}
		cancel()
		if back > 4<<10 {
			t.Errorf("%d bytes: %d bytes came back", size, back)
		}
	}
	eventually(t, "no slot is held", func() bool { return s.streams(bearer) == 0 })
}

func TestFaultTokensUnknownAfterARestart(t *testing.T) {
	s, f := startWithFeed(t)
	bearer := s.account("ann")
	f.tick("A", `{"n":1}`)
	s.known(bearer, "A")
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	c := testConfig(t)
	c.Data = s.config.Data
	s = startConfig(t, c)
	got := say(t, s.open("/api/v1/stream", bearer), "subscribe|A")
	if got != "Subscribed to tokens: A" {
		t.Errorf("%q", got)
	}
}
