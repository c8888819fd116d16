package bench

import "math/bits"

// A histogram counts values by size, exactly below 2×histogramSteps and to one
// part in histogramSteps above: each power of two is cut into as many steps.
//
//	index   0 … 127      128 … 191       192 … 255     …
//	values  each its own  2 to an index   4 to an index
//
// Its zero value is empty and takes 30 KiB. Values are microseconds here, and
// any that is negative counts as 0.
type histogram struct {
	counts [histogramSize]uint64
	n      uint64
	sum    uint64
	max    uint64
}

const (
	histogramBits  = 6
	histogramSteps = 1 << histogramBits
	histogramSize  = (65 - histogramBits) * histogramSteps
)

func (h *histogram) record(v int64) {
	u := uint64(max(v, 0))
	h.counts[histogramIndex(u)]++
	h.n++
	h.sum += u
	h.max = max(h.max, u)
}

// histogramIndex is the place of a value, histogramTop the largest value of a place.
func histogramIndex(v uint64) int {
	shift := max(bits.Len64(v)-histogramBits-1, 0)
	return shift*histogramSteps + int(v>>shift)
}

func histogramTop(i int) uint64 {
	if i < 2*histogramSteps {
		return uint64(i)
	}
	shift := i/histogramSteps - 1
	return uint64(i%histogramSteps+histogramSteps+1)<<shift - 1
}

// quantile is the value below or at which the share q of all lies; 0 of none.
func (h *histogram) quantile(q float64) uint64 {
	if h.n == 0 {
		return 0
	}
	return h.at(rankOf(q, h.n))
}

// rankOf is which value of n in order is the first with a share q at or below it; from 1.
func rankOf(q float64, n uint64) uint64 {
	rank := uint64(q * float64(n))
	if float64(rank) < q*float64(n) || rank == 0 {
		rank++
	}
	return rank
}

// at is the value of that rank; 0 if there are not so many.
func (h *histogram) at(rank uint64) uint64 {
	if rank > h.n {
		return 0
	}
	for i, n := range h.counts {
		if n >= rank {
			return min(histogramTop(i), h.max)
		}
		rank -= n
	}
	return h.max
}

func (h *histogram) mean() float64 { return ratio(float64(h.sum), float64(h.n)) }

// buckets are a histogram on its way from one process to another: what is there
// of each index.
type buckets struct {
	Index []int    `json:"i"`
	Count []uint64 `json:"c"`
	Sum   uint64   `json:"sum"`
	Max   uint64   `json:"max"`
}

func (h *histogram) buckets() (b buckets) {
	for i, n := range h.counts {
		if n > 0 {
			b.Index, b.Count = append(b.Index, i), append(b.Count, n)
		}
	}
	b.Sum, b.Max = h.sum, h.max
	return b
}

// add takes in what another process counted; what is no index it passes over.
func (h *histogram) add(b buckets) {
	for i, at := range b.Index {
		if at >= 0 && at < histogramSize && i < len(b.Count) {
			h.counts[at] += b.Count[i]
			h.n += b.Count[i]
		}
	}
	h.sum += b.Sum
	h.max = max(h.max, b.Max)
}
