package server

import (
	"fmt"
	"testing"
	"time"

	"azira/feed"
	"azira/proto"
)

// within is how soon a change of the feed is to be told.
const within = 2 * time.Second

// soon waits for a heartbeat that says a state of the feed, and fails if it is late.
func (p *typed) soon(feed string) event {
	p.t.Helper()
	begin := time.Now()
	e := p.expect("hb", says(feed))
	if d := time.Since(begin); d > within {
		p.t.Errorf("%s: told after %v", feed, d)
	}
	return e
}

// A feed that goes and comes back is told at once, whatever hb_ms is.
func TestFeedGoesAndComesBack(t *testing.T) {
	t.Parallel()
	s, f := startWithFeed(t)
	ann := s.account("ann")
	f.tick("A", quoteTick)
	s.known(ann, "A")
	p := s.typed(ann, proto.ProtocolJSON, "?hb_ms=30000")
	p.ask(`{"op":"subscribe","tokens":["A"]}`)
	p.soon("stale")
	f.tick("A", quoteTick)
	p.soon("live")
	if e := p.soon("stale"); e.number("age_ms") < 900 {
		t.Errorf("stale: %v", e)
	}
	endpoint := f.pub.Endpoint()
	if err := f.pub.Close(); err != nil {
		t.Fatal(err)
	}
	p.soon("down")
	pub, err := feed.ListenPublisher(endpoint, feed.PublisherOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pub.Close() })
	f.pub = pub
	end := make(chan struct{})
	go func() {
		defer close(end)
		for range 40 {
			f.tick("A", quoteTick)
			time.Sleep(50 * time.Millisecond)
		}
	}()
	p.soon("live")
	<-end
}

// A server that starts again is another epoch: its streams are told of the gap and
// given the values that were kept.
func TestRestartBeginsAnEpoch(t *testing.T) {
	t.Parallel()
	s, f := startWithFeed(t)
	ann := s.account("ann")
	for range 3 {
		f.tick("A", quoteTick)
	}
	eventually(t, "all is there", func() bool { return s.last(ann, "A").at("seq") == 3.0 })
	for _, protocol := range []string{proto.ProtocolJSON, proto.ProtocolBinary} {
		p := s.typed(ann, protocol, "")
		p.ask(`{"op":"subscribe","tokens":["A"]}`)
		if e := p.expect("snap"); e.number("seq") != 3 {
			t.Errorf("%v", e)
		}
		epoch := p.welcome.number("epoch")
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
		c := testConfig(t)
		c.Data, c.Feed = s.config.Data, s.config.Feed
		s = startConfig(t, c)
		if code := p.closed(); code != 1012 {
			t.Errorf("closed with %d", code)
		}
		resumeAfter(t, s, f, ann, protocol, epoch)
	}
}

// resumeAfter goes on from the third tick of another epoch.
func resumeAfter(t *testing.T, s *running, f *bus, bearer, protocol string, epoch float64) {
	p := s.typed(bearer, protocol, "?hb_ms=500")
	if p.welcome.number("epoch") <= epoch {
		t.Errorf("epoch %v after %v", p.welcome["epoch"], epoch)
	}
	e := p.ask(fmt.Sprintf(`{"op":"subscribe","id":"r","epoch":%.0f,"from":{"A":3}}`, epoch))
	if ok := e.list("ok"); len(ok) != 1 || ok[0].number("seq") != 0 {
		t.Errorf("ack %v", e)
	}
	e = p.next()
	if e["type"] != "gap" || e["reason"] != "epoch" || e.number("from") != 1 || e.number("to") != 0 {
		t.Errorf("gap %v", e)
	}
	e = p.next()
	if e["type"] != "snap" || e.number("seq") != 0 || e.number("ts") == 0 {
		t.Errorf("snap %v", e)
	}
	eventually(t, "subscribed again", func() bool { return f.pub.Stats().Subscriptions > 0 })
	for n := 1; n <= 3; n++ {
		f.tick("A", quoteTick)
		if e := p.expect("tick"); e.number("seq") != float64(n) {
			t.Errorf("tick %v, want %d", e, n)
		}
	}
	if e := p.expect("hb"); e.number("sum") != 3 || e.number("pending") != 0 {
		t.Errorf("hb %v", e)
	}
}
