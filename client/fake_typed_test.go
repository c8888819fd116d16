package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// A typedFake is a server of the typed dialects. It sends what the test has it
// publish, at once, and can be told to do wrong.
type typedFake struct {
	t   *testing.T
	srv *httptest.Server

	mu     sync.Mutex
	epoch  uint64
	tokens map[string]*fakeToken
	conns  map[*typedConn]bool
	opened []time.Time
	heard  []string

	beatMS  int                          // of the welcome
	piece   int                          // tokens in one piece of an ack; 0 = all
	keep    int                          // ticks of a token in memory
	hijack  func(*typedConn, asked) bool // true: it has answered
	refuse  func(w http.ResponseWriter) bool
	silent  bool // sends no ticks
	early   bool // a heartbeat follows the welcome
	full    bool // every stream is one too many
	queries []string
}

type fakeToken struct {
	ref uint64
	seq uint64
	ltp []int64 // of the ticks, the newest last; in hundredths
}

type typedConn struct {
	f      *typedFake
	ws     *websocket.Conn
	binary bool
	subs   map[string]asked
}

// asked is a request as the fake reads it.
type asked struct {
	Op       string
	ID       string
	Tokens   json.RawMessage
	Mode     string
	MaxRate  float64 `json:"max_rate"`
	Snapshot *bool
	Epoch    uint64
	From     map[string]uint64
	Bearer   string
	Message  uint64
	On       bool
}

func newTypedFake(t *testing.T, tokens ...string) *typedFake {
	f := &typedFake{t: t, epoch: 1764289349000000, tokens: map[string]*fakeToken{},
		conns: map[*typedConn]bool{}, beatMS: 5000, keep: 1000}
	for i, k := range tokens {
		f.tokens[k] = &fakeToken{ref: uint64(i)}
	}
	f.srv = httptest.NewServer(http.HandlerFunc(f.stream))
	t.Cleanup(f.srv.Close)
	return f
}

func (f *typedFake) stream(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.opened = append(f.opened, time.Now())
	f.queries = append(f.queries, r.URL.RawQuery)
	refused := f.refuse != nil && f.refuse(w)
	f.mu.Unlock()
	if refused {
		return
	}
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		Subprotocols: []string{string(JSON), string(Binary)}})
	if err != nil {
		return
	}
	defer ws.CloseNow()
	ws.SetReadLimit(1 << 20)
	if f.full {
		ws.Close(1008, "connection limit 3 reached")
		return
	}
	c := &typedConn{f: f, ws: ws, binary: ws.Subprotocol() == string(Binary),
		subs: map[string]asked{}}
	f.mu.Lock()
	c.say(`{"type":"welcome","conn":"s-1","username":"zoe","epoch":%d,"hb_ms":%d,"resume_s":600,`+
		`"limits":{"tokens":3000,"connections":3,"ops_per_s":10,"ops_burst":50,`+
		`"frame_bytes":4096,"subscribe_bytes":131072},"expires_in":1799,"new":[1]}`, f.epoch, f.beatMS)
	if f.early {
		c.say(`{"type":"hb","ts":1,"sum":0,"pending":0,"feed":"live","age_ms":1}`)
	}
	f.conns[c] = true
	f.mu.Unlock()
	for {
		_, p, err := ws.Read(context.Background())
		f.mu.Lock()
		if err != nil {
			delete(f.conns, c)
			f.mu.Unlock()
			return
		}
		f.heard = append(f.heard, string(p))
		var q asked
		if json.Unmarshal(p, &q) != nil {
			c.say(`{"type":"error","code":107,"error":"not JSON"}`)
		} else if f.hijack == nil || !f.hijack(c, q) {
			c.answer(q)
		}
		f.mu.Unlock()
	}
}

// The methods below are called with mu held.

func (c *typedConn) write(kind websocket.MessageType, p []byte) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	c.ws.Write(ctx, kind, p)
}

func (c *typedConn) say(form string, args ...any) {
	c.write(websocket.MessageText, fmt.Appendf(nil, form, args...))
}

func (c *typedConn) answer(q asked) {
	switch q.Op {
	case "subscribe":
		c.subscribe(q)
	case "unsubscribe":
		c.unsubscribe(q)
	case "list":
		var ok []map[string]any
		for token, s := range c.subs {
			k := c.f.tokens[token]
			ok = append(ok, map[string]any{"token": token, "ref": k.ref, "seq": k.seq,
				"mode": mode(s), "max_rate": s.MaxRate})
		}
		c.ack(q, ok, nil)
	case "roster", "ack":
		c.ack(q, nil, nil)
	case "ping":
		c.say(`{"type":"pong","id":%q,"ts":1764289349123456}`, q.ID)
	case "auth":
		if q.Bearer == "bad" {
			c.say(`{"type":"error","id":%q,"code":101,"error":"unauthorized"}`, q.ID)
			return
		}
		c.say(`{"type":"ack","id":%q,"op":"auth","ok":[],"failed":[],"count":0,"limit":3000,`+
			`"expires_in":1800}`, q.ID)
	}
}

func mode(q asked) string {
	if q.Mode == "" {
		return "full"
	}
	return q.Mode
}

func (c *typedConn) subscribe(q asked) {
	var tokens []string
	json.Unmarshal(q.Tokens, &tokens)
	for token := range q.From {
		tokens = append(tokens, token)
	}
	slices.Sort(tokens)
	var ok, failed []map[string]any
	for _, token := range tokens {
		k, known := c.f.tokens[token]
		from, resumes := q.From[token]
		switch {
		case !known:
			failed = append(failed, map[string]any{"token": token, "code": 102, "error": "unknown token"})
			continue
		case resumes && q.Epoch == c.f.epoch && from > k.seq:
			failed = append(failed, map[string]any{"token": token, "code": 107, "error": "from"})
			continue
		case !resumes || q.Epoch != c.f.epoch:
			from = k.seq
		}
		c.subs[token] = q
		ok = append(ok, map[string]any{"token": token, "ref": k.ref, "seq": from})
	}
	c.ack(q, ok, failed)
	for _, h := range ok {
		token := h["token"].(string)
		c.begin(token, c.f.tokens[token], q)
	}
}

// begin sends what comes before the first new tick of a token.
func (c *typedConn) begin(token string, k *fakeToken, q asked) {
	from, resumes := q.From[token]
	switch {
	case resumes && q.Epoch != c.f.epoch:
		c.say(`{"type":"gap","token":%q,"from":1,"to":%d,"reason":"epoch"}`, token, int(k.seq)-1)
	case resumes && k.seq-from > uint64(len(k.ltp)):
		c.say(`{"type":"gap","token":%q,"from":%d,"to":%d,"reason":"ring"}`, token, from+1, k.seq-1)
	case resumes:
		for seq := from + 1; seq <= k.seq; seq++ {
			c.send("tick", token, seq)
		}
		return
	case q.Snapshot != nil && !*q.Snapshot:
		return
	}
	if len(k.ltp) > 0 {
		c.send("snap", token, k.seq)
	}
}

func (c *typedConn) unsubscribe(q asked) {
	var tokens []string
	if string(q.Tokens) == `"*"` {
		for token := range c.subs {
			tokens = append(tokens, token)
		}
	} else {
		json.Unmarshal(q.Tokens, &tokens)
	}
	var ok, failed []map[string]any
	for _, token := range tokens {
		if _, held := c.subs[token]; !held {
			failed = append(failed, map[string]any{"token": token, "code": 107, "error": "not subscribed"})
			continue
		}
		delete(c.subs, token)
		ok = append(ok, map[string]any{"token": token, "seq": c.f.tokens[token].seq})
	}
	c.ack(q, ok, failed)
}

// ack answers in pieces.
func (c *typedConn) ack(q asked, ok, failed []map[string]any) {
	for more := true; more; {
		a := map[string]any{"type": "ack", "id": q.ID, "op": q.Op, "ok": []int{}, "failed": []int{},
			"count": len(c.subs), "limit": 3000}
		n, m := len(ok), len(failed)
		if c.f.piece > 0 {
			n = min(n, c.f.piece)
			m = min(m, c.f.piece-n)
		}
		if n > 0 {
			a["ok"], ok = ok[:n], ok[n:]
		}
		if m > 0 {
			a["failed"], failed = failed[:m], failed[m:]
		}
		if more = len(ok)+len(failed) > 0; more {
			a["more"] = true
		}
		p, _ := json.Marshal(a)
		c.write(websocket.MessageText, p)
	}
}

// send sends tick seq of a token.
func (c *typedConn) send(kind, token string, seq uint64) {
	k := c.f.tokens[token]
	n := k.ltp[len(k.ltp)-1-int(k.seq-seq)]
	ts := c.f.epoch + 1000*seq
	ltp := Decimal{n, -2}
	isLTP := c.subs[token].Mode == "ltp"
	if c.binary {
		b := BinaryTick{Snap: kind == "snap", Quoted: !isLTP, Ref: k.ref, Seq: seq,
			Since: 1000 * seq, LTP: ltp, Bid: Decimal{n - 1, -2}, Ask: Decimal{n + 1, -2}}
		c.write(websocket.MessageBinary, appendBinary(nil, b))
		return
	}
	value := fmt.Sprintf(`"ltp":%s`, ltp)
	if !isLTP {
		value = fmt.Sprintf(`"data":{"token":%q,"ltp":%s}`, token, ltp)
	}
	c.say(`{"type":%q,"token":%q,"seq":%d,"ts":%d,%s}`, kind, token, seq, ts, value)
}
