package server

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"azira/engine"
)

// A tick that a stream got is found under its token, with values that can be; a
// restart begins anew.
func TestLatencyOfTokens(t *testing.T) {
	s, f := startWithFeed(t)
	bearer := s.account("ann")
	f.tick("A/B", `{"ltp":1}`)
	s.known(bearer, "A/B")
	c := s.open("/api/v1/stream", bearer)
	say(t, c, "subscribe|A/B")
	f.tick("A/B", `{"ltp":2}`)
	readUntil(t, c, `{"ltp":2}`)
	path := "/api/v1/latency?token=" + url.QueryEscape("A/B")
	var r reply
	first := func() map[string]any {
		r = s.call("GET", path, nil, as(bearer)...)
		list, _ := r.at("tokens").([]any)
		if len(list) != 1 {
			t.Fatalf("%d %s", r.StatusCode, r.body)
		}
		return list[0].(map[string]any)["first_write"].(map[string]any)
	}
	eventually(t, "it is counted", func() bool { return first()["count"].(float64) >= 1 })
	got := first()
	max, p99 := got["max_us"].(float64), got["p99_us"].(float64)
	if max <= 0 || max > float64(time.Minute.Microseconds()) || p99 <= 0 || p99 > max {
		t.Errorf("%v", got)
	}
	if err := loadDocument(t, openAPIText).check("GET", "/api/v1/latency", r); err != nil {
		t.Error(err)
	}
	page := string(s.adminCall("/metrics").body)
	for _, name := range []string{"first_write", "last_write"} {
		if strings.Contains(page, "\nazira_"+name+"_seconds_count 0\n") {
			t.Errorf("%s: not in the metrics", name)
		}
	}
	epoch := r.at("epoch").(float64)
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	again := startConfig(t, s.config)
	r = again.call("GET", "/api/v1/latency", nil, as(again.login("ann"))...)
	if n := r.at("all", "last_write", "count"); n != 0.0 || r.at("epoch").(float64) <= epoch {
		t.Errorf("after a restart: %s", r.body)
	}
}

func TestLatencyRefuses(t *testing.T) {
	s := start(t)
	bearer, d := s.account("ann"), loadDocument(t, openAPIText)
	for path, status := range map[string]int{
		"": 200, "?token=X": 404, "?token=": 404, "?token=X&token=Y": 404, "?limit=0": 422,
		"?limit=1001": 422, "?limit=x": 422, "?limit=1&limit=2": 422, "?limit=1000&other=1": 200,
	} {
		r := s.call("GET", "/api/v1/latency"+path, nil, as(bearer)...)
		if err := d.check("GET", "/api/v1/latency", r); r.StatusCode != status || err != nil {
			t.Errorf("%s: %d %v %s", path, r.StatusCode, err, r.body)
		}
	}
	if r := s.call("GET", "/api/v1/latency", nil); r.StatusCode != 401 {
		t.Errorf("without a bearer: %d", r.StatusCode)
	}
}

// The list is short, of the busiest, and made once a second for all.
func TestLatencyList(t *testing.T) {
	const n = 3*latencyTokensMax + 7
	made := 0
	survey := func(each func(*engine.TokenSurvey)) error {
		made++
		for i := range n {
			x := engine.TokenSurvey{Token: fmt.Sprint("T", i)}
			x.First.Counts[0] = uint64(i)
			each(&x)
		}
		return nil
	}
	var l latencyList
	list, more, err := l.busiest(10, survey)
	if err != nil || len(list) != 10 || more != n-1-10 || list[0].Token != fmt.Sprint("T", n-1) ||
		list[9].First.Count != n-10 {
		t.Errorf("%d listed, %d more, %v: %+v", len(list), more, err, list[0])
	}
	if list, _, _ := l.busiest(n, survey); len(list) != latencyTokensMax || made != 1 {
		t.Errorf("%d listed, made %d times", len(list), made)
	}
	l.at = time.Time{}
	broken := errors.New("broken")
	for range 2 {
		if _, _, err := l.busiest(1, func(func(*engine.TokenSurvey)) error {
			made++
			return broken
		}); !errors.Is(err, broken) || made != 2 {
			t.Errorf("%v, made %d times", err, made)
		}
	}
}

// Where it is switched off there is no such call, also for who has a bearer.
func TestLatencyOff(t *testing.T) {
	s := start(t, func(c *Config) { c.LatencyAPI = false })
	r := s.call("GET", "/api/v1/latency", nil, as(s.account("ann"))...)
	if r.StatusCode != 404 || r.text("detail") != "Not Found" {
		t.Errorf("%d %s", r.StatusCode, r.body)
	}
}
