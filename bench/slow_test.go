package bench

import (
	"strings"
	"testing"
)

func timed(p99 float64) *Window { return &Window{Latency: Percentiles{P99: p99}} }

// A machine that slows down evenly changes no quotient; the spread is over all pairs
// of all rounds.
func TestPairs(t *testing.T) {
	c, _ := Scenario("slow") // there is one
	r := newRunReport(&c, true)
	r.Targets = []TargetReport{{Name: aziraName}}
	for round := range 2 {
		s := &Stall{Clients: 100, Seconds: 61, PerClient: 100, Allowed: 4256}
		for i := range 3 {
			before := float64(10 + i)
			growth := 1 + 0.1*float64(3*round+i)
			s.Pairs = append(s.Pairs, Pair{timed(before), timed(growth * (before + 3)), timed(before + 6)})
		}
		r.Targets[0].Trials = append(r.Targets[0].Trials, Trial{Round: round + 1, Stall: s, Window: s.usual()})
	}
	r.compute()
	f := r.Targets[0].figure("p99 with slow by without")
	if f == nil || figure(f.Value.Median) != "1.25" || f.Value.Min != 1 || figure(f.Value.Max) != "1.50" {
		t.Errorf("%+v", f)
	}
	if f := r.Targets[0].figure("p99 without, later by earlier"); f == nil || f.Value.Max != 1.6 {
		t.Errorf("%+v", f)
	}
	if w := r.Targets[0].Trials[0].Window; w.Latency.P99 != 12 {
		t.Errorf("%+v", w.Latency)
	}
	s := r.Targets[0].Trials[0].Stall
	s.Pairs[0].Stalled.Slow.Clients = 100
	for i, w := range []*Weight{&s.First, &s.Light, &s.Heavy} {
		w.At, w.User = float64(10+20*i), 1e6+float64(i)*5e4 // 50,000 more every 20 s
	}
	s.Heavy.User += 4e5
	s.compute(&trial{c: &c, target: &target{name: aziraName, dialect: dialectText}})
	if s.PerClient != 4500 || s.Growth != 5e4 || s.Allowed != 4256 {
		t.Errorf("%+v", s)
	}
	r.Targets[0].Trials[1].Stall.Pairs[2].After = &Window{Name: "after", Slow: Slow{Clients: 100, Closed: 7}}
	r.Targets[0].Trials[0].Stall.Silent = 3
	r.note(&r.Targets[0])
	if n := strings.Join(r.Notes, "\n"); !strings.Contains(n, "round 2, 0/s, after: the server had closed the streams of 7 of the 100") {
		t.Error(n)
	} else if !strings.Contains(n, "round 1: 3 of the slow clients were not served again") {
		t.Error(n)
	}
}
