package server

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"azira/presence"
)

// fakeGroups are groups that a test changes.
type fakeGroups struct {
	mu      sync.Mutex
	clients map[string][]string // by vendor, in order
}

func groupsOf(vendor string, clients ...string) *fakeGroups {
	slices.Sort(clients)
	return &fakeGroups{clients: map[string][]string{vendor: clients}}
}

func (g *fakeGroups) InGroup(vendor, client string) (bool, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Contains(g.clients[vendor], client), nil
}

func (g *fakeGroups) ClientsOf(vendor, after string, n int) ([]string, bool, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	list, ok := g.clients[vendor]
	if !ok {
		return nil, false, presence.ErrNoVendor
	}
	i, found := slices.BinarySearch(list, after)
	if found {
		i++
	}
	list = list[i:]
	return slices.Clone(list[:min(n, len(list))]), len(list) > n, nil
}

// Who may ask learns who is connected, at once; others learn nothing, not even whether
// there is such an account.
func TestPresence(t *testing.T) {
	s := start(t, func(c *Config) { c.groups = groupsOf("vic", "ann", "bob", "gone") })
	ann, bob, vic := s.account("ann"), s.account("bob"), s.account("vic")
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
	s := start(t, func(c *Config) { c.groups = groupsOf("vic", "ann", "bob", "gone") })
	ann, vic := s.account("ann"), s.account("vic")
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
	s := start(t, func(c *Config) { c.groups = groupsOf("ann", "bob") })
	ann := s.account("ann")
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

// driveRoster has a vendor's stream told of its clients.
func driveRoster(t *testing.T, protocol string) witness {
	c := testConfig(t)
	g := groupsOf("vic", "ann", "bob")
	c.groups = g
	parts := &server{config: c, log: testLogger(&syncBuffer{})}
	t.Cleanup(func() { _ = parts.stop() })
	addrs, err := parts.start()
	if err != nil {
		t.Fatal(err)
	}
	s := &running{t: t, addrs: addrs}
	for i := range 40 {
		name := fmt.Sprintf("crowd-%02d-0123456789-0123456789-0123456789", i)
		s.open("/api/v1/stream", s.account(name))
		g.clients["vic"] = append(g.clients["vic"], name)
	}
	ann := s.open("/api/v1/stream", s.account("ann"))
	eventually(t, "all are online", func() bool { return parts.people.Stats().Online == 41 })
	p := s.typed(s.account("vic"), protocol, "")
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
	g.mu.Lock()
	g.clients["vic"] = g.clients["vic"][1:]
	g.mu.Unlock()
	parts.people.Regrouped("vic", "ann")
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
