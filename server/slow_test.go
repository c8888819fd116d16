package server

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"azira/proto"

	"github.com/coder/websocket"
)

// lean is an HTTP client whose sockets take little ahead of who reads them.
func lean() *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
			if err == nil {
				_ = c.(*net.TCPConn).SetReadBuffer(4 << 10)
			}
			return c, err
		},
	}}
}

// leanTyped is typed on such a socket. One that is not read for long waits as long again
// once it is: it dropped segments, and their sender tries ever more seldom.
func (s *running) leanTyped(bearer, protocol string) *typed {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, _, err := websocket.Dial(ctx, "ws://"+s.addrs.Public+"/api/v1/stream?hb_ms=500",
		&websocket.DialOptions{HTTPClient: lean(), Subprotocols: []string{protocol},
			HTTPHeader: http.Header{"Authorization": {"Bearer " + bearer}}})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = c.CloseNow() })
	p := s.begin(c, protocol)
	p.patience = time.Minute
	return p
}

// A stream that is not read for a while is told exactly what it did not get: what it
// received and what was skipped are all that was published.
func TestSlowTypedStreamIsToldWhatItMissed(t *testing.T) {
	t.Parallel()
	const ticks = 2000
	s, f := startWithFeed(t)
	ann := s.account("ann")
	pad := strings.Repeat("x", 8<<10)
	tick := func(n int) { f.tick("A", fmt.Sprintf(`{"ltp":%d,"pad":%q}`, n, pad)) }
	tick(1)
	s.known(ann, "A")
	p := s.leanTyped(ann, proto.ProtocolJSON)
	last := p.ask(`{"op":"subscribe","tokens":["A"],"snapshot":false}`).list("ok")[0].number("seq")
	if last != 1 {
		t.Fatalf("baseline %v", last)
	}
	for n := 2; n <= ticks; n++ {
		tick(n)
		if n%50 == 0 {
			time.Sleep(5 * time.Millisecond) // the bus, too, drops for who lags
		}
	}
	eventually(t, "all is there", func() bool { return s.last(ann, "A").at("seq") == float64(ticks) })
	received, skipped := 0.0, 0.0
	for {
		e := p.next()
		switch e["type"] {
		case "skip":
			if e.number("count") != e.number("seq")-1-last {
				t.Fatalf("after %v: %v", last, e)
			}
			skipped += e.number("count")
			last = e.number("seq") - 1
		case "tick":
			if e.number("seq") != last+1 {
				t.Fatalf("after %v: tick %v", last, e["seq"])
			}
			last++
			received++
		case "hb":
			if e.number("sum") != last {
				t.Fatalf("after %v: %v", last, e)
			}
			if last == ticks {
				if received+skipped != ticks-1 || skipped == 0 {
					t.Errorf("received %v, skipped %v", received, skipped)
				}
				if n := s.metric(`ticks_skipped_total{reason="slow"}`); n != skipped {
					t.Errorf("the metric has %v skipped, the stream %v", n, skipped)
				}
				return
			}
		default:
			t.Fatalf("%v", e)
		}
	}
}
