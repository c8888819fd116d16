package server

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"
	"time"

	"azira/feed"

	"github.com/coder/websocket"
)

// A bus is a publisher on a real ZeroMQ socket.
type bus struct {
	t   *testing.T
	pub *feed.Publisher
}

// startWithFeed starts a server and a bus it is subscribed to.
func startWithFeed(t *testing.T, change ...func(*Config)) (*running, *bus) {
	t.Helper()
	pub, err := feed.ListenPublisher("tcp://127.0.0.1:0", feed.PublisherOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pub.Close() })
	s := start(t, append(change, func(c *Config) { c.Feed = []string{pub.Endpoint()} })...)
	eventually(t, "subscribed", func() bool { return pub.Stats().Subscriptions > 0 })
	return s, &bus{t, pub}
}

// tick publishes one tick at once.
func (b *bus) tick(topic, data string) {
	b.pub.Publish([]byte(topic), []byte(data))
	b.pub.Flush()
}

// known waits until the server knows a token.
func (s *running) known(bearer string, names ...string) {
	s.t.Helper()
	for _, name := range names {
		eventually(s.t, name+" is known", func() bool {
			list, _ := s.call("GET", "/api/v1/tokens", nil, as(bearer)...).at("tokens").([]any)
			return slices.Contains(list, any(name))
		})
	}
}

// last is the answer for a token's last tick.
func (s *running) last(bearer, name string) reply {
	s.t.Helper()
	return s.call("GET", "/api/v1/ticks/"+url.PathEscape(name), nil, as(bearer)...)
}

// read is the next message of a stream.
func read(t *testing.T, c *websocket.Conn) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, p, err := c.Read(ctx)
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	return string(p)
}

// readUntil reads past earlier ticks: a token is known a moment before its
// first tick reaches the streams, so that one of then may still get it.
func readUntil(t *testing.T, c *websocket.Conn, want string) {
	t.Helper()
	for read(t, c) != want {
	}
}

func newRequest(t *testing.T, host string) *http.Request {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/livez", nil)
	r.Host = host
	return r
}

func TestTicksReachStreams(t *testing.T) {
	s, f := startWithFeed(t)
	bearer := s.account("ann")
	f.tick("NSE:1", `{"ltp":1}`)
	f.tick("A/B", `{"ltp" : 2 , "more":[1]}`)
	s.known(bearer, "NSE:1", "A/B")
	c := s.open("/api/trigger/ws/ann", bearer)
	if got := say(t, c, "subscribe|NSE:1, A/B"); got != "Subscribed to tokens: NSE:1, A/B" {
		t.Fatalf("%q", got)
	}
	f.tick("A/B", `{"ltp" : 3 , "more":[1]}`)
	readUntil(t, c, `{"ltp" : 3 , "more":[1]}`)
	for _, path := range []string{"A/B", "A%2FB"} {
		r := s.call("GET", "/api/v1/ticks/"+path, nil, as(bearer)...)
		if r.StatusCode != 200 || r.text("token") != "A/B" || r.at("seq") != 2.0 ||
			r.at("data", "ltp") != 3.0 || !json.Valid(r.body) {
			t.Errorf("%s: %d %s", path, r.StatusCode, r.body)
		}
		ts, _ := r.at("ts").(float64)
		if age := time.Since(time.UnixMicro(int64(ts))); age < 0 || age > time.Minute {
			t.Errorf("ts %v", r.at("ts"))
		}
	}
	r := s.last(bearer, "NSE:1")
	if err := loadDocument(t, openAPIText).check("GET", "/api/v1/ticks/{token}", r); err != nil {
		t.Error(err)
	}
}
