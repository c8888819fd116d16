package bench

import "fmt"

// Percentiles are of latency, in ms: from the time a tick was to be sent at, fixed in
// advance, to the read of its last byte.
type Percentiles struct {
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
	Max  float64 `json:"max"`
	Mean float64 `json:"mean"`
}

func percentilesOf(h *histogram) Percentiles {
	of := func(q float64) float64 { return float64(h.quantile(q)) / 1e3 }
	return Percentiles{P50: of(0.5), P90: of(0.9), P99: of(0.99), P999: of(0.999),
		Max: float64(h.max) / 1e3, Mean: h.mean() / 1e3}
}

// A Point is one of a curve.
type Point struct {
	X float64 `json:"x"`
	Y float64 `json:"y"`
}

// curveOf is latency in ms (y) over the number of nines (x): 1 is p90, 2 is p99.
func curveOf(h *histogram) (curve []Point) {
	if h.n == 0 {
		return nil
	}
	tail := 1.0
	for nines := 0.0; nines <= 4; nines += 0.125 {
		curve = append(curve, Point{nines, float64(h.quantile(1-tail)) / 1e3})
		tail *= 0.749894209332456 // 10^(-1/8)
	}
	return curve
}

// Back is how clients that came back fared, in seconds. Ranks are among all that were
// to: where fewer than a share of them came there is no figure of it, and it is 0.
type Back struct {
	Clients int     `json:"clients"`
	Of      int     `json:"of"`
	Refused int     `json:"refused"` // attempts
	P50     float64 `json:"p50_s,omitempty"`
	P99     float64 `json:"p99_s,omitempty"`
	Max     float64 `json:"max_s"` // of those that came

	// Resume is of a storm in a typed dialect.
	Resume *Resume `json:"resume,omitempty"`
	Faults Faults  `json:"faults"` // of a storm
}

// A Resume is what became of the ticks that clients missed while they were away.
type Resume struct {
	Replayed uint64 `json:"replayed"` // made good: they came before the client was back
	Missed   uint64 `json:"missed"`   // for good, whether it was told so or not
	Doubled  uint64 `json:"doubled"`  // came though the client had them
	Gaps     uint64 `json:"gaps"`     // told
}

func newBack(b *back, of int) *Back {
	var h histogram
	h.add(b.Took)
	s := func(us uint64) float64 { return float64(us) / 1e6 }
	among := func(q float64) float64 { return s(h.at(rankOf(q, uint64(of)))) }
	out := &Back{Clients: b.Clients, Of: of, Refused: b.Refused, P50: among(0.5),
		P99: among(0.99), Max: s(h.max), Faults: b.Faults}
	if b.Resumed {
		out.Resume = &Resume{Replayed: b.Told.Replayed, Gaps: b.Told.Gaps,
			Missed:  b.Faults.Untold + b.Told.Gapped + b.Told.Skipped,
			Doubled: b.Faults.Doubled + b.Faults.Order}
	}
	return out
}

func (r *Resume) words() string {
	return fmt.Sprintf("%s ticks made good, %s missed, %s doubled, %s gaps told",
		whole(float64(r.Replayed)), whole(float64(r.Missed)), whole(float64(r.Doubled)),
		whole(float64(r.Gaps)))
}

func (b *Back) words() string {
	if b.P99 == 0 {
		return fmt.Sprintf("%d of %d came back", b.Clients, b.Of)
	}
	return fmt.Sprintf("%d of %d came back, 99 %% within %.3f s, all of these within %.3f s",
		b.Clients, b.Of, b.P99, b.Max)
}
