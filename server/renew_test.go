package server

import (
	"testing"
	"time"

	"azira/proto"
)

// A stream goes on with another bearer of its account and of no other, and belongs to
// the session of that one from then on.
func TestRenewal(t *testing.T) {
	s := start(t)
	old := s.account("ann")
	fresh := s.login("ann")
	p := s.typed(old, proto.ProtocolJSON, "")
	for bearer, code := range map[string]int{
		s.account("bob"):        103,
		"nonsense":              101,
		fresh[:len(fresh)-1]:    101,
		fresh + fresh + "x":     101,
		revoked(s, "ann"):       101,
		string(make([]byte, 9)): 101,
	} {
		request := string(mustJSON(map[string]string{"op": "auth", "id": "a", "bearer": bearer}))
		p.send(request)
		if e := p.expect("error"); e.number("code") != float64(code) || e["id"] != "a" {
			t.Errorf("%.30q: %v, want %d", bearer, e, code)
		}
	}
	e := p.ask(`{"op":"auth","id":"b","bearer":"` + fresh + `"}`)
	if e["id"] != "b" || e["op"] != "auth" || e.number("expires_in") < 1790 || e.number("count") != 0 {
		t.Errorf("%v", e)
	}
	if r := s.call("POST", "/api/v1/users/logout", nil, as(old)...); r.StatusCode != 200 {
		t.Fatalf("%d %s", r.StatusCode, r.body)
	}
	p.send(`{"op":"ping"}`)
	p.expect("pong")
	if n := s.streams(fresh); n != 1 {
		t.Errorf("%d streams after the logout of the first session", n)
	}
	if r := s.call("POST", "/api/v1/users/logout", nil, as(fresh)...); r.StatusCode != 200 {
		t.Fatalf("%d %s", r.StatusCode, r.body)
	}
	if code := p.closed(); code != 3501 {
		t.Errorf("closed with %d", code)
	}
}

// revoked is a bearer of a session that was ended.
func revoked(s *running, name string) string {
	bearer := s.login(name)
	s.call("POST", "/api/v1/users/logout", nil, as(bearer)...)
	return bearer
}

// With --close-on-expiry a stream lives as long as its last bearer, and no longer.
func TestRenewalBeforeExpiry(t *testing.T) {
	t.Parallel()
	const life = 5 * time.Second
	s := start(t, func(c *Config) { c.AccessTTL, c.CloseOnExpiry = life, true })
	ann := s.account("ann")
	left, renewed := s.typed(ann, proto.ProtocolJSON, ""), s.typed(ann, proto.ProtocolJSON, "")
	if n := left.welcome.number("expires_in"); n > 5 || n < 3 {
		t.Errorf("expires_in %v", n)
	}
	time.Sleep(3 * time.Second)
	begin := time.Now()
	fresh := s.login("ann")
	if e := renewed.ask(`{"op":"auth","bearer":"` + fresh + `"}`); e.number("expires_in") < 3 {
		t.Errorf("%v", e)
	}
	if code := left.closed(); code != 3005 {
		t.Errorf("not renewed: closed with %d", code)
	}
	eventually(t, "the first bearer has expired", func() bool {
		return s.call("GET", "/api/v1/sessions", nil, as(ann)...).StatusCode == 401
	})
	if code := renewed.refused(`{"op":"auth","id":"late","bearer":"` + ann + `"}`); code != 109 {
		t.Errorf("an expired bearer: %d", code)
	}
	if code := renewed.closed(); code != 3005 {
		t.Errorf("renewed: closed with %d", code)
	}
	// Bearers end at a whole second, and streams are looked at once a second.
	if d := time.Since(begin); d < life-2*time.Second || d > life+2*time.Second {
		t.Errorf("renewed: closed after %v", d)
	}
}
