package server

import (
	"fmt"
	"strings"
	"testing"

	"azira/proto"
)

// requests are good or bad by their schemas, and by the server.
var requests = []struct {
	request string
	good    bool
}{
	{`{"op":"subscribe","tokens":["A","X",""]}`, true},
	{`{"op":"subscribe","tokens":["A"],"mode":"full","snapshot":false,"max_rate":0}`, true},
	{`{"op":"subscribe","tokens":["A"],"max_rate":null,"id":null}`, true},
	{`{"op":"subscribe","tokens":["A"],"max_rate":0.1}`, true},
	{`{"op":"subscribe","tokens":["A"],"max_rate":1000}`, true},
	{`{"op":"subscribe","tokens":[],"epoch":1,"from":{"A":0}}`, true},
	{`{"op":"subscribe","epoch":1,"from":{"A":0}}`, true},
	{`{"op":"unsubscribe","tokens":["A","B"]}`, true},
	{`{"op":"unsubscribe","tokens":"*"}`, true},
	{`{"op":"list","id":"` + strings.Repeat("x", 36) + `"}`, true},
	{`{"op":"ping","id":-1.5e3}`, true},
	{`{"op":"subscribe"}`, false},
	{`{"op":"subscribe","tokens":null}`, false},
	{`{"op":"subscribe","tokens":"A"}`, false},
	{`{"op":"subscribe","tokens":[1]}`, false},
	{`{"op":"subscribe","tokens":["A"],"mode":"some"}`, false},
	{`{"op":"subscribe","tokens":["A"],"mode":null}`, true},
	{`{"op":"subscribe","tokens":["A"],"snapshot":"no"}`, false},
	{`{"op":"subscribe","tokens":["A"],"snapshot":null}`, true},
	{`{"op":"subscribe","tokens":["A"],"max_rate":0.09}`, false},
	{`{"op":"subscribe","tokens":["A"],"max_rate":1001}`, false},
	{`{"op":"subscribe","tokens":["A"],"max_rate":-1}`, false},
	{`{"op":"subscribe","tokens":["A"],"max_rate":"4"}`, false},
	{`{"op":"subscribe","from":{"A":1}}`, false},
	{`{"op":"subscribe","epoch":1,"from":{"A":-1}}`, false},
	{`{"op":"subscribe","epoch":1,"from":{"A":1.5}}`, false},
	{`{"op":"subscribe","epoch":"1","from":{"A":1}}`, false},
	{`{"op":"subscribe","epoch":1,"from":null}`, false},
	{`{"op":"unsubscribe"}`, false},
	{`{"op":"unsubscribe","tokens":"A"}`, false},
	{`{"op":"unsubscribe","tokens":[]}`, false},
	{`{"op":"list","id":"` + strings.Repeat("x", 37) + `"}`, false},
	{`{"op":"list","id":true}`, false},
	{`{"op":"auth"}`, false},
	{`{"op":"auth","bearer":""}`, false},
	{`{"op":"auth","bearer":7}`, false},
	{`{"op":"LIST"}`, false},
	{`{"op":null}`, false},
	{`{"id":"x"}`, false},
	{`["op"]`, false},
}

// What the schemas of requests allow, the server serves, and what they forbid it
// refuses with 107 or 108; whatever else is in a request is ignored.
func TestRequestsAsDescribed(t *testing.T) {
	s, f := startWithFeed(t)
	ann := s.account("ann")
	f.tick("A", quoteTick)
	s.known(ann, "A")
	p := s.typed(ann, proto.ProtocolJSON, "")
	for i, tc := range requests {
		if err := p.fits(tc.request); (err == nil) != tc.good {
			t.Errorf("%s: by its schema %v", tc.request, err)
		}
		p.send(tc.request, true)
		mark := fmt.Sprintf(`{"op":"ping","id":"mark %d"}`, i)
		p.send(mark)
		code := 0.0
		for e := p.next(); e["id"] != fmt.Sprintf("mark %d", i); e = p.next() {
			if e["type"] == "error" {
				code = e.number("code")
			}
		}
		if bad := code == 107 || code == 108; bad == tc.good || code == 111 {
			t.Errorf("%s: served %v, answered with %v", tc.request, !bad, code)
		}
		if i%20 == 19 { // the rate of requests
			_ = p.conn.CloseNow()
			p = s.typed(ann, proto.ProtocolJSON, "")
		}
	}
	p.send(`{"op":"ping","id":"odd","more":[{}],"tokens":7}`, true)
	e := p.next()
	for e["type"] == "hb" { // one that was due
		e = p.next()
	}
	if e["type"] != "pong" {
		t.Errorf("unknown fields: %v", e)
	}
}
