package bench

import (
	"math"
	"strings"
	"testing"
)

// What the hypervisor takes is told apart from what programs use.
func TestCoreTimes(t *testing.T) {
	const stat = "cpu  9 9 9 9 9 9 9 9 9 9\ncpu0 100 10 50 1000 300 5 15 40 7 7\n" +
		"cpu1 1 1 1 1 1 1 1 1 0 0\ncpu10 500 0 0 0 0 0 0 0 0 0\nintr 1 2 3\n"
	near := func(a, b float64) bool { return math.Abs(a-b) < 1e-9 }
	if got := (cores{0}).parseTimes(stat); !near(got.busy, 1.80) || !near(got.stolen, 0.40) {
		t.Errorf("%+v", got)
	}
	if got := (cores{0, 1}).parseTimes(stat); !near(got.busy, 1.85) || !near(got.stolen, 0.41) {
		t.Errorf("%+v", got)
	}
	if got := (cores{2}).parseTimes(stat); got != (coreTimes{}) {
		t.Errorf("%+v", got)
	}
}

func TestDisturbed(t *testing.T) {
	said := func(w Window) string {
		r := &RunReport{Pinned: true, Targets: []TargetReport{{Trials: []Trial{{Window: &w}}}}}
		r.note(&r.Targets[0])
		if tr := r.Targets[0].Trials[0]; tr.disturbed() != (len(r.Notes) > 0) {
			t.Errorf("%+v: disturbed is %v", w, tr.disturbed())
		}
		return strings.Join(r.Notes, "\n")
	}
	if n := said(Window{Others: 0.04, Stolen: 0.02}); n != "" {
		t.Error(n)
	}
	if n := said(Window{Stolen: 0.034}); !strings.Contains(n, "hypervisor took 3 %") || strings.Contains(n, "programs") {
		t.Error(n)
	}
	if n := said(Window{Others: 0.37}); !strings.Contains(n, "programs used 37 %") || strings.Contains(n, "hypervisor") {
		t.Error(n)
	}
}
