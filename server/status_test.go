package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"azira/engine"
	"azira/proto"
)

func (s *running) status(headers ...string) (st Status) {
	s.t.Helper()
	r := s.adminCall("/status", headers...)
	if err := json.Unmarshal(r.body, &st); err != nil || r.StatusCode != 200 {
		s.t.Fatalf("%d %v %.200s", r.StatusCode, err, r.body)
	}
	return st
}

// What is going on is on the status page: a stream that is not read is named there as
// long as it takes no bytes, and no credential is.
func TestStatus(t *testing.T) {
	const token = "0123456789abcdef"
	s, f := startWithFeed(t, func(c *Config) { c.AdminToken = token })
	ann := s.account("ann")
	pad := strings.Repeat("x", 8<<10)
	tick := func(n int) { f.tick("A", fmt.Sprintf(`{"ltp":%d,"pad":%q}`, n, pad)) }
	tick(1)
	s.known(ann, "A")
	p := s.leanTyped(ann, proto.ProtocolJSON)
	p.ask(`{"op":"subscribe","tokens":["A"],"snapshot":false}`)
	sent := 1
	eventually(t, "it is parked", func() bool {
		sent++
		tick(sent)
		return s.status(as(token)...).Streams.Parked == 1
	})
	r := s.adminCall("/parked?limit=5", as(token)...)
	var list struct{ Parked []ParkedRow }
	if err := json.Unmarshal(r.body, &list); err != nil || len(list.Parked) != 1 {
		t.Fatalf("%v %s", err, r.body)
	}
	row := list.Parked[0]
	if row.Account != "ann" || row.Dialect != proto.ProtocolJSON || row.Tokens != 1 ||
		!strings.HasPrefix(row.Address, "127.0.0.1:") || row.Since < row.Opened || row.ForS > 60 {
		t.Errorf("%+v", row)
	}
	st := s.status(as(token)...)
	switch {
	case st.Streams.Open != 1 || st.Streams.Dialects[proto.ProtocolJSON] != 1 || len(st.Loops) != 2,
		len(st.Feeds) != 1 || !st.Feeds[0].Connected || st.Feeds[0].AgeMs < 0 || st.Feed == "down",
		st.Ticks.In != uint64(sent) || st.Ticks.Tokens != 1 || !st.Ready || !st.Store.Writable,
		st.Process.Heap == 0 || st.Process.Goroutines == 0 || st.Streams.Max == 0,
		len(st.Parked) != 1, len(st.Busiest) != 1 || st.Busiest[0].Token != "A":
		t.Errorf("%+v", st)
	}
	for _, path := range []string{"/status", "/parked"} {
		if r := s.adminCall(path); r.StatusCode != 401 {
			t.Errorf("%s without the token: %d", path, r.StatusCode)
		}
		if r := s.call("GET", path, nil, as(ann)...); r.StatusCode != 404 {
			t.Errorf("%s at the public port: %d", path, r.StatusCode)
		}
		body := string(s.adminCall(path, as(token)...).body)
		if strings.Contains(body, ann) || strings.Contains(body, token) {
			t.Errorf("%s holds a credential", path)
		}
	}
	for _, limit := range []string{"0", "1001", "x"} {
		if r := s.adminCall("/parked?limit="+limit, as(token)...); r.StatusCode != 422 {
			t.Errorf("limit %s: %d", limit, r.StatusCode)
		}
	}
}

func TestTokenRates(t *testing.T) {
	ticks := map[int]uint64{}
	survey := func(each func(*engine.TokenSurvey)) error {
		for id := range 3 * 64 * busiestTokens {
			each(&engine.TokenSurvey{ID: id, Token: fmt.Sprint("T", id), Ticks: ticks[id]})
		}
		return nil
	}
	var r tokenRates
	ticks[7], ticks[3500] = 100, 5
	list := r.busiest(survey)
	if len(list) != 2 || list[0].Token != "T7" || list[0].PerS != 0 {
		t.Errorf("first look: %+v", list)
	}
	ticks[3500] = 50
	if again := r.busiest(survey); len(again) != 2 || again[1].Ticks != 5 {
		t.Errorf("too early: %+v", again)
	}
	r.at = time.Now().Add(-10 * time.Second)
	if list = r.busiest(survey); list[0].Token != "T3500" || list[0].PerS < 4 || list[0].PerS > 4.5 {
		t.Errorf("second look: %+v", list)
	}
	for id := range 3000 {
		ticks[id] += uint64(id)
	}
	r.at = time.Now().Add(-10 * time.Second)
	if list = r.busiest(survey); len(list) != busiestTokens || list[0].Token != "T2999" {
		t.Errorf("many: %+v", list)
	}
	r.at = time.Now().Add(-10 * time.Second)
	broken := func(func(*engine.TokenSurvey)) error { return errors.New("broken") }
	if list = r.busiest(broken); len(list) != 0 {
		t.Errorf("broken: %+v", list)
	}
}
