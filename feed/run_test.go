package feed

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
)

// A runningFeed is RunFeed on ports of its own.
type runningFeed struct {
	pub, control string
	ended        chan error
	cancel       context.CancelFunc
}

func runFeed(t *testing.T, c FeedConfig) *runningFeed {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	f := &runningFeed{ended: make(chan error, 1), cancel: cancel}
	ready := make(chan struct{})
	c.Pub, c.Control = "tcp://127.0.0.1:0", "tcp://127.0.0.1:0"
	c.Ready = func(pub, control string) {
		f.pub, f.control = pub, control
		close(ready)
	}
	go func() {
		f.ended <- RunFeed(ctx, c)
		close(f.ended)
	}()
	t.Cleanup(func() {
		cancel()
		<-f.ended
	})
	select {
	case <-ready:
	case err := <-f.ended:
		t.Fatalf("RunFeed = %v", err)
	}
	return f
}

func request(t *testing.T, endpoint, body string) string {
	t.Helper()
	conn := dialReq(t, endpoint)
	send(t, conn, many("", body))
	got := receive(t, conn)
	if len(got) != 2 || got[0] != "" {
		t.Fatalf("answer %q", got)
	}
	return got[1]
}

func (c *collector) hasTopic(topic string) bool { return slices.Contains(c.topics(), topic) }

func TestRunFeed(t *testing.T) {
	f := runFeed(t, FeedConfig{Rate: 2000})
	c := &collector{}
	start(t, f.pub, c, SubscriberOptions{})
	eventually(t, "the default tokens", func() bool {
		for _, name := range DefaultTokens {
			if !c.hasTopic(name) {
				return false
			}
		}
		return true
	})
	got := request(t, f.control, added+`["NEW:1","NSE:1594"]}}`)
	if !strings.Contains(got, `"data":["NEW:1","NSE:1594"]`) {
		t.Errorf("addto_Feed: %s", got)
	}
	eventually(t, "the new token", func() bool { return c.hasTopic("NEW:1") })
	got = request(t, f.control, `{"function":"terminate"}`)
	if !strings.Contains(got, `"status":true`) {
		t.Errorf("terminate: %s", got)
	}
	if err := <-f.ended; err != nil {
		t.Errorf("RunFeed = %v", err)
	}
}

func TestRunFeedAddsAtOnce(t *testing.T) {
	f := runFeed(t, FeedConfig{Rate: 1, Tokens: []string{"A"}}) // the next tick in turn is far away
	c := &collector{}
	s := start(t, f.pub, c, SubscriberOptions{})
	eventually(t, "connected", func() bool { return s.Status().Connected })
	eventually(t, "A: the subscription has arrived", func() bool { return c.hasTopic("A") })
	request(t, f.control, added+`["B","C","D"]}}`)
	eventually(t, "all at once", func() bool {
		return c.hasTopic("B") && c.hasTopic("C") && c.hasTopic("D")
	})
}

func TestRunFeedReplay(t *testing.T) {
	f := runFeed(t, FeedConfig{Replay: writeFile(t, recording(t, recorded)), Speed: 10, Loop: true})
	c := &collector{}
	start(t, f.pub, c, SubscriberOptions{})
	eventually(t, "the recorded ticks", func() bool {
		return c.has(recorded[0]) && c.has(recorded[1]) && c.has(recorded[2])
	})
	got := request(t, f.control, added+`["X"]}}`)
	if !strings.Contains(got, "only what was recorded") {
		t.Errorf("addto_Feed: %s", got)
	}
	f.cancel()
	if err := <-f.ended; err != nil {
		t.Errorf("RunFeed = %v", err)
	}
}

func TestRunFeedReplayEnds(t *testing.T) {
	p := recording(t, recorded)
	f := runFeed(t, FeedConfig{Replay: writeFile(t, p)})
	if err := <-f.ended; err != nil {
		t.Errorf("a whole recording: %v", err)
	}
	f = runFeed(t, FeedConfig{Replay: writeFile(t, p[:len(p)-1])})
	if err := <-f.ended; !errors.Is(err, ErrTruncated) {
		t.Errorf("a cut recording: %v", err)
	}
}

func TestRunFeedRefuses(t *testing.T) {
	taken := newPublisher(t, PublisherOptions{}).Endpoint()
	free := "tcp://127.0.0.1:0"
	for name, c := range map[string]FeedConfig{
		"pub in use":     {Pub: taken, Control: free},
		"control in use": {Pub: free, Control: taken},
		"bad pub":        {Pub: "5556", Control: free},
		"bad rate":       {Pub: free, Control: free, Rate: -1},
		"bad token":      {Pub: free, Control: free, Tokens: []string{"A,B"}},
		"no recording":   {Pub: free, Control: free, Replay: "/nowhere/at/all"},
	} {
		if err := RunFeed(t.Context(), c); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRunFeedWarnsBeyondLoopback(t *testing.T) {
	var log bytes.Buffer
	l := slog.New(slog.NewTextHandler(&log, nil))
	c := FeedConfig{Pub: "tcp://*:0", Control: DefaultControl, Logger: l}
	if c.warn(); strings.Count(log.String(), "beyond loopback") != 1 {
		t.Errorf("log: %s", &log)
	}
}
