package bench

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// A sorted slice is the naive twin: each quantile is at most one step above it.
func TestHistogram(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, top := range []int64{1, 100, 127, 128, 10_000, 1 << 40, math.MaxInt64} {
		var h, sent histogram
		var twin []uint64
		for range 5000 {
			v := rng.Int64N(top)
			if rng.IntN(2) == 0 {
				v >>= rng.IntN(20)
			}
			h.record(v)
			twin = append(twin, uint64(v))
		}
		slices.Sort(twin)
		sent.add(h.buckets())
		for _, q := range []float64{0, 0.001, 0.5, 0.9, 0.99, 0.999, 1} {
			want := twin[max(int(math.Ceil(q*5000)), 1)-1]
			got := h.quantile(q)
			if got < want || got-want > want/histogramSteps || sent.quantile(q) != got {
				t.Errorf("below %d: quantile %g is %d, then %d; the twin says %d",
					top, q, got, sent.quantile(q), want)
			}
		}
		if h.n != 5000 || sent.n != 5000 || sent.sum != h.sum || h.max != twin[4999] {
			t.Errorf("below %d: n %d max %d", top, h.n, h.max)
		}
	}
}

func TestHistogramPlaces(t *testing.T) {
	for i := range histogramSize {
		if got := histogramIndex(histogramTop(i)); got != i {
			t.Fatalf("place %d ends at %d, which is of place %d", i, histogramTop(i), got)
		}
	}
	if histogramTop(histogramSize-1) != math.MaxUint64 {
		t.Error("the last place does not end with the last value")
	}
	var h histogram
	h.record(-5)
	if h.quantile(1) != 0 || h.n != 1 {
		t.Error("a negative value is not 0")
	}
	if n := testing.AllocsPerRun(100, func() { h.record(1 << 50) }); n != 0 {
		t.Errorf("%g allocations", n)
	}
	h.add(buckets{Index: []int{-1, histogramSize, 3}, Count: []uint64{1, 1}})
	if h.n != 102 {
		t.Errorf("%d values", h.n)
	}
}
