package bench

import (
	"fmt"
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

// What disturbs the server, or the clients, in a window or at rest, is said and tried again.
func TestDisturbed(t *testing.T) {
	for _, x := range []struct {
		Disturbances
		want string
	}{
		{Disturbances{Disturbance{0.04, 0.02}, Disturbance{0.05, 0.02}}, ""},
		{Disturbances{Disturbance{0, 0.034}, Disturbance{}},
			"the hypervisor took 3 % of the server's processor"},
		{Disturbances{Disturbance{0.37, 0}, Disturbance{}},
			"other programs used 37 % of the server's processor"},
		{Disturbances{Disturbance{}, Disturbance{0.06, 0}},
			"other programs used 6 % of the clients' processors"},
		{Disturbances{Disturbance{}, Disturbance{0, 0.5}},
			"the hypervisor took 50 % of the clients' processors"},
	} {
		for _, tr := range []Trial{{Window: &Window{Disturbances: x.Disturbances}},
			{Idle: &Idle{Disturbances: x.Disturbances}}} {
			r := &RunReport{Pinned: true, Targets: []TargetReport{{Trials: []Trial{tr}}}}
			r.note(&r.Targets[0])
			if n := strings.Join(r.Notes, "\n"); !strings.HasSuffix(n, x.want) || (n == "") != (x.want == "") {
				t.Errorf("%q, not %q", n, x.want)
			}
			if tr.disturbed() != (x.want != "") || tr.disturbance() != x.disturbance() {
				t.Errorf("%+v: disturbed is %v", x, tr.disturbed())
			}
		}
	}
}

// What the run itself used of processors is no disturbance.
func TestDisturbance(t *testing.T) {
	got := coreTimes{5, 1}.since(coreTimes{1, 0.5}).disturbance(cores{1, 2}, 5, 3.5)
	if math.Abs(got.Others-0.05) > 1e-9 || math.Abs(got.Stolen-0.05) > 1e-9 {
		t.Errorf("%+v", got)
	}
	if got := (coreTimes{1, 0}).disturbance(cores{1}, 5, 3.5); got.Others != 0 {
		t.Errorf("%+v", got)
	}
}

// One thread that is busy all the time shows on a machine with many processors.
func TestBusiest(t *testing.T) {
	var y Tally
	y.add(&Tally{Busiest: 0.97})
	y.add(&Tally{Busiest: 0.1})
	for _, x := range []struct {
		spent
		want float64
	}{{spent{took: 10, feed: 2, swarms: 11}, 0.97}, {spent{took: 10, feed: 9.9, swarms: 11}, 0.99}} {
		var w Window
		w.harness(x.spent, y.Busiest, 16)
		var said string
		w.doubts(func(format string, args ...any) { said += fmt.Sprintf(format, args...) })
		if w.Busiest != x.want || w.Harness > 0.2 || !strings.Contains(said, "busiest process") {
			t.Errorf("%+v: %q", w, said)
		}
	}
}
