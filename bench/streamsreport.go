package bench

import (
	"fmt"
	"slices"
	"strings"
)

const (
	mallocs      = "go_memstats_mallocs_total"
	skippedTicks = "azira_ticks_skipped_total"
)

// streamsMetrics are those the scenario cannot do without.
var streamsMetrics = []string{
	mallocs, "azira_connections", "azira_connections_max", "azira_http_connections",
	"azira_tokens", "azira_ticks_in_total", "azira_frames_encoded_total",
	"azira_frames_out_total", "azira_writes_total",
}

// A StreamsReport is what the scenario streams found.
type StreamsReport struct {
	Head
	Settings    StreamsSettings    `json:"settings"`
	Memory      StreamsMemory      `json:"memory"`
	Allocations StreamsAllocations `json:"allocations"`
	Encoding    StreamsEncoding    `json:"encoding"`
	Delivery    StreamsDelivery    `json:"delivery"`
}

// StreamsSettings are the flags.
type StreamsSettings struct {
	Streams  int     `json:"streams"`
	Tokens   int     `json:"tokens"`
	Universe int     `json:"universe"`
	Rate     int     `json:"rate"`
	Seconds  float64 `json:"seconds"`
	Shared   bool    `json:"shared"`
}

// StreamsMemory is the server's memory by number of streams, without ticks, and
// the last number's after ticks.
type StreamsMemory struct {
	PerStream  Memory   `json:"per_stream"`
	Points     []Memory `json:"points"`
	AfterTicks Memory   `json:"after_ticks"`
}

// StreamsAllocations are the objects allocated in two windows with ticks and in the
// ones of the same length before and after it, without.
type StreamsAllocations struct {
	Busy    []float64 `json:"busy"` // at the rate, and at several times that
	Ticks   []float64 `json:"ticks"`
	Idle    []float64 `json:"idle"`
	PerTick float64   `json:"per_tick"` // by how many objects grow when ticks do
	Noise   float64   `json:"noise"`    // by as much the idle windows alone move PerTick
}

// compute compares the busy windows: what the server does in any case, like saving
// last values now and then, is alike in both.
func (a *StreamsAllocations) compute() {
	more := a.Ticks[1] - a.Ticks[0]
	a.PerTick = max(ratio(a.Busy[1]-a.Busy[0], more), 0)
	a.Noise = ratio(slices.Max(a.Idle)-slices.Min(a.Idle), more)
}

// StreamsEncoding is what became of the ticks in the server.
type StreamsEncoding struct {
	TicksIn        float64 `json:"ticks_in"`
	FramesEncoded  float64 `json:"frames_encoded"`
	FramesOut      float64 `json:"frames_out"`
	Writes         float64 `json:"writes"`
	EncodedPerTick float64 `json:"encoded_per_tick"`
	OutPerTick     float64 `json:"out_per_tick"`
	OutPerWrite    float64 `json:"out_per_write"`
}

// StreamsDelivery is what became of the ticks at the clients.
type StreamsDelivery struct {
	Due      uint64  `json:"due"` // by who holds which token
	Received uint64  `json:"received"`
	Missing  uint64  `json:"missing"`   // of those due, by the end
	Faults   Faults  `json:"faults"`    // among those received
	Dropped  uint64  `json:"dropped"`   // by the feed, before the server
	LatestMs float64 `json:"latest_ms"` // a tick was sent after its time, at most
	DrainedS float64 `json:"drained_s"` // from the last tick sent to all received
}

func newStreamsReport(c *StreamsConfig) *StreamsReport {
	return &StreamsReport{
		Head: newHead("streams", c.Command),
		Settings: StreamsSettings{c.Streams, c.Tokens, c.Universe, c.Rate, c.Seconds,
			c.Shared},
	}
}

// count takes in what counters say of the window with ticks.
func (r *StreamsReport) count(before, after page) {
	e, a := &r.Encoding, &r.Allocations
	ticks := after.since(before, "azira_ticks_in_total")
	e.TicksIn += ticks
	e.FramesEncoded += after.since(before, "azira_frames_encoded_total")
	e.FramesOut += after.since(before, "azira_frames_out_total")
	e.Writes += after.since(before, "azira_writes_total")
	e.EncodedPerTick = ratio(e.FramesEncoded, e.TicksIn)
	e.OutPerTick = ratio(e.FramesOut, e.TicksIn)
	e.OutPerWrite = ratio(e.FramesOut, e.Writes)
	a.Busy, a.Ticks = append(a.Busy, after.since(before, mallocs)), append(a.Ticks, ticks)
}

// ratio is 0 where there is nothing to divide by.
func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

func (r *StreamsReport) table(t *table) {
	t.head(r.Head)
	s, a, e, d := r.Settings, r.Allocations, r.Encoding, r.Delivery
	of := "of its own choice"
	if s.Shared {
		of = "the same for all"
	}
	t.row("load", fmt.Sprintf("%d streams of %d out of %d tokens, %s; "+
		"%d ticks/s, then %d, for %g s each",
		s.Streams, s.Tokens, s.Universe, of, s.Rate, moreTimes*s.Rate, s.Seconds))

	t.section("Three figures")
	t.row("user-space memory per stream", whole(r.Memory.PerStream.User)+" bytes",
		"slope over "+fmt.Sprint(sizes)+" sizes; RSS: "+known(r.Memory.PerStream.RSS)+" bytes")
	t.row("allocations per tick", decimals(a.PerTick, 4), a.words())
	t.row("encoded per tick", decimals(e.EncodedPerTick, 4), fmt.Sprintf(
		"%s frames made, %s sent: %s per tick", whole(e.FramesEncoded), whole(e.FramesOut),
		decimals(e.OutPerTick, 1)))

	r.memoryTable(t)
	t.section("Delivery")
	t.row("frames due to the streams", whole(float64(d.Due)))
	t.row("received", whole(float64(d.Received)))
	t.row("missing", whole(float64(d.Missing+d.Faults.Missing)))
	if d.Faults.wrong() > 0 {
		t.row("WRONG", d.Faults.String())
	}
	t.row("sent per write", decimals(e.OutPerWrite, 2))
	t.row("dropped before the server", whole(float64(d.Dropped)))
	t.row("a tick sent late by at most", decimals(d.LatestMs, 1)+" ms")
	t.row("last tick sent to all received", "within "+decimals(d.DrainedS, 1)+" s")
}

func (a *StreamsAllocations) words() string {
	var idle []string
	for _, n := range a.Idle {
		idle = append(idle, whole(n))
	}
	return fmt.Sprintf("%s ticks: %s objects, %s ticks: %s; %s in as long without; noise %s",
		whole(a.Ticks[0]), whole(a.Busy[0]), whole(a.Ticks[1]), whole(a.Busy[1]),
		strings.Join(idle, " and "), decimals(a.Noise, 4))
}

func (r *StreamsReport) memoryTable(t *table) {
	t.section("Memory of the server, bytes, after a collection")
	t.row("streams", "user", "= heap", "+ stacks", "+ runtime", "objects", "RSS", "free in it")
	row := func(name string, m Memory) {
		t.row(name, whole(m.User), whole(m.Heap), whole(m.Stacks), whole(m.Runtime),
			whole(m.Objects), known(m.RSS), whole(m.Free))
	}
	for _, m := range r.Memory.Points {
		row(whole(float64(m.Streams)), m)
	}
	row("after ticks", r.Memory.AfterTicks)
	row("per stream", r.Memory.PerStream)
}
