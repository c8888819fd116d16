package bench

import (
	"strings"
	"testing"
)

// What clients missed is within what the server counts, the feed dropped, or did not come
// in the flow before; else the report says WRONG.
func TestUncounted(t *testing.T) {
	c, _ := Scenario("hot") // there is one
	c.Clients = 10
	for name, x := range map[string]struct {
		w      Window
		before uint64 // undelivered
		want   float64
	}{
		"nothing":  {Window{}, 0, 0},
		"counted":  {Window{Faults: Faults{Missing: 7}, Server: &Inside{Skipped: 9, Ever: 9}}, 0, 0},
		"silent":   {Window{Faults: Faults{Missing: 7}, Server: &Inside{Skipped: 4, Ever: 90}}, 0, 3},
		"lost":     {Window{Undelivered: 5}, 0, 5},
		"carried":  {Window{Faults: Faults{Missing: 5}}, 5, 0},
		"dropped":  {Window{Faults: Faults{Missing: 20}, Dropped: 2}, 0, 0},
		"dropped1": {Window{Faults: Faults{Missing: 21}, Dropped: 2}, 0, 1},
		"slow":     {Window{Slow: Slow{Missing: 50}, Server: &Inside{Ever: 50}}, 0, 0},
		"slow1":    {Window{Slow: Slow{Missing: 51}, Server: &Inside{Ever: 50}}, 0, 1},
	} {
		if x.w.Server == nil {
			x.w.Server = &Inside{}
		}
		tr := &trial{c: &c, undelivered: x.before}
		x.w.Uncounted = tr.uncounted(&x.w)
		if x.w.Uncounted != x.want {
			t.Errorf("%s: %g, not %g", name, x.w.Uncounted, x.want)
		}
		var said []string
		x.w.doubts(func(format string, _ ...any) { said = append(said, format) })
		if strings.Contains(strings.Join(said, "\n"), "WRONG") != (x.want > 0) {
			t.Errorf("%s: %q", name, said)
		}
	}
}
