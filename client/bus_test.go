package client

import (
	"errors"
	"io"
	"net"
	"slices"
	"testing"
	"time"
)

// pubPeer is a ZMTP 3.0 publisher by the letter of the RFC: it greets each who
// connects, notes the subscriptions, and sends the messages.
func pubPeer(t *testing.T, messages ...string) (endpoint string, topics chan string) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	topics = make(chan string, 64)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			pubSession(nc, topics, messages)
		}
	}()
	t.Cleanup(func() { ln.Close(); <-done })
	return "tcp://" + ln.Addr().String(), topics
}

func pubSession(nc net.Conn, topics chan<- string, messages []string) {
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(5 * time.Second))
	greeting := make([]byte, 64)
	copy(greeting, "\xff\x00\x00\x00\x00\x00\x00\x00\x00\x7f\x03\x00NULL")
	nc.Write(greeting)
	if _, err := io.ReadFull(nc, make([]byte, 64)); err != nil {
		return
	}
	nc.Write([]byte("\x04\x19\x05READY\x0bSocket-Type\x00\x00\x00\x03PUB"))
	for sent := false; ; {
		head := make([]byte, 2)
		if _, err := io.ReadFull(nc, head); err != nil {
			return
		}
		body := make([]byte, head[1])
		if _, err := io.ReadFull(nc, body); err != nil {
			return
		}
		if head[0]&4 != 0 {
			continue
		}
		topics <- string(body)
		for _, m := range messages {
			if sent {
				break
			}
			nc.Write(append([]byte{0, byte(len(m))}, m...))
		}
		sent = true
	}
}

func TestBus(t *testing.T) {
	endpoint, topics := pubPeer(t,
		`NSE:1 & {"token":"NSE:1","ltp":10.5}`,
		`NSE:10 & {"token":"NSE:10","ltp":1}`, // of the same prefix, not asked for
		`garbage`,
		`NSE:1 & {"token":"NSE:1","a":"x & y"}`)
	b, err := OpenBus(endpoint, BusOptions{Tokens: []string{"NSE:1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for _, want := range []string{`{"token":"NSE:1","ltp":10.5}`, `{"token":"NSE:1","a":"x & y"}`} {
		got := receive(t, b.Ticks())
		if got.Token != "NSE:1" || string(got.Data) != want || time.Since(got.Time) > time.Minute {
			t.Fatalf("got %q %s %v", got.Token, got.Data, got.Time)
		}
	}
	if got := <-topics; got != "\x01NSE:1" {
		t.Fatalf("subscribed %q", got)
	}
	eventually(t, "counters", func() bool {
		st := b.Stats()
		return st.Connected && st.Connects == 1 && st.Ticks == 3 && st.Bad["no_separator"] == 1
	})
	b.Close()
	finished(t, b.Ticks())
	b.Close()
}

func TestBusAll(t *testing.T) {
	endpoint, _ := pubPeer(t, `A & {"ltp":1}`, `B & {"ltp":2}`)
	b, err := OpenBus(endpoint, BusOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	got := []string{receive(t, b.Ticks()).Token, receive(t, b.Ticks()).Token}
	if !slices.Equal(got, []string{"A", "B"}) {
		t.Fatalf("got %q", got)
	}
}

func TestBusBadInput(t *testing.T) {
	if _, err := OpenBus("127.0.0.1:5556", BusOptions{}); !errors.Is(err, ErrEndpoint) {
		t.Errorf("endpoint: %v", err)
	}
	for want, tokens := range map[error][]string{ErrToken: {"A,B"}, ErrNoTokens: {}} {
		_, err := OpenBus("tcp://127.0.0.1:5556", BusOptions{Tokens: tokens})
		if !errors.Is(err, want) {
			t.Errorf("%q: %v", tokens, err)
		}
	}
}
