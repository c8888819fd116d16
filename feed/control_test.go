package feed

import (
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-zeromq/zmq4"
)

func newControl(t *testing.T) (*Control, *fakeFeed) {
	t.Helper()
	h := &fakeFeed{terminated: make(chan struct{})}
	c, err := ListenControl("tcp://127.0.0.1:0", h, ControlOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c, h
}

func dialReq(t *testing.T, endpoint string) net.Conn {
	t.Helper()
	conn := dial(t, endpoint)
	if err := handshake(conn, zmq4.Req, handshakeTimeout); err != nil {
		t.Fatal(err)
	}
	return conn
}

// receive reads the frames of one message.
func receive(t *testing.T, conn net.Conn) (frames []string) {
	t.Helper()
	conn.SetReadDeadline(time.Now().Add(waitMax))
	for rd := newFrameReader(conn, 256, 1<<20); ; {
		f, err := rd.next()
		if errors.Is(err, errFrameShort) {
			err = rd.fill()
		} else if err == nil {
			frames = append(frames, string(f.body))
			if !f.more() {
				return frames
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestControlOneAnswerEach(t *testing.T) {
	c, h := newControl(t)
	conn := dialReq(t, c.Endpoint())
	const yes, no = `{"status":true`, `{"status":false`
	huge := strings.Repeat("x", requestBytesMax+1)
	for _, x := range []struct {
		in, envelope []string
		want         string
	}{
		{[]string{"", added + `["A"]}}`}, []string{""}, yes},
		{[]string{"", "\xff\xfe"}, []string{""}, no},
		{[]string{"", ""}, []string{""}, no},
		{[]string{"", huge}, []string{""}, no},
		{[]string{"", "a", "b"}, []string{""}, no},
		{[]string{"", huge, huge}, []string{""}, no},
		{[]string{"", added + `["` + strings.Repeat(`A","`, 100_000) + `B"]}}`}, []string{""}, yes},
		{[]string{"id1", "id2", "", added + `["C"]}}`}, []string{"id1", "id2", ""}, yes},
		{[]string{added + `["D"]}}`}, nil, yes}, // a DEALER without the empty frame
		{[]string{"id", "no delimiter"}, []string{"id"}, no},
		{append(strings.Split(strings.Repeat("x", 100), ""), "", "{}"), nil, no},
		{[]string{"", added + `["E"]}}`}, []string{""}, yes},
	} {
		send(t, conn, many(x.in...))
		got := receive(t, conn)
		last, back := got[len(got)-1], got[:len(got)-1]
		if !strings.HasPrefix(last, x.want) {
			t.Errorf("%.60q: answer %.200q, want %s", x.in, last, x.want)
		}
		if x.envelope != nil && !slices.Equal(back, x.envelope) {
			t.Errorf("%.60q: envelope %q", x.in, back)
		}
	}
	if got := strings.Join(h.tokens, ""); got != "AABCDE" {
		t.Errorf("added %q", got)
	}
	send(t, conn, appendFrame(nil, flagCommand, []byte("\x04PING\x00\x01z")))
	if got := receive(t, conn); got[0] != "\x04PONGz" {
		t.Errorf("ping: %q", got)
	}
	send(t, conn, many("", `{"function":"terminate"}`))
	if got := receive(t, conn); !strings.HasPrefix(got[1], yes) {
		t.Errorf("terminate: %q", got)
	}
	<-h.terminated
}

func TestControlHostilePeers(t *testing.T) {
	c, _ := newControl(t)
	dial(t, c.Endpoint()) // half-open
	send(t, dial(t, c.Endpoint()), []byte(strings.Repeat("GET / HTTP/1.1\r\n\r\n", 10)))
	send(t, dialReq(t, c.Endpoint()), many("", "half")[:4])
	send(t, dialReq(t, c.Endpoint()), []byte{2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	giant := dialReq(t, c.Endpoint())
	// It is cut off after the header, perhaps while this is written.
	_, _ = giant.Write(appendFrame(nil, flagCommand, make([]byte, requestBytesMax+1)))
	for range controlPeersMax { // all places taken by the silent
		dial(t, c.Endpoint())
	}
	conn := dialReq(t, c.Endpoint())
	send(t, conn, many("", added+`["A"]}}`))
	if got := receive(t, conn); !strings.Contains(got[1], `"status":true`) {
		t.Errorf("answer among hostile peers: %q", got)
	}
	c.mu.Lock()
	if n := len(c.peers); n > controlPeersMax {
		t.Errorf("%d peers", n)
	}
	c.mu.Unlock()
}
