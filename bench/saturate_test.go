package bench

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// A machine takes a number of deliveries per second; the first windows at each rate are
// disturbed, which makes them bad.
type machine struct {
	limit   float64
	noise   int // windows that are disturbed, of the first at each rate
	counted map[float64]int
}

func (m *machine) probe(rate float64) (*Window, bool, error) {
	m.counted[rate]++
	w := &Window{Offered: rate, Latency: Percentiles{P99: rate / 1e5}}
	if m.counted[rate] <= m.noise {
		w.Disturbance.Others = 0.3
		return w, false, nil
	}
	return w, rate <= m.limit, nil
}

func silent(string, ...any) {}

func TestSaturate(t *testing.T) {
	for noise, want := range map[int]struct {
		least, most float64
		tries       int // of a bad rate
	}{
		0: {285_000, 300_000, 2},
		1: {285_000, 300_000, 3}, // one is excused
		2: {285_000, 300_000, 3}, // the second counts, and the third is good
	} {
		m := &machine{limit: 300_000, noise: noise, counted: map[float64]int{}}
		var r Trial
		if err := r.saturate(100_000, silent, m.probe); err != nil {
			t.Fatal(err)
		}
		if r.Knee < want.least || r.Knee > want.most || r.Window.Offered != r.Knee {
			t.Errorf("noise %d: knee %g, window at %g", noise, r.Knee, r.Window.Offered)
		}
		if r.Window.disturbed() {
			t.Errorf("noise %d: the disturbed window stands for the knee", noise)
		}
		for rate, n := range m.counted {
			if rate > m.limit && n != want.tries {
				t.Errorf("noise %d: %g/s was tried %d times, not %d", noise, rate, n, want.tries)
			}
		}
		if r.Below == nil || r.Below.Offered != 0.8*r.Knee || m.counted[0.8*r.Knee] != min(noise, 1)+1 {
			t.Errorf("noise %d: below the knee %+v", noise, r.Below)
		}
	}
}

// What never keeps up has no knee, and nothing below it.
func TestSaturateNever(t *testing.T) {
	m := &machine{counted: map[float64]int{}}
	var r Trial
	if err := r.saturate(100_000, silent, m.probe); err != nil || r.Knee != 0 || r.Below != nil || r.Window == nil {
		t.Errorf("%v %+v", err, r)
	}
	r = Trial{Steps: []Window{{}}, Knee: 100, Below: &Window{Latency: Percentiles{P99: 7}}}
	report := &RunReport{Targets: []TargetReport{{Trials: []Trial{r}}}}
	report.compute()
	if f := report.Targets[0].figure("p99 at 80 % of the knee"); f == nil || f.Value.Median != 7 {
		t.Errorf("%+v", f)
	}
}

// A rate at which anything is missing is bad, however quick the rest.
func TestGood(t *testing.T) {
	if w := (Window{PerSecond: 99, Latency: Percentiles{P99: 5}}); !w.good(100, 5) {
		t.Errorf("%+v", w)
	}
	for _, w := range []Window{{Dropped: 1}, {Undelivered: 1}, {Faults: Faults{Missing: 1}},
		{Faults: Faults{Doubled: 1}}, {Latency: Percentiles{P99: 5.1}}} {
		if w.PerSecond = 99; w.good(100, 5) {
			t.Errorf("%+v", w)
		}
	}
}

// A sweep that ends by its number of rates says what it does not know.
func TestSweepDoubts(t *testing.T) {
	for want, limit := range map[string]float64{
		"no bad rate: the knee is above":  math.Inf(1),
		"no good rate: the knee is below": 0,
		"":                                300_000,
		"before it closed in: the knee is between": 40,
	} {
		m := &machine{limit: limit, counted: map[float64]int{}}
		r, from := Trial{}, 100_000.0
		if limit == 40 {
			from = 10_000 // 14 of 16 rates until the first good one
		}
		if err := r.saturate(from, silent, m.probe); err != nil {
			t.Fatal(err)
		}
		var said string
		r.doubts(func(format string, args ...any) { said += fmt.Sprintf(format, args...) })
		if !strings.Contains(said, want) || (said == "") != (want == "") {
			t.Errorf("%g: %q, knee %g, bad %g", limit, said, r.Knee, r.Bad)
		}
	}
}
