package bench

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

func TestParsePage(t *testing.T) {
	p, err := parsePage(strings.NewReader("# HELP a b\na 1\nb{x=\"} 7\"} 2\nb{x=\"z\"} 3e0 17\n\n"))
	if err != nil || len(p) != 2 || p["a"] != 1 || p["b"] != 5 {
		t.Error(p, err)
	}
	for _, bad := range []string{"a", "a ", "a x", " 1", "{} 1", "a{} ", strings.Repeat("a", 1<<20)} {
		if p, err := parsePage(strings.NewReader(bad)); !errors.Is(err, errMetrics) {
			t.Errorf("%.20q: %v %v", bad, p, err)
		}
	}
	if err := p.needs("a", "b"); err != nil {
		t.Error(err)
	}
	if err := p.needs("a", "c"); !errors.Is(err, errNoMetric) {
		t.Error(err)
	}
}

func FuzzParsePage(f *testing.F) {
	f.Add("azira_ticks_in_total{endpoint=\"tcp://x\"} 12 1700000000\n# c\nup 1\n")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parsePage(strings.NewReader(text))
		if (p == nil) != (err != nil) {
			t.Errorf("%v %v", p, err)
		}
		for name := range p {
			if name == "" || strings.ContainsAny(name, "{ \n") {
				t.Errorf("name %q", name)
			}
		}
	})
}

// The slope of a line is found whatever its offset, and noise moves it little.
func TestPerStream(t *testing.T) {
	var points []Memory
	for i, noise := range []float64{300, -300, 300, -300} {
		n := (i + 1) * 2500
		points = append(points, Memory{Streams: n, User: 1e8 + 800*float64(n),
			RSS: 5e7 + 900*float64(n) + noise})
	}
	m := PerStream(points)
	if m.User != 800 || math.Abs(m.RSS-900) > 1 || m.Heap != 0 {
		t.Errorf("%+v", m)
	}
}

func TestWhole(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000", -0.2: "0",
	} {
		if got := whole(v); got != want {
			t.Errorf("%g: %q", v, got)
		}
	}
}

// Ticks leave at their times, all of them, and never before.
func TestSourceKeepsItsPace(t *testing.T) {
	s, err := newSource(load{Universe: 3, Tokens: 1}, newClock(monotonic()))
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	began := time.Now()
	if err := s.play(t.Context(), 100, 1000); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < 98*time.Millisecond {
		t.Errorf("100 ticks at 1000/s after %v", took)
	}
	if n := s.total(); n != 100 || s.late.n != 100 {
		t.Errorf("%d ticks, %d of them timed", n, s.late.n)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := s.play(ctx, endless, 1e-3); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

// Memory has settled once it is alike for a while, not at the first time.
func TestSettledPages(t *testing.T) {
	values := []float64{100e6, 90e6, 90.1e6, 70e6, 70e6, 69.9e6, 10e6}
	reads := 0
	err := settledPages(t.Context(), time.Microsecond, func() (float64, error) {
		reads++
		return values[min(reads, len(values))-1], nil
	})
	if err != nil || reads != 6 {
		t.Errorf("%d reads, %v", reads, err)
	}
	bad := errors.New("gone")
	if err := settledPages(t.Context(), 0, func() (float64, error) { return 0, bad }); !errors.Is(err, bad) {
		t.Error(err)
	}
}
