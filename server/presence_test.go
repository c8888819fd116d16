package server

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// group makes a vendor with clients, all of which have accounts.
func (s *running) group(vendor string, clients ...string) {
	s.t.Helper()
	path := "/api/v1/vendors/" + vendor
	s.vendorCall("PUT", path, "{}")
	for _, c := range clients {
		s.vendorCall("PUT", path+"/clients/"+c, "{}")
	}
}

// vendorCall makes an operator's call that succeeds.
func (s *running) vendorCall(method, path, body string) {
	s.t.Helper()
	if r := s.callAt("http://"+s.addrs.Admin, method, path, body); r.StatusCode != 200 {
		s.t.Fatalf("%s %s: %d %s", method, path, r.StatusCode, r.body)
	}
}

// Who may ask learns who is connected, at once; others learn nothing, not even whether
// there is such an account.
func TestPresence(t *testing.T) {
	s := start(t)
	ann, bob, vic := s.account("ann"), s.account("bob"), s.account("vic")
	s.account("eve")
	s.group("vic", "ann", "bob")
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
	ann, vic := s.account("ann"), s.account("vic")
	s.account("bob")
	s.account("gone")
	s.group("vic", "ann", "bob", "gone")
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
		"vic/presence":                           {"ann", "bob", "gone"},
		"vic/presence?limit=2":                   {"ann", "bob"},
		"vic/presence?limit=2&after=bob":         {"gone"},
		"vic/presence?online=false&limit=1":      {"bob"},
		"vic/presence?online=true&after=ann":     nil,
		"%76ic/presence?online=false&after=bobb": {"gone"},
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
		"vic/presence?limit=0": 422, "vic/presence?limit=x": 422, "vic/presence?online=x": 422,
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
	ann := s.account("ann")
	s.account("bob")
	s.group("ann", "bob")
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
		{vendor, "ann", "?limit=0", as(ann), 422}, {vendor, "ann", "?online=1", as(ann), 422},
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

// driveRoster watches a vendor's roster.
func driveRoster(t *testing.T, protocol string) witness {
	s := start(t)
	vic, ann := s.account("vic"), s.account("ann")
	s.group("vic", "ann")
	for i := range 40 {
		s.vendorCall("PUT", "/api/v1/vendors/vic/clients/"+s.crowd(t, i), "{}")
	}
	c := s.open("/api/v1/stream", ann)
	eventually(t, "all are online", func() bool {
		r := s.call("GET", "/api/v1/vendors/vic/presence?online=true", nil, as(vic)...)
		return len(asList(r.at("clients"))) == 41
	})
	p := s.typed(vic, protocol, "")
	p.ask(`{"op":"roster","id":"r1"}`)
	more := 0
	p.expect("roster", func(e event) bool {
		if e["more"] == true {
			more++
		}
		return e["more"] == false && e.number("total") == 42 && more > 0
	})
	_ = c.CloseNow()
	p.expect("presence", func(e event) bool { return e["client"] == "ann" && e["online"] == false })
	s.vendorCall("DELETE", "/api/v1/vendors/vic/clients/ann", "")
	p.expect("presence", func(e event) bool { return e["client"] == "ann" && e["left"] == true })
	p.ask(`{"op":"roster","id":"r2","on":false}`)
	return p.seen
}

// crowd opens a stream of an account with a long name, and returns that.
func (s *running) crowd(t *testing.T, i int) string {
	t.Helper()
	name := "crowd-" + string(rune('a'+i/26)) + string(rune('a'+i%26)) + "-0123456789-0123456789-0123456789"
	s.open("/api/v1/stream", s.account(name))
	return name
}
