package engine

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"azira/proto"
)

var typedKinds = map[string]Kind{"json": JSON, "bin": Binary}

// TestTypedStream goes the ordinary way of a typed stream, in both dialects.
func TestTypedStream(t *testing.T) {
	for name, kind := range typedKinds {
		t.Run(name, func(t *testing.T) {
			e := newEngine(t, Options{Loops: 1})
			pub := e.Publisher()
			e.now(pub, "A", 1)
			e.now(pub, "B", 1)
			e.now(pub, "A", 2)
			pub.Flush()
			p := prove(t, e, Stream{Kind: kind, Beat: 500 * time.Millisecond, Username: "u"})
			ack := p.ask(`{"op":"subscribe","id":"r1","tokens":["A","nope","B"]}`)
			if ack.ID != "r1" || len(ack.OK) != 2 || ack.OK[0].Seq != 2 || ack.Count != 2 ||
				len(ack.Failed) != 1 || ack.Failed[0].Code != 102 || ack.Failed[0].Token != "nope" {
				t.Fatalf("ack %+v", ack)
			}
			if v := p.expect("snap"); v.Token != "A" || v.Seq != 2 {
				t.Fatalf("snap %+v", v)
			}
			p.expect("snap")
			e.now(pub, "A", 3)
			pub.Flush()
			if v := p.expect("tick"); v.Token != "A" || v.Seq != 3 || kind == Binary && v.bytes > 24 {
				t.Fatalf("tick %+v", v)
			}
			if v := p.expect("hb"); v.Sum != 4 || v.AgeMs == nil {
				t.Fatalf("hb %+v", v)
			}
			if v := p.ask(`{"op":"list"}`); len(v.OK) != 2 || v.OK[1].Mode != "full" || v.OK[1].Token != "B" {
				t.Fatalf("list %+v", v)
			}
			if v := p.ask(`{"op":"unsubscribe","tokens":["A","A","C"],"id":7}`); len(v.OK) != 1 ||
				v.OK[0].Seq != 3 || v.Failed[0].Code != 102 || v.Count != 1 {
				t.Fatalf("unsubscribe %+v", v)
			}
			if v := p.ask(`{"op":"unsubscribe","tokens":["A"]}`); v.Failed[0].Code != 107 {
				t.Fatalf("again %+v", v)
			}
			if v := p.ask(`{"op":"unsubscribe","tokens":"*"}`); len(v.OK) != 1 || v.Count != 0 {
				t.Fatalf("all %+v", v)
			}
			p.text(`{"op":"ping","id":"p"}`)
			if v := p.expect("pong"); v.ID != "p" || v.TS == 0 {
				t.Fatalf("pong %+v", v)
			}
			if v := p.expect("hb"); v.Sum != 0 {
				t.Fatalf("hb %+v", v)
			}
		})
	}
}

// badRequests are requests that are refused, with their codes.
var badRequests = map[string]int{
	strings.Repeat(`{"a":`, 70) + "1" + strings.Repeat("}", 70): 107,

	`hello`:                             107,
	`[]`:                                107,
	`{"op":"subscribe"`:                 107,
	`{"id":"x"}`:                        107,
	`{"op":7}`:                          107,
	`{"op":"sing"}`:                     108,
	`{"op":"subscribe"}`:                107,
	`{"op":"subscribe","tokens":"A"}`:   107,
	`{"op":"subscribe","tokens":[1]}`:   107,
	`{"op":"subscribe","tokens":[]}`:    107,
	`{"op":"unsubscribe","tokens":"A"}`: 107,
	`{"op":"unsubscribe"}`:              107,
	`{"op":"subscribe","tokens":["NSE:0"],"mode":"some"}`:   107,
	`{"op":"subscribe","tokens":["NSE:0"],"snapshot":1}`:    107,
	`{"op":"subscribe","tokens":["NSE:0"],"max_rate":-1}`:   107,
	`{"op":"subscribe","tokens":["NSE:0"],"max_rate":"4"}`:  107,
	`{"op":"subscribe","tokens":["NSE:0"],"max_rate":0.01}`: 107,
	`{"op":"subscribe","from":{"NSE:0":1}}`:                 107,
	`{"op":"subscribe","from":{"NSE:0":-1},"epoch":1}`:      107,
	`{"op":"subscribe","from":[],"epoch":1}`:                107,
	`{"op":"subscribe","from":{"NSE:0":1},"epoch":"1"}`:     107,
	`{"op":"list","id":"` + strings.Repeat("x", 37) + `"}`:  107,
	`{"op":"list","id":{}}`:                                 107,
	`{"op":"auth"}`:                                         107,
	`{"op":"auth","bearer":"x"}`:                            103, // nobody renews here
	`{"op":"ack","message":"x"}`:                            107,
}

// TestTypedErrors provokes each fault of a request: nothing of it is done, and the
// stream stays open.
func TestTypedErrors(t *testing.T) {
	e := newEngine(t, Options{Loops: 1, TokensPerStream: 2})
	pub := e.Publisher()
	for i := range 4 {
		e.now(pub, tokenName(i), 1)
	}
	pub.Flush()
	for request, code := range badRequests {
		p := prove(t, e, Stream{Kind: JSON})
		p.text(request)
		if v := p.expect("error"); v.Code != code || v.Error == "" {
			t.Errorf("%.60s: %+v, want %d", request, v, code)
		}
		p.text(`{"op":"ping"}`)
		p.expect("pong")
		p.conn.Close()
	}
	p := prove(t, e, Stream{Kind: JSON})
	p.send(frame(true, proto.OpBinary, `{"op":"list"}`))
	if v := p.expect("error"); v.Code != 107 {
		t.Errorf("binary request: %+v", v)
	}
	v := p.ask(`{"op":"subscribe","tokens":["NSE:0","NSE:1","NSE:2"],"snapshot":false}`)
	if len(v.OK) != 2 || v.Failed[0].Code != 106 || v.Failed[0].Token != "NSE:2" || v.Limit != 2 {
		t.Errorf("beyond the limit: %+v", v)
	}
	q := prove(t, e, Stream{Kind: JSON})
	request := fmt.Sprintf(`{"op":"subscribe","epoch":%d,"from":{"NSE:0":5}}`, q.epoch)
	if v := q.ask(request); len(v.OK) != 0 || v.Failed[0].Code != 107 {
		t.Errorf("from beyond: %+v", v)
	}
}

// TestTypedTooMuch provokes the limits that end a stream.
func TestTypedTooMuch(t *testing.T) {
	e := newEngine(t, Options{Loops: 1})
	p := prove(t, e, Stream{Kind: JSON})
	for range requestsBurst + 1 {
		p.text(`{"op":"ping","id":"x"}`)
	}
	if v := p.expect("error"); v.Code != 111 || v.ID != "x" || v.RetryMs != 100 {
		t.Fatalf("too many: %+v", v)
	}
	for range 2 * refusedMax {
		p.text(`{"op":"ping"}`)
	}
	p.wantClose(3503)

	pad := strings.Repeat(" ", requestBytes)
	p = prove(t, e, Stream{Kind: JSON})
	p.text(`{"op":"list"` + pad + `}`)
	p.wantClose(1009)
	p = prove(t, e, Stream{Kind: JSON})
	if v := p.ask(`{"op":"subscribe","tokens":["x"]` + pad + `}`); len(v.Failed) != 1 {
		t.Errorf("a long subscribe: %+v", v)
	}
	p.text(`{"op":"subscribe","tokens":["` + strings.Repeat("x", subscribeBytes) + `"]}`)
	p.wantClose(1009)
}

// TestLongAck subscribes to so many tokens that the ack comes in pieces: every token
// is answered, each held one has a snapshot.
func TestLongAck(t *testing.T) {
	const tokens = 1500
	e := newEngine(t, Options{Loops: 1, RingBytes: 4 << 20})
	pub := e.Publisher()
	names := []string{}
	for i := range tokens {
		e.now(pub, tokenName(i), 1)
		names = append(names, tokenName(i), fmt.Sprintf("no\\\":%d", i))
	}
	pub.Flush()
	p := prove(t, e, Stream{Kind: JSON})
	ack := p.ask(`{"op":"subscribe","id":"long","tokens":["` + strings.Join(names, `","`) + `"]}`)
	if len(ack.OK) != tokens || len(ack.Failed) != tokens || ack.Count != tokens {
		t.Fatalf("%d ok, %d failed, %d held", len(ack.OK), len(ack.Failed), ack.Count)
	}
	for range tokens {
		p.expect("snap")
	}
	if v := p.ask(`{"op":"list"}`); len(v.OK) != tokens {
		t.Errorf("list of %d", len(v.OK))
	}
}

// An authority renews as it is told to.
type authority func(bearer string) (time.Time, error)

func (f authority) Renew(_ Owner, bearer string) (time.Time, error) { return f(bearer) }

// TestRenew has a stream outlive its first bearer by a second one, and not by a bad one.
func TestRenew(t *testing.T) {
	t.Parallel()
	e := newEngine(t, Options{Loops: 1, CloseOnExpiry: true, Auth: authority(
		func(bearer string) (time.Time, error) {
			switch bearer {
			case "good":
				return time.Now().Add(5 * time.Second), nil
			case "foreign":
				return time.Time{}, &proto.Fault{Code: proto.CodeDenied, Text: "not yours"}
			case "old":
				return time.Time{}, &proto.Fault{Code: proto.CodeExpired, Text: "expired"}
			case "false":
				return time.Time{}, &proto.Fault{Code: proto.CodeUnauthorized, Text: "false"}
			}
			return time.Time{}, errors.New("the store is broken")
		})})
	p := prove(t, e, Stream{Kind: JSON, Expires: time.Now().Add(1500 * time.Millisecond)})
	for bearer, code := range map[string]int{"foreign": 103, "old": 109, "false": 101, "other": 100} {
		p.text(`{"op":"auth","id":"a","bearer":"` + bearer + `"}`)
		if v := p.expect("error"); v.Code != code || v.ID != "a" || strings.Contains(v.Error, "store") {
			t.Errorf("%s: %+v", bearer, v)
		}
	}
	p.text(`{"op":"auth","id":"b","bearer":"good"}`)
	if v := p.expect("ack"); v.ID != "b" || v.Op != "auth" || v.ExpiresIn < 3 {
		t.Fatalf("renewed: %+v", v)
	}
	time.Sleep(2 * time.Second)
	p.text(`{"op":"ping"}`)
	p.expect("pong")
	p.wantClose(3005)
}

// TestLostTick has a loop lose a tick, which never happens: every subscribed stream
// notices within a heartbeat.
func TestLostTick(t *testing.T) {
	e := newEngine(t, Options{Loops: 1})
	pub := e.Publisher()
	e.now(pub, "A", 1)
	pub.Flush()
	var all []*prover
	for i := range 10 {
		p := prove(t, e, Stream{Kind: []Kind{JSON, Binary}[i%2], Beat: 500 * time.Millisecond})
		p.ask(`{"op":"subscribe","tokens":["A"]}`)
		p.expect("snap")
		p.expect("hb")
		all = append(all, p)
	}
	l := e.loops[0]
	onLoop(t, l, func() { // what a turn does, but the fan-out; no turn comes before it
		e.now(pub, "A", 2)
		l.drain()
		for _, id := range l.fan.dirty {
			l.cohorts.heat[id].done()
		}
		l.unpin()
	})
	begin := time.Now()
	for i, p := range all {
		for {
			v, err := p.read()
			if err != nil {
				if v.Type != "hb" {
					t.Errorf("stream %d: %v", i, err)
				}
				break
			}
			if time.Since(begin) > 10*time.Second {
				t.Fatalf("stream %d notices nothing", i)
			}
		}
	}
	if d := time.Since(begin); d > time.Second {
		t.Errorf("noticed after %v", d)
	}
}

// TestDrainEvent tells each typed stream its own instant, and keeps to it.
func TestDrainEvent(t *testing.T) {
	t.Parallel()
	e := newEngine(t, Options{Loops: 2})
	var all []*prover
	for range 30 {
		all = append(all, prove(t, e, Stream{Kind: JSON}))
	}
	begin := time.Now()
	done := make(chan error)
	go func() { done <- e.Drain(t.Context(), time.Second, 0) }()
	instants := map[int]bool{}
	for _, p := range all {
		v := p.expect("drain")
		instants[v.DeadlineMs] = true
		p.wantClose(1012)
		if late := time.Since(begin) - time.Duration(v.DeadlineMs)*time.Millisecond; late < -50*time.Millisecond {
			t.Errorf("closed %v before its instant", -late)
		}
	}
	if err := <-done; err != nil || len(instants) < 15 {
		t.Errorf("%v, %d instants", err, len(instants))
	}
}
