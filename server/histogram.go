package server

import (
	"azira/engine"

	"github.com/prometheus/client_golang/prometheus"
)

// A histogram is one to be shown: counts[i] of at most bounds[i] seconds, the last of
// more.
type histogram struct {
	bounds []float64
	counts []uint64
	sum    float64 // seconds
}

// latencyBounds are those of the engine's histograms of latencies, in seconds.
var latencyBounds = func() (all []float64) {
	for i := range engine.LatencyBuckets - 1 {
		all = append(all, engine.LatencyBound(i).Seconds())
	}
	return all
}()

func histogramOf(h *engine.LatencyHistogram) histogram {
	return histogram{latencyBounds, h.Counts[:], h.Sum.Seconds()}
}

// metric is the histogram as Prometheus has them: each bucket counts those below it in.
func (h histogram) metric(d *prometheus.Desc, labels ...string) prometheus.Metric {
	all, buckets := uint64(0), make(map[float64]uint64, len(h.bounds))
	for i, n := range h.counts {
		all += n
		if i < len(h.bounds) {
			buckets[h.bounds[i]] = all
		}
	}
	return prometheus.MustNewConstHistogram(d, all, h.sum, buckets, labels...)
}
