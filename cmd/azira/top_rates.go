package main

import (
	"time"

	"azira/server"
)

// A topReport is one look: the server's own words, and what changed since the look before.
type topReport struct {
	server.Status
	Rates *topRates `json:"rates"`
}

// topRates are per second, between two looks. Quantiles are of what came between them,
// in seconds; -1 if nothing did.
type topRates struct {
	ElapsedS float64            `json:"elapsed_s"`
	TicksIn  float64            `json:"ticks_in"`
	Frames   float64            `json:"frames_out"`
	Bytes    float64            `json:"bytes_out"`
	Skipped  map[string]float64 `json:"skipped"`
	Opened   float64            `json:"opened"`
	Closed   float64            `json:"closed"`
	Requests float64            `json:"requests"`
	CPU      float64            `json:"cpu"`       // processors in use
	Busy     []float64          `json:"loop_busy"` // share of the time, by loop
	Feeds    map[string]float64 `json:"feed_ticks"`
	Fanout   topQuantiles       `json:"fanout"`
	First    topQuantiles       `json:"first_write"`
	Last     topQuantiles       `json:"last_write"`
}

type topQuantiles struct {
	P50 float64 `json:"p50_s"`
	P99 float64 `json:"p99_s"`
}

// topRatesOf compares two looks. A server that was started in between, whose counters
// are smaller, shows zeros.
func topRatesOf(a, b *server.Status) *topRates {
	elapsed := (time.Duration(b.Time-a.Time) * time.Microsecond).Seconds()
	if elapsed <= 0 {
		elapsed = topEvery.Seconds()
	}
	rate := func(before, now uint64) float64 { return float64(now-min(before, now)) / elapsed }
	r := &topRates{
		ElapsedS: elapsed,
		TicksIn:  rate(a.Ticks.In, b.Ticks.In),
		Frames:   rate(sumOf(a.Out.Frames), sumOf(b.Out.Frames)),
		Bytes:    rate(a.Out.Bytes, b.Out.Bytes),
		Skipped:  map[string]float64{},
		Opened:   rate(a.Streams.Opened, b.Streams.Opened),
		Closed:   rate(sumOf(a.Streams.Closes), sumOf(b.Streams.Closes)),
		Requests: rate(a.Streams.Requests, b.Streams.Requests),
		CPU:      max(0, b.Process.CPUS-a.Process.CPUS) / elapsed,
		Feeds:    map[string]float64{},
		Fanout:   quantilesOf(a.Fanout, b.Fanout),
		First:    quantilesOf(a.First, b.First),
		Last:     quantilesOf(a.Last, b.Last),
	}
	for reason, n := range b.Ticks.Skipped {
		r.Skipped[reason] = rate(a.Ticks.Skipped[reason], n)
	}
	for i, l := range b.Loops {
		before := 0.0
		if i < len(a.Loops) {
			before = a.Loops[i].BusyS
		}
		r.Busy = append(r.Busy, min(1, max(0, l.BusyS-before)/elapsed))
	}
	for _, f := range b.Feeds {
		for _, before := range a.Feeds {
			if before.Endpoint == f.Endpoint {
				r.Feeds[f.Endpoint] = rate(before.Ticks, f.Ticks)
			}
		}
	}
	return r
}

func sumOf(m map[string]uint64) (n uint64) {
	for _, v := range m {
		n += v
	}
	return n
}

// quantilesOf are upper bounds of the buckets in which the quantiles of what came
// between two looks lie; of the last bucket, its lower.
func quantilesOf(a, b server.Buckets) topQuantiles {
	between := make([]uint64, len(b.Counts))
	var all uint64
	for i, n := range b.Counts {
		if i < len(a.Counts) && a.Counts[i] <= n {
			n -= a.Counts[i]
		}
		between[i] = n
		all += n
	}
	at := func(q float64) float64 {
		left := q * float64(all)
		for i, n := range between {
			if left -= float64(n); n > 0 && left <= 0 {
				return b.BoundsS[max(0, min(i, len(b.BoundsS)-1))]
			}
		}
		return -1
	}
	if len(b.BoundsS) == 0 {
		return topQuantiles{-1, -1}
	}
	return topQuantiles{at(0.5), at(0.99)}
}
