package server

import "azira/engine"

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
