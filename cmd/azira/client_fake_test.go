package main

import (
	"bytes"
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
)

const fakePassword = "a good password"

// fakeServer has accounts in a map and one token, NSE:1, which ticks for ever.
type fakeServer struct {
	*httptest.Server
	mu       sync.Mutex
	accounts map[string]string
	logouts  int
	limit    bool // every stream is one too many
}

func newFakeServer(t *testing.T) *fakeServer {
	f := &fakeServer{accounts: map[string]string{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v1/users/register", f.register)
	mux.HandleFunc("POST /api/v1/token", f.token)
	mux.HandleFunc("POST /api/v1/users/logout", func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		f.logouts++
		f.mu.Unlock()
	})
	mux.HandleFunc("GET /api/v1/stream", f.stream)
	f.Server = httptest.NewServer(mux)
	t.Cleanup(f.Close)
	t.Setenv("AZIRA_SERVER", f.URL)
	t.Setenv("AZIRA_USER", "")
	t.Setenv("AZIRA_PASSWORD", "")
	return f
}

func (f *fakeServer) register(w http.ResponseWriter, r *http.Request) {
	var in struct{ Username, Password string }
	json.NewDecoder(r.Body).Decode(&in)
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, taken := f.accounts[in.Username]; taken {
		w.WriteHeader(400)
		fmt.Fprint(w, `{"detail":"Username already registered"}`)
		return
	}
	f.accounts[in.Username] = in.Password
	fmt.Fprint(w, `{"message":"User registered successfully"}`)
}

func (f *fakeServer) token(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	password, known := f.accounts[r.PostFormValue("username")]
	if !known || password != r.PostFormValue("password") {
		w.WriteHeader(400)
		fmt.Fprint(w, `{"detail":"Invalid username or password"}`)
		return
	}
	fmt.Fprint(w, `{"access_token":"jwt.x.y","token_type":"bearer","expires_in":1800,`+
		`"refresh_token":"r"}`)
}

func (f *fakeServer) stream(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer jwt.x.y" {
		w.WriteHeader(401)
		return
	}
	ws, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer ws.CloseNow()
	if f.limit {
		ws.Close(1008, "connection limit 3 reached")
		return
	}
	_, p, err := ws.Read(r.Context())
	if err != nil {
		return
	}
	ctx := ws.CloseRead(context.Background())
	say := func(s string) error { return ws.Write(ctx, websocket.MessageText, []byte(s)) }
	if list := strings.TrimPrefix(string(p), "subscribe|"); list != "NSE:1" {
		say("Tokens not found: " + list)
		ws.Close(1008, "")
		return
	}
	say("Subscribed to tokens: NSE:1")
	for i := 0; ; i++ {
		tick := fmt.Sprintf(`{"token":"NSE:1","ltp":%d.25,"bestbidprice":1,"bestaskprice":2}`, i)
		if say(tick) != nil {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// output is a buffer that several goroutines may write.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// runWith runs azira client with input, and gives what it printed.
func runWith(t *testing.T, ctx context.Context, input string, args ...string) (
	stdout, stderr string, err error) {
	t.Helper()
	var out, errs output
	done := make(chan error, 1)
	go func() {
		done <- clientCommand(ctx, args, newTerminal(strings.NewReader(input), &out, &errs))
	}()
	select {
	case err = <-done:
	case <-time.After(10 * time.Second):
		t.Fatalf("still running after 10 s: %q\n%s%s", args, out.String(), errs.String())
	}
	return out.String(), errs.String(), err
}
