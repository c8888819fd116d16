package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A fake is a server of the text dialect, on another WebSocket library.
type fake struct {
	t      *testing.T
	srv    *httptest.Server
	bearer string
	accept func(w http.ResponseWriter, r *http.Request) bool // false: answered already
	greet  func(c *websocket.Conn) bool                      // false: closed already

	mu      sync.Mutex
	known   map[string]bool
	conns   map[*fakeConn]bool
	opened  int
	paths   []string
	heard   []string // requests, as sent
	payload func(token string) string
}

type fakeConn struct {
	ws     *websocket.Conn
	tokens map[string]bool
}

func newFake(t *testing.T, known ...string) *fake {
	f := &fake{t: t, bearer: "good.bearer", known: map[string]bool{}, conns: map[*fakeConn]bool{}}
	for _, k := range known {
		f.known[k] = true
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/stream", f.stream)
	mux.HandleFunc("GET /api/trigger/ws/{username}", f.stream)
	f.srv = httptest.NewServer(mux)
	t.Cleanup(f.srv.Close)
	return f
}

func (f *fake) stream(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.paths = append(f.paths, r.URL.Path)
	accept, greet := f.accept, f.greet
	f.mu.Unlock()
	if accept != nil && !accept(w, r) {
		return
	}
	if r.Header.Get("Authorization") != "Bearer "+f.bearer {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"detail":"Invalid token"}`)
		return
	}
	ws, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer ws.CloseNow()
	ws.SetReadLimit(1 << 20)
	if greet != nil && !greet(ws) {
		return
	}
	c := &fakeConn{ws: ws, tokens: map[string]bool{}}
	f.mu.Lock()
	f.conns[c] = true
	f.opened++
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		delete(f.conns, c)
		f.mu.Unlock()
	}()
	for {
		_, p, err := ws.Read(context.Background())
		if err != nil || !f.answer(c, string(p)) {
			return
		}
	}
}

func (f *fake) answer(c *fakeConn, request string) bool {
	verb, list, _ := strings.Cut(request, "|")
	names := strings.Split(list, ",")
	f.mu.Lock()
	f.heard = append(f.heard, request)
	var unknown []string
	for _, n := range names {
		if verb == "subscribe" && !f.known[n] {
			unknown = append(unknown, n)
		}
	}
	if len(unknown) == 0 {
		for _, n := range names {
			c.tokens[n] = verb == "subscribe"
		}
	}
	f.mu.Unlock()
	switch {
	case len(unknown) > 0:
		f.write(c, "Tokens not found: "+strings.Join(unknown, ", "))
		c.ws.Close(1008, "unknown token")
		return false
	case verb == "subscribe":
		f.write(c, "Subscribed to tokens: "+strings.Join(names, ", "))
	case verb == "unsubscribe":
		f.write(c, "Unsubscribed from tokens: "+strings.Join(names, ", "))
	default:
		f.write(c, "Unknown action: "+verb)
	}
	return true
}

func (f *fake) write(c *fakeConn, words string) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	c.ws.Write(ctx, websocket.MessageText, []byte(words))
}

// tick sends one tick to those who hold the token.
func (f *fake) tick(token string, n int) {
	data, _ := json.Marshal(map[string]any{"token": token, "ltp": n})
	for _, c := range f.all() {
		f.mu.Lock()
		holds := c.tokens[token]
		f.mu.Unlock()
		if holds {
			f.write(c, string(data))
		}
	}
}

func (f *fake) all() (out []*fakeConn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.conns {
		out = append(out, c)
	}
	return out
}

// end closes every connection with code, or without a close frame for 1006.
func (f *fake) end(code int, reason string) {
	for _, c := range f.all() {
		if code == closeLost {
			c.ws.CloseNow()
			continue
		}
		c.ws.Close(websocket.StatusCode(code), reason)
	}
}

func (f *fake) requests() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.heard...)
}

func (f *fake) options() StreamOptions {
	return StreamOptions{Server: f.srv.URL, Bearer: Fixed(f.bearer),
		BackoffMin: 5 * time.Millisecond, BackoffMax: 50 * time.Millisecond}
}

func (f *fake) open(o StreamOptions) *Stream {
	f.t.Helper()
	s, err := OpenStream(f.t.Context(), o)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { s.Close() })
	return s
}

// receive takes the next tick, or fails.
func receive(t *testing.T, ch <-chan Tick) Tick {
	t.Helper()
	select {
	case tick, ok := <-ch:
		if !ok {
			t.Fatal("the channel is closed")
		}
		return tick
	case <-time.After(5 * time.Second):
		t.Fatal("no tick within 5 s")
	}
	return Tick{}
}

// finished waits for the channel's end.
func finished(t *testing.T, ch <-chan Tick) {
	t.Helper()
	late := time.After(5 * time.Second)
	for {
		select {
		case _, ok := <-ch:
			if !ok {
				return
			}
		case <-late:
			t.Fatal("the channel is still open after 5 s")
		}
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within 5 s: %s", what)
		}
	}
}
