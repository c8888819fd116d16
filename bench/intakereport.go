package bench

import "fmt"

// An IntakeReport is how many ticks a server on one processor takes.
type IntakeReport struct {
	Head
	Tokens  int          `json:"tokens"`
	Rounds  int          `json:"rounds"`
	Seconds float64      `json:"seconds"`
	Pinned  bool         `json:"pinned"` // server on a processor of its own
	Rows    []*IntakeRow `json:"rows"`
}

// An IntakeRow is one publisher's part.
type IntakeRow struct {
	Publisher string  `json:"publisher"`
	Missing   string  `json:"missing,omitempty"` // why it was not measured
	PerSecond Spread  `json:"per_second"`        // ticks taken
	CPU       Spread  `json:"cpu_ns"`            // of the server, per tick: into the rings, drained by a loop
	Busy      Spread  `json:"busy"`              // share of its processor
	Allocs    float64 `json:"allocs_per_tick"`   // by all that it does
	Laps      float64 `json:"laps"`              // times a loop was a whole ring behind, in all

	all []intake
}

func newIntakeReport(c *IntakeConfig) *IntakeReport {
	return &IntakeReport{Head: newHead("intake", c.Command), Tokens: c.Tokens, Rounds: c.Rounds,
		Seconds: c.Seconds}
}

func (r *IntakeRow) add(in intake) { r.all = append(r.all, in) }

func (r *IntakeReport) compute() {
	for _, row := range r.Rows {
		of := func(v func(intake) float64) Spread {
			var vs []float64
			for _, in := range row.all {
				vs = append(vs, v(in))
			}
			return spreadOf(vs)
		}
		row.PerSecond = of(func(in intake) float64 { return in.perSecond })
		row.CPU = of(func(in intake) float64 { return in.cpu })
		row.Busy = of(func(in intake) float64 { return in.busy })
		for _, in := range row.all {
			row.Laps += in.overrun
		}
		row.Allocs = of(func(in intake) float64 { return ratio(in.allocs, in.ticks) }).Median
	}
}

func (r *IntakeReport) table(t *table) {
	t.head(r.Head)
	t.row("load", fmt.Sprintf("ticks of 110 bytes, %d tokens, no clients; %d rounds of %g s",
		r.Tokens, r.Rounds, r.Seconds))
	if r.Pinned {
		t.row("cores", "server on one of its own, publisher on the others")
	}
	t.section("From ZeroMQ into the rings (median, least … most)")
	t.row("publisher", "ticks/s", "server's CPU per tick, ns", "server busy, %", "objects per tick",
		"times the loop was lapped")
	for _, row := range r.Rows {
		if row.Missing != "" {
			t.row(row.Publisher, "not measured: "+row.Missing)
			continue
		}
		busy := Spread{100 * row.Busy.Median, 100 * row.Busy.Min, 100 * row.Busy.Max}
		t.row(row.Publisher, spread(row.PerSecond), spread(row.CPU), spread(busy),
			decimals(row.Allocs, 5), whole(row.Laps))
	}
}
