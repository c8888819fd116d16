package bench

import (
	"strings"
	"testing"
)

// took is how clients came back, one each ms.
func took(clients int) *back {
	var h histogram
	for i := range clients {
		h.record(int64(i+1) * 1000)
	}
	return &back{Clients: clients, Took: h.buckets()}
}

// The time until 99 % are back is by all that were asked, not by those that came; where
// fewer came there is none.
func TestBack(t *testing.T) {
	for clients, want := range map[int]bool{100: true, 99: true, 98: false} {
		b := newBack(took(clients), 100)
		if (b.P99 > 0.0985 && b.P99 < 0.1) != want || b.P99 != 0 != want {
			t.Errorf("%d of 100: %g", clients, b.P99)
		}
		for _, tr := range []Trial{{Back: b}, {Window: &Window{Back: b}}} {
			r := &RunReport{Pinned: true, Targets: []TargetReport{{Trials: []Trial{tr}}}}
			r.compute()
			if f := r.Targets[0].figure("back, 99 %"); (f != nil) != want {
				t.Errorf("%d of 100: %+v", clients, f)
			}
			n := strings.Join(r.Notes, "\n")
			short := strings.Contains(n, "of 100 clients ")
			if tr.Back != nil && short != (clients < 100) || tr.Back == nil && short == want {
				t.Errorf("%d of 100: %q", clients, n)
			}
		}
	}
}

// A figure that is of another thing in peers has no ratio, and a knee of 0 is one.
func TestMarks(t *testing.T) {
	target := func(name string, knee float64) TargetReport {
		return TargetReport{Name: name, Trials: []Trial{{Steps: []Window{{}}, Knee: knee,
			Stall: &Stall{Clients: 1, PerClient: 10, Growth: 5, Again: 2}}}}
	}
	r := &RunReport{Targets: []TargetReport{target(aziraName, 0), target("peer", 7)}}
	r.compute()
	if f := r.Targets[0].figure("knee"); f == nil || f.Value.Max != 0 {
		t.Errorf("%+v", f)
	}
	for name, want := range map[string]bool{"memory per slow client": false,
		"… growth with nobody slow": false, "all served again within": true, "knee": true} {
		if f := r.Targets[1].figure(name); f == nil || (f.Ratio != nil) != want {
			t.Errorf("%s: %+v", name, f)
		}
	}
}
