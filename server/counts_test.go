package server

import (
	"testing"
	"time"
)

func TestCounts(t *testing.T) {
	y := newCounts(routes)
	for _, took := range []time.Duration{0, 500 * time.Microsecond, 2 * time.Millisecond, time.Minute} {
		y.note("/healthcheck", 200, took)
	}
	y.note("/healthcheck", 418, 0)
	y.note("", 404, 0)
	y.note("/nowhere", 404, 0)
	got, faults := map[string]uint64{}, 0
	y.each(func(path string, code int, n uint64) {
		if n > 0 || code != 500 {
			got[path+" "+codeLabel(code)] = n
		} else {
			faults++
		}
	})
	if faults != len(y.rows)+1 {
		t.Errorf("%d routes tell of no faults", faults)
	}
	want := map[string]uint64{"/healthcheck 200": 4, "/healthcheck other": 1, "other 404": 2}
	if len(got) != len(want) {
		t.Errorf("%v", got)
	}
	for k, n := range want {
		if got[k] != n {
			t.Errorf("%s: %d, want %d", k, got[k], n)
		}
	}
	h := y.histogram()
	if h.counts[0] != 5 || h.counts[2] != 1 || h.counts[len(h.counts)-1] != 1 || h.sum < 60 {
		t.Errorf("%+v", h)
	}
}
