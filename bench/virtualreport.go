package bench

import "fmt"

// A VirtualReport is what virtual fleets showed.
type VirtualReport struct {
	Head
	Settings VirtualSettings `json:"settings"`
	Rows     []VirtualRow    `json:"rows"`
	Check    *VirtualCheck   `json:"check,omitempty"`
}

// VirtualSettings are the flags.
type VirtualSettings struct {
	Clients    int     `json:"clients"`
	Tokens     int     `json:"tokens"`
	Of         int     `json:"of"`
	Bystanders int     `json:"bystanders"`
	Burst      int     `json:"burst"`
	Seconds    float64 `json:"seconds"`
}

// A VirtualRow is one fleet.
type VirtualRow struct {
	Lists      string  `json:"lists"`
	Same       float64 `json:"same"` // share of the clients with one and the same list
	Clients    int     `json:"clients"`
	Bystanders int     `json:"bystanders"`

	Ticks    float64 `json:"ticks"`
	Frames   float64 `json:"frames"`
	PerWrite float64 `json:"frames_per_write"`
	Turn     Spread  `json:"turn_us"`      // time of a turn
	PerTick  Spread  `json:"ns_per_frame"` // the loop's time per delivered tick
	Allocs   float64 `json:"allocs_per_tick"`
	Skipped  float64 `json:"skipped"`
	Bytes    float64 `json:"bytes_per_client"` // user space

	total virtualSpan
}

// sum takes the figures that are of the whole row.
func (r *VirtualRow) sum() {
	t := &r.total
	r.Ticks, r.Frames, r.Skipped = t.ticks, t.frames, t.skipped
	r.PerWrite, r.Allocs = ratio(t.frames, t.writes), ratio(t.allocs, t.ticks)
}

func newVirtualReport(c *VirtualConfig) *VirtualReport {
	return &VirtualReport{Head: newHead("virtual", c.Command), Settings: VirtualSettings{
		c.Clients, c.Tokens, c.Of, c.Bystanders, c.Burst, c.Seconds}}
}

func (r *VirtualReport) table(t *table) {
	t.head(r.Head)
	s := r.Settings
	t.row("load", fmt.Sprintf("%s virtual clients of %d out of %d tokens, %d ticks at a time",
		whole(float64(s.Clients)), s.Tokens, s.Of, s.Burst))
	t.section("The engine alone, one loop (median, least … most of " +
		fmt.Sprint(virtualChunks) + " spans)")
	t.row("lists", "bystanders", "ns per delivered tick", "turn, µs", "frames per write",
		"allocations per tick", "delivered", "bytes per client")
	for i := range r.Rows {
		x := &r.Rows[i]
		t.row(x.Lists, whole(float64(x.Bystanders)), spread(x.PerTick), spread(x.Turn),
			decimals(x.PerWrite, 2), decimals(x.Allocs, 4), whole(x.Frames), whole(x.Bytes))
		if x.Skipped > 0 {
			t.row("WRONG", whole(x.Skipped)+" ticks were passed over")
		}
	}
	if r.Check != nil {
		r.Check.table(t)
	}
}

func (k *VirtualCheck) table(t *table) {
	t.section(fmt.Sprintf("Checked against real clients: the same %s ticks to %s of each",
		whole(float64(k.Ticks)), whole(float64(k.Clients))))
	t.row("", "virtual", "real")
	t.row("ticks received", whole(float64(k.Virtual.Frames)), whole(float64(k.Real.Frames)))
	wrong := func(s *VirtualSide) string { return whole(float64(s.Faults.wrong())) }
	t.row("of them wrong", wrong(&k.Virtual), wrong(&k.Real))
	missing := func(s *VirtualSide) string { return whole(float64(s.Faults.Missing + s.Left)) }
	t.row("missing", missing(&k.Virtual), missing(&k.Real))
	t.row("digest of each client's number", fmt.Sprintf("%016x", k.Virtual.Digest),
		fmt.Sprintf("%016x", k.Real.Digest))
	t.row("user-space bytes per client", whole(k.Virtual.Bytes), whole(k.Real.Bytes),
		"real ones have a session and its account's place, too")
	t.row("ns per delivered tick", figure(k.Virtual.Ns), figure(k.Real.Ns),
		"real: outside the kernel, sampled; feed, wake-ups and scheduler counted in")
	verdict := "alike: each client received the same"
	if !k.Alike {
		verdict = "NOT ALIKE"
	}
	t.row("the two fleets are", verdict)
}
