package server

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// 15,000 streams of 5,000 clients are cut off at once and come back, and a vendor's
// stream is told who is here: what it is told is bounded by the clients, not by how often
// they flap. It runs when AZIRA_SOAK is set, for its figures.
func TestSoakPresenceStorm(t *testing.T) {
	if os.Getenv("AZIRA_SOAK") == "" {
		t.Skip("long: make soak")
	}
	const clients, each, storms = 5000, 3, 3
	cmd, addrs := runChild(t, t.TempDir(), descriptorsEnv+"=19000")
	x := &herd{t: t, addrs: addrs, client: &http.Client{Timeout: 30 * time.Second,
		Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
	x.vendor(clients)
	w := x.watch()
	x.arrive(clients, each)
	eventually(t, "all are told", func() bool { return w.online.Load() == clients })
	t.Logf("%d clients came with %d streams: %d events, %d bytes", clients, clients*each,
		w.events.Load(), w.bytes.Load())
	for n := range storms {
		events, bytes, began := w.events.Load(), w.bytes.Load(), time.Now()
		x.cut()
		x.arrive(clients, each)
		took := time.Since(began)
		time.Sleep(2 * time.Second)
		t.Logf("storm %d: %d streams back after %v: %d events (at most %d), %d bytes", n,
			clients*each, took.Round(10*time.Millisecond), w.events.Load()-events, 2*clients,
			w.bytes.Load()-bytes)
		if w.events.Load()-events > 2*clients || w.online.Load() != clients {
			t.Errorf("%d events, %d online", w.events.Load()-events, w.online.Load())
		}
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	_ = cmd.Wait()
}

// A herd is a vendor's clients, on raw sockets.
type herd struct {
	t      *testing.T
	addrs  Addresses
	client *http.Client
	bearer string
	key    string

	mu    sync.Mutex
	conns []net.Conn
}

func (x *herd) call(method, base, path, bearer, body string) map[string]any {
	req, err := http.NewRequest(method, "http://"+base+path, strings.NewReader(body))
	if err != nil {
		x.t.Error(err)
		return nil
	}
	req.Header.Set("Content-Type", "application/json")
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	r, err := x.client.Do(req)
	if err != nil {
		x.t.Error(err)
		return nil
	}
	defer r.Body.Close()
	var v map[string]any
	if err := json.NewDecoder(r.Body).Decode(&v); err != nil || r.StatusCode >= 300 {
		x.t.Errorf("%s %s: %d %v %v", method, path, r.StatusCode, v, err)
	}
	return v
}

// vendor makes a vendor and its clients, which have no passwords.
func (x *herd) vendor(clients int) {
	login := string(mustJSON(credentials("vic", goodPassword)))
	x.call("POST", x.addrs.Public, "/api/v1/users/register", "", login)
	x.bearer = x.call("POST", x.addrs.Public, "/api/v1/token", "", login)["access_token"].(string)
	x.call("PUT", x.addrs.Admin, "/api/v1/vendors/vic", "", "{}")
	x.key = x.call("POST", x.addrs.Public, "/api/v1/vendors/vic/keys", x.bearer,
		`{"label":"x","scopes":["clients","tickets"]}`)["key"].(string)
	x.many(clients, func(i int) {
		x.call("POST", x.addrs.Public, "/api/v1/vendors/vic/clients", x.key,
			fmt.Sprintf(`{"username":"client-%d"}`, i))
	})
}

// many does something for each of n, 32 at a time.
func (x *herd) many(n int, do func(i int)) {
	var wg sync.WaitGroup
	for w := range 32 {
		wg.Go(func() {
			for i := w; i < n; i += 32 {
				do(i)
			}
		})
	}
	wg.Wait()
}

// arrive opens so many streams of each client.
func (x *herd) arrive(clients, each int) {
	x.many(clients*each, func(i int) {
		path := fmt.Sprintf("/api/v1/vendors/vic/clients/client-%d/ticket", i%clients)
		v := x.call("POST", x.addrs.Public, path, x.key, "")
		ticket, _ := v["ticket"].(string)
		c, err := net.Dial("tcp", x.addrs.Public)
		if err != nil {
			x.t.Error(err)
			return
		}
		fmt.Fprintf(c, "GET /api/v1/stream?ticket=%s HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"+
			"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OTAxMjM0NQ==\r\n\r\n", ticket)
		line, err := bufio.NewReader(c).ReadString('\n')
		if err != nil || !strings.Contains(line, " 101 ") {
			x.t.Errorf("%q %v", line, err)
		}
		x.mu.Lock()
		x.conns = append(x.conns, c)
		x.mu.Unlock()
	})
}

// cut resets all streams.
func (x *herd) cut() {
	for _, c := range x.conns {
		_ = c.(*net.TCPConn).SetLinger(0)
		_ = c.Close()
	}
	x.conns = nil
}

// A watcher is a stream that is told of a roster.
type watcher struct{ online, events, bytes atomic.Int64 }

func (x *herd) watch() *watcher {
	ctx, cancel := context.WithCancel(context.Background())
	x.t.Cleanup(cancel)
	o := &websocket.DialOptions{Subprotocols: []string{"azira.v1.json"}, HTTPHeader: http.Header{}}
	o.HTTPHeader.Set("Authorization", "Bearer "+x.bearer)
	c, _, err := websocket.Dial(ctx, "ws://"+x.addrs.Public+"/api/v1/stream", o)
	if err != nil {
		x.t.Fatal(err)
	}
	if err := c.Write(ctx, websocket.MessageText, []byte(`{"op":"roster"}`)); err != nil {
		x.t.Fatal(err)
	}
	w := &watcher{}
	here := map[string]bool{}
	go func() {
		for {
			_, p, err := c.Read(ctx)
			if err != nil {
				return
			}
			var e struct {
				Type, Client string
				Online       bool
			}
			if json.Unmarshal(p, &e) != nil || e.Type != "presence" || e.Client == "vic" {
				continue
			}
			w.events.Add(1)
			w.bytes.Add(int64(len(p)))
			if e.Online {
				here[e.Client] = true
			} else {
				delete(here, e.Client)
			}
			w.online.Store(int64(len(here)))
		}
	}()
	return w
}
