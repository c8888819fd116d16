package server

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// vendor makes an account a vendor with clients, all of which are registered, and returns
// its bearer.
func (s *running) vendor(name string, clients ...string) string {
	s.t.Helper()
	bearer := s.account(name)
	s.grant("PUT", "/api/v1/vendors/"+name)
	for _, c := range clients {
		s.grant("PUT", "/api/v1/vendors/"+name+"/clients/"+c)
	}
	return bearer
}

// grant makes a call of the admin port.
func (s *running) grant(method, path string) {
	s.t.Helper()
	if r := s.callAt("http://"+s.addrs.Admin, method, path, "{}"); r.StatusCode != 200 {
		s.t.Fatalf("%s %s: %d %s", method, path, r.StatusCode, r.body)
	}
}

// Who may ask learns who is connected, at once; others learn nothing, not even whether
// there is such an account.
func TestPresence(t *testing.T) {
	s := start(t)
	ann, bob := s.account("ann"), s.account("bob")
	vic := s.vendor("vic", "ann", "bob")
	s.account("eve")
	at := func(bearer, name string) reply {
		t.Helper()
		return s.call("GET", "/api/v1/presence/"+name, nil, as(bearer)...)
	}
	if r := at(ann, "ann"); r.at("online") != false || r.at("last_seen") != nil || r.at("since") != nil {
		t.Errorf("%s", r.body)
	}
	c := s.open("/api/v1/stream", ann)
	s.open("/api/v1/stream", ann)
	eventually(t, "both are there", func() bool { return at(vic, "ann").at("connections") == 2.0 })
	if r := at(vic, "ann"); r.at("online") != true || r.at("since") == nil || r.at("last_seen") == nil {
		t.Errorf("%s", r.body)
	}
	_ = c.CloseNow()
	eventually(t, "one is left", func() bool { return at(ann, "ann").at("connections") == 1.0 })
	s.call("POST", "/api/v1/users/logout", nil, as(ann)...)
	eventually(t, "none is left", func() bool { return at(vic, "ann").at("online") == false })
	if r := at(vic, "ann"); r.at("since") != nil || r.at("last_seen") == nil {
		t.Errorf("%s", r.body)
	}
	missing := at(bob, "nobody")
	for _, r := range []reply{at(bob, "ann"), at(bob, "vic"), at(vic, "eve"), at(bob, "%00"), at(bob, "a/b/c")} {
		if r.StatusCode != 404 || string(r.body) != string(missing.body) {
			t.Errorf("%d %s, for a name unknown %d %s", r.StatusCode, r.body, missing.StatusCode, missing.body)
		}
	}
}

func TestVendorsRosterByHTTP(t *testing.T) {
	s := start(t)
	ann := s.account("ann")
	s.account("bob")
	s.account("cid")
	vic := s.vendor("vic", "ann", "bob", "cid")
	s.open("/api/v1/stream", ann)
	at := func(bearer, path string) reply {
		t.Helper()
		return s.call("GET", "/api/v1/vendors/"+path, nil, as(bearer)...)
	}
	names := func(r reply) (list []string) {
		for _, c := range asList(r.at("clients")) {
			list = append(list, dig(c, "client").(string))
		}
		return list
	}
	eventually(t, "ann is there", func() bool {
		return slices.Equal(names(at(vic, "vic/presence?online=true")), []string{"ann"})
	})
	for path, want := range map[string][]string{
		"vic/presence":                           {"ann", "bob", "cid"},
		"vic/presence?limit=2":                   {"ann", "bob"},
		"vic/presence?limit=2&after=bob":         {"cid"},
		"vic/presence?online=false&limit=1":      {"bob"},
		"vic/presence?online=true&after=ann":     nil,
		"%76ic/presence?online=false&after=bobb": {"cid"},
	} {
		if r := at(vic, path); r.StatusCode != 200 || !slices.Equal(names(r), want) {
			t.Errorf("%s: %d %s", path, r.StatusCode, r.body)
		}
	}
	if r := at(vic, "vic/presence?limit=2"); r.at("next") != "bob" {
		t.Errorf("%s", r.body)
	}
	if r := at(vic, "vic/presence"); r.at("next") != nil {
		t.Errorf("%s", r.body)
	}
	for path, status := range map[string]int{
		"vic/presence?limit=0": 400, "vic/presence?limit=x": 400, "vic/presence?online=x": 400,
		"ann/presence": 404, "nobody/presence": 404, "/presence": 404, "vic/presenc": 404,
		"vic/x/presence": 404, "%00/presence": 404,
	} {
		if r := at(vic, path); r.StatusCode != status {
			t.Errorf("%s: %d %s", path, r.StatusCode, r.body)
		}
	}
	if r := at(ann, "ann/presence"); r.StatusCode != 404 {
		t.Errorf("no vendor: %d %s", r.StatusCode, r.body)
	}
}

// The answers are as they are described.
func TestOpenAPIDescribesPresence(t *testing.T) {
	d := loadDocument(t, openAPIText)
	s := start(t)
	s.account("bob")
	ann := s.vendor("ann", "bob")
	const client, vendor = "/api/v1/presence/{client}", "/api/v1/vendors/{vendor}/presence"
	for _, tc := range []struct {
		where, variable, query string
		headers                []string
		status                 int
	}{
		{client, "ann", "", as(ann), 200}, {client, "bob", "", as(ann), 200},
		{client, "eve", "", as(ann), 404}, {client, "ann", "", nil, 401},
		{vendor, "ann", "", as(ann), 200}, {vendor, "ann", "?limit=1&online=false", as(ann), 200},
		{vendor, "eve", "", as(ann), 404}, {vendor, "ann", "", nil, 401},
		{vendor, "ann", "?limit=0", as(ann), 400}, {vendor, "ann", "?online=1", as(ann), 400},
	} {
		before, behind, _ := strings.Cut(tc.where, "{")
		_, behind, _ = strings.Cut(behind, "}")
		r := s.call("GET", before+tc.variable+behind+tc.query, nil, tc.headers...)
		if r.StatusCode != tc.status {
			t.Errorf("%v: %d %s", tc, r.StatusCode, r.body)
		} else if err := d.check("GET", tc.where, r); err != nil {
			t.Errorf("%v: %v: %s", tc, err, r.body)
		}
	}
}

// When a client was last seen is known after a restart.
func TestLastSeenAfterARestart(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	s := startConfig(t, c)
	ann := s.account("ann")
	s.open("/api/v1/stream", ann)
	eventually(t, "the stream is there", func() bool { return s.streams(ann) == 1 })
	before := time.Now()
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	s = startConfig(t, c)
	r := s.call("GET", "/api/v1/presence/ann", nil, as(ann)...)
	seen, _ := r.at("last_seen").(float64)
	if d := time.UnixMicro(int64(seen)).Sub(before); r.at("online") != false || d < -time.Second || d > 10*time.Second {
		t.Errorf("%s, %v from the stop", r.body, d)
	}
}

// driveRoster has a vendor's stream told of its clients.
func driveRoster(t *testing.T, protocol string) witness {
	c := testConfig(t)
	parts := &server{config: c, log: testLogger(&syncBuffer{})}
	t.Cleanup(func() { _ = parts.stop() })
	addrs, err := parts.start()
	if err != nil {
		t.Fatal(err)
	}
	s := &running{t: t, addrs: addrs}
	names := []string{"ann", "bob"}
	s.account("bob")
	for i := range 40 {
		names = append(names, fmt.Sprintf("crowd-%02d-0123456789-0123456789-0123456789", i))
		s.open("/api/v1/stream", s.account(names[i+2]))
	}
	ann := s.open("/api/v1/stream", s.account("ann"))
	eventually(t, "all are online", func() bool { return parts.people.Stats().Online == 41 })
	p := s.typed(s.vendor("vic", names...), protocol, "")
	p.ask(`{"op":"roster","id":"r1","on":true}`)
	p.expect("roster", func(e event) bool { return e["more"] == true })
	if e := p.expect("roster", func(e event) bool { return e["more"] == false }); e.number("total") != 43 {
		t.Errorf("%v", e)
	}
	ofAnn := func(e event) bool { return e["client"] == "ann" }
	_ = ann.CloseNow()
	if e := p.expect("presence", ofAnn); e["online"] != false {
		t.Errorf("%v", e)
	}
	s.grant("DELETE", "/api/v1/vendors/vic/clients/ann")
	if e := p.expect("presence", ofAnn); e["left"] != true {
		t.Errorf("%v", e)
	}
	p.ask(`{"op":"roster","on":true}`) // once more
	p.expect("roster", func(e event) bool { return e["more"] == false })
	p.ask(`{"op":"roster","on":false}`)
	eventually(t, "nobody watches", func() bool { return parts.people.Stats().Watches == 0 })
	p.ask(`{"op":"roster"}`)
	p.expect("roster")
	_ = p.conn.CloseNow()
	eventually(t, "nobody watches", func() bool { return parts.people.Stats().Watches == 0 })
	return p.seen
}
