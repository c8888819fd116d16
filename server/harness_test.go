package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// A running is a whole server on real sockets, a real database and no feed
// unless the test gave one.
type running struct {
	t      *testing.T
	addrs  Addresses
	config Config
	log    *syncBuffer
	cancel context.CancelFunc
	ended  chan error
}

// testConfig is a server on free ports with a directory of its own.
func testConfig(t *testing.T) Config {
	t.Helper()
	c := Defaults()
	c.Listen, c.Admin, c.Data = "127.0.0.1:0", "127.0.0.1:0", t.TempDir()
	c.Feed, c.DrainWindow, c.Loops, c.RingBytes = nil, 0, 2, 4<<20
	c.hashMemoryKiB = 64
	return c
}

// start runs a server until the test ends or stop is called.
func start(t *testing.T, change ...func(*Config)) *running {
	t.Helper()
	c := testConfig(t)
	for _, f := range change {
		f(&c)
	}
	return startConfig(t, c)
}

func startConfig(t *testing.T, c Config) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &running{t: t, config: c, cancel: cancel, ended: make(chan error, 1), log: &syncBuffer{}}
	c.Logger = testLogger(s.log)
	ready := make(chan Addresses, 1)
	go func() { s.ended <- Run(ctx, c, func(a Addresses) { ready <- a }) }()
	select {
	case s.addrs = <-ready:
	case err := <-s.ended:
		cancel()
		t.Fatalf("start: %v", err)
	}
	t.Cleanup(func() {
		if s.ended != nil {
			if err := s.stop(); err != nil {
				t.Errorf("stop: %v", err)
			}
		}
	})
	return s
}

// stop ends the server in order and returns what Run said.
func (s *running) stop() error {
	s.cancel()
	defer func() { s.ended = nil }()
	select {
	case err := <-s.ended:
		return err
	case <-time.After(20 * time.Second):
		s.t.Fatal("the server does not end")
		return nil
	}
}

// A reply is an HTTP answer, read.
type reply struct {
	*http.Response
	body []byte
	json any
}

// at walks into the JSON by names.
func (r reply) at(names ...string) any {
	v := r.json
	for _, n := range names {
		m, _ := v.(map[string]any)
		v = m[n]
	}
	return v
}

func (r reply) text(names ...string) string {
	v, _ := r.at(names...).(string)
	return v
}

// call makes one request. body is sent as it is when a string, else as JSON;
// headers come as pairs.
func (s *running) call(method, path string, body any, headers ...string) reply {
	s.t.Helper()
	return s.callAt("http://"+s.addrs.Public, method, path, body, headers...)
}

func (s *running) callAt(base, method, path string, body any, headers ...string) reply {
	s.t.Helper()
	var rd io.Reader
	text, isText := body.(string)
	switch {
	case isText:
		rd = strings.NewReader(text)
	case body != nil:
		rd = bytes.NewReader(mustJSON(body))
	}
	req, err := http.NewRequest(method, base+path, rd)
	if err != nil {
		s.t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	tr := &http.Transport{DisableKeepAlives: true, DisableCompression: true}
	resp, err := tr.RoundTrip(req)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	r := reply{Response: resp}
	if r.body, err = io.ReadAll(resp.Body); err != nil {
		s.t.Fatalf("%s %s: read answer: %v", method, path, err)
	}
	_ = json.Unmarshal(r.body, &r.json)
	return r
}

const goodPassword = "correct horse"

func credentials(name, password string) map[string]string {
	return map[string]string{"username": name, "password": password}
}

// account registers name and returns a fresh bearer of it.
func (s *running) account(name string) string {
	s.t.Helper()
	r := s.call("POST", "/api/v1/users/register", credentials(name, goodPassword))
	if r.StatusCode != 200 {
		s.t.Fatalf("register %q: %d %s", name, r.StatusCode, r.body)
	}
	return s.login(name)
}

func (s *running) login(name string) string {
	s.t.Helper()
	r := s.call("POST", "/api/v1/users/login", credentials(name, goodPassword))
	bearer := r.text("access_token", "access_token")
	if r.StatusCode != 200 || bearer == "" {
		s.t.Fatalf("login %q: %d %s", name, r.StatusCode, r.body)
	}
	return bearer
}

func as(bearer string) []string { return []string{"Authorization", "Bearer " + bearer} }

// dial opens a stream with an independent client.
func (s *running) dial(path, bearer string) (*websocket.Conn, *http.Response, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	o := &websocket.DialOptions{HTTPHeader: http.Header{}}
	if bearer != "" {
		o.HTTPHeader.Set("Authorization", "Bearer "+bearer)
	}
	return websocket.Dial(ctx, "ws://"+s.addrs.Public+path, o)
}

// refused is the status that a request for a stream is refused with; 0 when
// it was taken.
func (s *running) refused(path, bearer string) int {
	s.t.Helper()
	c, r, err := s.dial(path, bearer)
	if err == nil {
		_ = c.CloseNow()
		return 0
	}
	if r == nil {
		s.t.Fatalf("dial %s: %v", path, err)
	}
	return r.StatusCode
}

// open opens a stream that must be taken.
func (s *running) open(path, bearer string) *websocket.Conn {
	s.t.Helper()
	c, _, err := s.dial(path, bearer)
	if err != nil {
		s.t.Fatalf("open %s: %v", path, err)
	}
	s.t.Cleanup(func() { _ = c.CloseNow() })
	return c
}

// say sends a text and returns the next one.
func say(t *testing.T, c *websocket.Conn, text string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := c.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
		t.Fatalf("write: %v", err)
	}
	_, p, err := c.Read(ctx)
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	return string(p)
}

// closeOf reads until the stream ends and returns its close code and reason.
func closeOf(t *testing.T, c *websocket.Conn) (int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for {
		if _, _, err := c.Read(ctx); err != nil {
			var ce websocket.CloseError
			if errors.As(err, &ce) {
				return int(ce.Code), ce.Reason
			}
			return closeAbnormal, err.Error()
		}
	}
}

// raw writes bytes to the public port and returns all that comes back before
// it is closed.
func (s *running) raw(text string) string {
	s.t.Helper()
	c, err := net.Dial("tcp", s.addrs.Public)
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(c, text); err != nil {
		s.t.Logf("write: %v", err)
	}
	_ = c.(*net.TCPConn).CloseWrite()
	p, _ := io.ReadAll(c)
	return string(p)
}

// eventually waits for a condition that other goroutines bring about.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within 10 s: %s", what)
		}
	}
}

// streams is how many streams of the bearer's account the server lists.
func (s *running) streams(bearer string) int {
	s.t.Helper()
	list, _ := s.call("GET", "/api/v1/sessions", nil, as(bearer)...).at("sessions").([]any)
	return len(list)
}

// A syncBuffer is a log that a test may read while it is written.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func testLogger(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
}
