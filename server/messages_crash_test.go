package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"

	"azira/internal/invariant"
)

// Whoever was answered 202 has sent a message that is in the inbox once, and that the
// user's stream gets, however often the process is killed on the way. Senders try again
// with their key until they are answered; streams acknowledge and come back.
func TestKillLosesNoMessage(t *testing.T) {
	t.Parallel()
	const users = 10
	sends := 300
	switch {
	case os.Getenv("AZIRA_SOAK") != "":
		sends = 1000
	case invariant.Enabled: // under which a process has done little before it is killed
		sends = 50
	}
	x := &killed{t: t, dir: t.TempDir(), client: &http.Client{Timeout: 5 * time.Second}}
	x.start()
	for u := range users {
		x.bearers = append(x.bearers, x.register(fmt.Sprint("user", u)))
		x.ids = append(x.ids, map[uint64]string{})
		x.got = append(x.got, map[uint64]string{})
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var senders, readers sync.WaitGroup
	for u := range users {
		senders.Go(func() { x.send(u, sends) })
		readers.Go(func() { x.read(ctx, u) })
	}
	sent := make(chan struct{})
	go func() { senders.Wait(); close(sent) }()
	kills := 0
	for over := false; !over; {
		select {
		case <-sent:
			over = true
		case <-time.After(time.Duration(10+rand.IntN(60)) * time.Millisecond):
			_ = x.cmd.Process.Kill()
			_ = x.cmd.Wait()
			kills++
			x.start()
		}
	}
	for u := range users {
		x.checkInbox(u, sends)
		eventually(t, "the stream has all", func() bool {
			x.mu.Lock()
			defer x.mu.Unlock()
			return len(x.got[u]) == sends
		})
		for id, content := range x.ids[u] {
			if x.got[u][id] != content {
				t.Errorf("user %d: %d is %q, and %q on the stream", u, id, content, x.got[u][id])
			}
		}
	}
	cancel()
	readers.Wait()
	t.Logf("%d messages, %d kills", users*sends, kills)
	if kills < 3 {
		t.Error("too few kills to say anything")
	}
	_ = x.cmd.Process.Signal(syscall.SIGTERM)
	_ = x.cmd.Wait()
}

// A killed is a server that is killed now and then, and what is known of its messages.
type killed struct {
	t       *testing.T
	dir     string
	cmd     *exec.Cmd
	client  *http.Client
	bearers []string

	mu   sync.Mutex
	addr string
	ids  []map[uint64]string // by user: what was answered
	got  []map[uint64]string // by user: what its stream got
}

func (x *killed) start() {
	cmd, addr := serveChild(x.t, x.dir)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.cmd, x.addr = cmd, addr
}

func (x *killed) at() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.addr
}

// call is a request to the server that there is now.
func (x *killed) call(method, path, bearer, key string, body any) (int, []byte) {
	req, err := http.NewRequest(method, "http://"+x.at()+path, bytes.NewReader(mustJSON(body)))
	if err != nil {
		x.t.Error(err)
		return 0, nil
	}
	req.Header.Set("Authorization", "Bearer "+bearer)
	req.Header.Set("Idempotency-Key", key)
	r, err := x.client.Do(req)
	if err != nil {
		return 0, nil
	}
	defer r.Body.Close()
	p, err := io.ReadAll(r.Body)
	if err != nil {
		return 0, nil
	}
	return r.StatusCode, p
}

func (x *killed) register(name string) string {
	x.call("POST", "/api/v1/users/register", "", "", credentials(name, goodPassword))
	_, p := x.call("POST", "/api/v1/token", "", "", credentials(name, goodPassword))
	var pair struct {
		Bearer string `json:"access_token"`
	}
	if err := json.Unmarshal(p, &pair); err != nil || pair.Bearer == "" {
		x.t.Fatalf("%s: %v", p, err)
	}
	return pair.Bearer
}

func (x *killed) send(u, sends int) {
	for i := range sends {
		content := fmt.Sprint("message ", i)
		for {
			status, p := x.call("POST", "/api/v1/messages", x.bearers[u], fmt.Sprint("key", i),
				map[string]string{"username": fmt.Sprint("user", u), "content": content})
			if status == http.StatusAccepted {
				var a struct{ ID uint64 }
				if err := json.Unmarshal(p, &a); err != nil || a.ID == 0 {
					x.t.Errorf("%s: %v", p, err)
				}
				x.mu.Lock()
				x.ids[u][a.ID] = content
				x.mu.Unlock()
				break
			}
			if status != 0 && status < 500 {
				x.t.Errorf("send: %d %s", status, p)
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
}

// read keeps a stream open, checks its order, and acknowledges now and then.
func (x *killed) read(ctx context.Context, u int) {
	for ctx.Err() == nil {
		o := &websocket.DialOptions{Subprotocols: []string{"azira.v1.json"}, HTTPHeader: http.Header{}}
		o.HTTPHeader.Set("Authorization", "Bearer "+x.bearers[u])
		c, _, err := websocket.Dial(ctx, "ws://"+x.at()+"/api/v1/stream", o)
		if err != nil {
			time.Sleep(5 * time.Millisecond)
			continue
		}
		last := uint64(0)
		for n := 0; ; n++ {
			_, p, err := c.Read(ctx)
			if err != nil {
				break
			}
			var e struct {
				Type, Content string
				ID            any
			}
			d := json.NewDecoder(bytes.NewReader(p))
			d.UseNumber()
			if err := d.Decode(&e); err != nil || e.Type == "gap" {
				x.t.Errorf("%s: %v", p, err)
			}
			if e.Type != "msg" {
				continue
			}
			var id uint64
			fmt.Sscan(e.ID.(json.Number).String(), &id)
			if id <= last {
				x.t.Errorf("user %d: %d after %d", u, id, last)
			}
			last = id
			x.mu.Lock()
			x.got[u][id] = e.Content
			x.mu.Unlock()
			if n%10 == 0 {
				ack := fmt.Appendf(nil, `{"op":"ack","message":%d}`, id)
				_ = c.Write(ctx, websocket.MessageText, ack)
			}
		}
		_ = c.CloseNow()
	}
}

// checkInbox reads the history in pages: all that was answered, once, in order, and in
// the order of one sender.
func (x *killed) checkInbox(u, sends int) {
	x.t.Helper()
	after, n := uint64(0), 0
	for {
		status, p := x.call("GET", fmt.Sprintf("/api/v1/messages?limit=70&after=%d", after),
			x.bearers[u], "", nil)
		var page struct {
			Messages []struct {
				ID      uint64
				Content string
			}
			Next *uint64
		}
		if err := json.Unmarshal(p, &page); err != nil || status != 200 {
			x.t.Fatalf("%d %s: %v", status, p, err)
		}
		for _, m := range page.Messages {
			if m.ID <= after || m.Content != fmt.Sprint("message ", n) || x.ids[u][m.ID] != m.Content {
				x.t.Fatalf("user %d: %+v is number %d, after %d; answered was %q",
					u, m, n, after, x.ids[u][m.ID])
			}
			after = m.ID
			n++
		}
		if page.Next == nil {
			break
		}
	}
	if n != sends {
		x.t.Errorf("user %d: %d of %d messages", u, n, sends)
	}
}
