package server

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
)

// ticketOf mints a ticket with a bearer.
func (s *running) ticketOf(bearer string) string {
	s.t.Helper()
	k := s.call("POST", "/api/v1/stream/ticket", nil, as(bearer)...).text("ticket")
	if k == "" {
		s.t.Fatal("no ticket")
	}
	return k
}

// Of a hundred that show one ticket at once, one gets a stream, the others 401.
func TestTicketRace(t *testing.T) {
	s := start(t, func(c *Config) { c.StreamsPerAccount = 0 })
	bearer := s.account("ann")
	for range 2 {
		path := "/api/v1/stream?ticket=" + s.ticketOf(bearer)
		var opened atomic.Int32
		begin := make(chan struct{})
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				<-begin
				c, r, err := s.dial(path, "")
				switch {
				case err == nil:
					opened.Add(1)
					_ = c.CloseNow()
				case r == nil || r.StatusCode != http.StatusUnauthorized:
					t.Errorf("%v", err)
				}
			})
		}
		close(begin)
		all.Wait()
		if n := opened.Load(); n != 1 {
			t.Errorf("%d streams of one ticket", n)
		}
	}
}

// A ticket is spent by whoever shows it first, whatever comes of that.
func TestTicketIsBurnt(t *testing.T) {
	s := start(t)
	ann := s.account("ann")
	s.account("bob")
	open := func(path string) int { return s.refused(path, "") }
	for what, first := range map[string]struct {
		path string
		want int
	}{
		"used":                 {"/api/v1/stream", 0},
		"at its own path":      {"/api/trigger/ws/ann", 0},
		"at another's path":    {"/api/trigger/ws/bob", 403},
		"with a bad heartbeat": {"/api/v1/stream?hb_ms=x", 422},
	} {
		sep := "?ticket="
		if first.want == 422 {
			sep = "&ticket="
		}
		k := s.ticketOf(ann)
		if got := open(first.path + sep + k); got != first.want {
			t.Errorf("%s: %d", what, got)
		}
		if got := open("/api/v1/stream?ticket=" + k); got != 401 {
			t.Errorf("%s, then replayed: %d", what, got)
		}
	}
	k := s.ticketOf(ann)
	if r := s.call("GET", "/api/v1/stream?ticket="+k, nil); r.StatusCode != 426 {
		t.Errorf("no handshake: %d", r.StatusCode)
	}
	if got := open("/api/v1/stream?ticket=" + k); got != 401 {
		t.Errorf("shown without a handshake, then replayed: %d", got)
	}
	if r := s.call("GET", "/api/v1/sessions?ticket="+s.ticketOf(ann), nil); r.StatusCode != 401 {
		t.Errorf("a ticket opens the API: %d", r.StatusCode)
	}
	if got := s.refused("/api/v1/stream", s.ticketOf(ann)); got != 401 {
		t.Errorf("a ticket as a bearer: %d", got)
	}
}

// A ticket, and the stream opened with one, belong to the session that minted it.
func TestTicketEndsWithItsSession(t *testing.T) {
	s := start(t)
	bearer := s.account("ann")
	stream := s.open("/api/v1/stream?ticket="+s.ticketOf(bearer), "")
	say(t, stream, "foo|A")
	late := s.ticketOf(bearer)
	if r := s.call("POST", "/api/v1/users/logout", nil, as(bearer)...); r.StatusCode != 200 {
		t.Fatalf("%d %s", r.StatusCode, r.body)
	}
	if code, _ := closeOf(t, stream); code != 3501 {
		t.Errorf("its stream closed with %d", code)
	}
	if got := s.refused("/api/v1/stream?ticket="+late, ""); got != 401 {
		t.Errorf("its ticket: %d", got)
	}
}
