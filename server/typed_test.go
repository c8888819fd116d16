package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"

	"azira/proto"

	"github.com/coder/websocket"
)

// An event is one of a typed dialect; a binary tick has its fields by the same names,
// and "binary".
type event map[string]any

func (e event) number(name string) float64 { n, _ := e[name].(float64); return n }
func (e event) text(name string) string    { s, _ := e[name].(string); return s }

// list is a list of an ack.
func (e event) list(name string) (all []event) {
	for _, x := range asList(e[name]) {
		all = append(all, x.(map[string]any))
	}
	return all
}

// A typed is a client of a typed dialect. All that it hears and says must be as
// asyncapi.json describes it.
type typed struct {
	t        *testing.T
	conn     *websocket.Conn
	channel  string
	doc      document
	seen     witness
	names    map[float64]string // tokens by ref
	welcome  event
	patience time.Duration // with the next event
}

// A witness notes what of a document was met: "json.tick", "json.tick.ltp",
// "json.hb.feed=live", "code 107".
type witness map[string]bool

// note notes a value and all that is in it.
func (w witness) note(at string, v any) {
	w[at] = true
	switch v := v.(type) {
	case string:
		w[at+"="+v] = true
	case map[string]any:
		for name, inner := range v {
			w.note(at+"."+name, inner)
		}
	case []any:
		for _, inner := range v {
			w.note(at, inner)
		}
	}
}

// dialAs opens a stream with subprotocols on offer.
func (s *running) dialAs(path, bearer string, offers ...string) (*websocket.Conn, *http.Response, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	o := &websocket.DialOptions{Subprotocols: offers, HTTPHeader: http.Header{}}
	o.HTTPHeader.Set("Authorization", "Bearer "+bearer)
	return websocket.Dial(ctx, "ws://"+s.addrs.Public+path, o)
}

// typed opens a stream of a typed dialect and reads its welcome and first heartbeat.
func (s *running) typed(bearer, protocol, query string) *typed {
	s.t.Helper()
	c, _, err := s.dialAs("/api/v1/stream"+query, bearer, protocol)
	if err != nil || c.Subprotocol() != protocol {
		s.t.Fatalf("open %s: %v", protocol, err)
	}
	s.t.Cleanup(func() { _ = c.CloseNow() })
	return s.begin(c, protocol)
}

// begin reads the welcome and the first heartbeat of a stream.
func (s *running) begin(c *websocket.Conn, protocol string) *typed {
	s.t.Helper()
	c.SetReadLimit(1 << 20)
	p := &typed{t: s.t, conn: c, channel: "json", doc: loadDocument(s.t, asyncAPIText),
		seen: witness{}, names: map[float64]string{}, patience: 10 * time.Second}
	if protocol == proto.ProtocolBinary {
		p.channel = "binary"
	}
	p.welcome = p.next()
	if kind := p.next()["type"]; p.welcome["type"] != "welcome" || kind != "hb" {
		s.t.Fatalf("began with %v, then %v", p.welcome, kind)
	}
	return p
}

// message is the schema of a message of the client's channel.
func (p *typed) message(name string) any {
	m := dig(p.doc["channels"], p.channel, "messages", name)
	if m == nil {
		return nil
	}
	return dig(p.doc["components"], "messages", name, "payload")
}

// send sends a request, which must fit its schema unless it is said to be bad.
func (p *typed) send(request string, bad ...bool) {
	p.t.Helper()
	if err := p.fits(request); len(bad) == 0 && err != nil {
		p.t.Fatalf("%.100s: %v", request, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := p.conn.Write(ctx, websocket.MessageText, []byte(request)); err != nil {
		p.t.Fatalf("write: %v", err)
	}
}

// fits says what keeps a request from being as it is described.
func (p *typed) fits(request string) error {
	var v any
	if err := json.Unmarshal([]byte(request), &v); err != nil {
		return err
	}
	name, _ := dig(v, "op").(string)
	switch name { // as messages of the document, where these are events
	case "ack":
		name = "acknowledge"
	case "roster":
		name = "rosterRequest"
	}
	err := p.doc.fits(p.message(name), v, name)
	if err == nil {
		p.seen.note(p.channel+"."+name, v)
	}
	return err
}

// read reads an event and holds it to its schema.
func (p *typed) read() (event, error) {
	ctx, cancel := context.WithTimeout(context.Background(), p.patience)
	defer cancel()
	kind, payload, err := p.conn.Read(ctx)
	if err != nil {
		return nil, err
	}
	if kind == websocket.MessageBinary {
		return p.binary(payload)
	}
	var v map[string]any
	if err := json.Unmarshal(payload, &v); err != nil {
		return nil, fmt.Errorf("%q: %w", payload, err)
	}
	name, _ := v["type"].(string)
	if err := p.doc.fits(p.message(name), v, name); err != nil {
		return nil, fmt.Errorf("%q: %w", payload, err)
	}
	p.seen.note(p.channel+"."+name, v)
	for _, x := range append(event(v).list("failed"), v) {
		if code, ok := x["code"]; ok {
			p.seen[fmt.Sprintf("code %v", code)] = true
		}
	}
	for _, x := range event(v).list("ok") {
		p.names[x.number("ref")] = x.text("token")
	}
	return v, nil
}

func (p *typed) binary(payload []byte) (event, error) {
	p.seen[p.channel+".record"] = true
	b, err := proto.ParseBinary(payload, int64(p.welcome.number("epoch")))
	if err != nil || p.message("record") == nil {
		return nil, fmt.Errorf("record %x: %w", payload, errors.Join(err, errors.New("not described")))
	}
	e := event{"type": "tick", "token": p.names[float64(b.Ref)], "seq": float64(b.Seq),
		"ts": float64(b.TS), "ltp": b.LTP.String(), "binary": true}
	if b.Snap {
		e["type"] = "snap"
	}
	return e, nil
}

func (p *typed) next() event {
	p.t.Helper()
	e, err := p.read()
	if err != nil {
		p.t.Fatal(err)
	}
	return e
}

// expect reads up to an event of a type, for which ok holds. Heartbeats do not make it
// wait for ever.
func (p *typed) expect(kind string, ok ...func(event) bool) event {
	p.t.Helper()
	for end := time.Now().Add(3 * p.patience); ; {
		if time.Now().After(end) {
			p.t.Fatalf("no %s comes", kind)
		}
		e, err := p.read()
		if err != nil {
			p.t.Fatalf("waiting for %s: %v", kind, err)
		}
		if e["type"] == kind && (len(ok) == 0 || ok[0](e)) {
			return e
		}
	}
}

// refused sends a request and returns the code of the error that answers it.
func (p *typed) refused(request string) int {
	p.t.Helper()
	p.send(request)
	return int(p.expect("error").number("code"))
}

// ask sends a request and returns its ack, of all pieces.
func (p *typed) ask(request string) event {
	p.t.Helper()
	p.send(request)
	all := event{}
	for {
		e := p.expect("ack")
		ok, failed := append(asList(all["ok"]), asList(e["ok"])...),
			append(asList(all["failed"]), asList(e["failed"])...)
		maps.Copy(all, e)
		all["ok"], all["failed"] = ok, failed
		if e["more"] == nil {
			return all
		}
	}
}

// closed reads on to the end of the stream and returns its code.
func (p *typed) closed() int {
	p.t.Helper()
	code, _ := closeOf(p.t, p.conn)
	return code
}

func (w witness) add(others ...witness) {
	for _, o := range others {
		maps.Copy(w, o)
	}
}

func (w witness) sorted() []string { return slices.Sorted(maps.Keys(w)) }
