package bench

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// words are a trial in one line.
func (t *Trial) words() string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if t.Back != nil {
		add("%s, %d refused at first", t.Back.words(), t.Back.Refused)
		if t.Back.Resume != nil {
			add("%s", t.Back.Resume.words())
		}
	}
	if len(t.Steps) > 0 {
		add("knee %s/s", whole(t.Knee))
	}
	if t.Below != nil {
		add("p99 %s ms at %.0f %% of it", decimals(t.Below.Latency.P99, 2), 100*belowKnee)
	}
	if w := t.Window; w != nil {
		add("%s µs per tick, %s/s, p99 %s ms", decimals(w.CPU, 3), whole(w.PerSecond),
			decimals(w.Latency.P99, 2))
		if w.Back != nil {
			add("%s", w.Back.words())
		}
		if n := w.missing(); n > 0 {
			add("%s ticks passed over", whole(float64(n)))
		}
		if w.Uncounted > 0 {
			add("WRONG: %s uncounted", whole(w.Uncounted))
		}
		if w.Faults.wrong() > 0 {
			add("WRONG: %s", w.Faults.String())
		}
	}
	if s := t.Stall; s != nil {
		add("with %d slow ones for %s s p99 × %s, %s bytes each", s.Clients, whole(s.Seconds),
			spread(spreadOf(s.quotients((*Pair).ratio))), whole(s.PerClient))
	}
	if t.Idle != nil {
		m := t.Idle.PerStream
		add("per connection: user %s bytes, RSS %s, kernel %s (both ends), opened in %s µs",
			known(m.User), whole(m.RSS), whole(m.Kernel), whole(t.Idle.Opening))
		if t.Idle.CPU > 0 {
			add("%s µs/s", decimals(t.Idle.CPU, 2))
		}
		if t.Idle.Beats > 0 {
			add("%s heartbeats/s", decimals(t.Idle.Beats, 3))
		}
	}
	return strings.Join(out, "; ")
}

func (r *RunReport) table(t *table) {
	t.head(r.Head)
	t.row("load", r.Settings.words())
	r.dialects(t)
	if r.Settings.Kind == KindTLS {
		t.row("TLS", r.Settings.tlsWords())
	}
	if r.Pinned {
		t.row("cores", "server on one of its own, clients and feed on the others")
	}
	names := []string{fmt.Sprintf("median of %d", r.Settings.Rounds)}
	var shown []*TargetReport
	for i := range r.Targets {
		if x := &r.Targets[i]; len(x.Figures) > 0 {
			shown, names = append(shown, x), append(names, x.Name)
		}
	}
	t.section("Figures (least … most over the rounds)")
	t.row(names...)
	for _, m := range measures {
		cells, some := []string{m.label()}, false
		for _, x := range shown {
			f := x.figure(m.name)
			cells, some = append(cells, f.words()), some || f != nil
		}
		if some {
			t.row(cells...)
		}
	}
	r.ratios(t, shown)
	r.inside(t)
	if len(r.Notes) > 0 {
		t.section("To know")
		for _, n := range r.Notes {
			t.row("- " + n)
		}
	}
}

// dialects says what clients of Azira speak, and what that makes of figures.
func (r *RunReport) dialects(t *table) {
	all := r.Settings.Dialects
	if !slices.ContainsFunc(all, typed) {
		return
	}
	t.row("dialects", strings.Join(all, ", ")+" of azira; of peers their own")
	if slices.ContainsFunc(all, ingressTimed) {
		t.row("latency", "of json-ltp, bin, bin-ltp from the server's taking a tick in, "+
			"of others from the time it was to be sent at")
	}
	t.row("wire bytes", "all that clients receive, heartbeats and headers of frames too, "+
		"by the ticks in it")
}

// ratios shows Azira's figures by those of others.
func (r *RunReport) ratios(t *table, shown []*TargetReport) {
	if len(shown) < 2 {
		return
	}
	names := []string{r.Targets[0].Name + " by …"}
	for _, x := range shown[1:] {
		names = append(names, x.Name)
	}
	t.section("Ratios, round by round (least … most)")
	t.row(names...)
	for _, m := range measures {
		cells, some := []string{m.name}, false
		for _, x := range shown[1:] {
			cell := "–"
			if f := x.figure(m.name); f != nil && f.Ratio != nil {
				cell, some = spread(*f.Ratio), true
			}
			cells = append(cells, cell)
		}
		if some {
			t.row(cells...)
		}
	}
}

// inside shows what Azira told of itself in its last window.
func (r *RunReport) inside(t *table) {
	own := &r.Targets[0]
	if len(own.Trials) == 0 {
		return
	}
	w := own.Trials[len(own.Trials)-1].Window
	if w == nil || w.Server == nil {
		return
	}
	t.section("Inside " + own.Name + ", last round")
	t.row("objects allocated", whole(w.Server.Allocs), "by all that it does, over "+
		whole(w.Server.Ticks)+" ticks; per tick: see azira bench streams")
	t.row("GC pauses", decimals(100*w.Server.PauseShare, 4)+" % of the time")
	t.row("ticks replaced by newer ones", whole(w.Server.Skipped))
	t.row("clients and feed busy", decimals(100*w.Harness, 0)+" %", "the busiest process: "+
		decimals(100*w.Busiest, 0)+" % of one processor")
}

func (m *measure) label() string {
	if m.unit == "" {
		return m.name
	}
	return m.name + ", " + m.unit
}

func (f *Figure) words() string {
	if f == nil {
		return "–"
	}
	return spread(f.Value)
}

func spread(s Spread) string {
	if s.Min == s.Max {
		return figure(s.Median)
	}
	return fmt.Sprintf("%s (%s … %s)", figure(s.Median), figure(s.Min), figure(s.Max))
}

// figure writes three or four digits that mean something.
func figure(v float64) string {
	switch a := math.Abs(v); {
	case a == 0:
		return "0"
	case a >= 100:
		return whole(v)
	case a >= 10:
		return decimals(v, 1)
	case a >= 1:
		return decimals(v, 2)
	}
	return decimals(v, 3)
}

func (s *RunSettings) words() string {
	lists := "each its own"
	switch {
	case s.Same == 1:
		lists = "the same for all"
	case s.Same > 0:
		lists = fmt.Sprintf("the same for %g %%", 100*s.Same)
	}
	out := fmt.Sprintf("%s clients of %d out of %d tokens, %s", whole(float64(s.Clients)), s.Tokens,
		s.Of, lists)
	if s.Zipf {
		out += ", some far more popular (zipf)"
	}
	if s.Rate > 0 {
		out += fmt.Sprintf("; %s deliveries/s, %s clients per tick; windows of %g s", whole(s.Rate),
			figure(s.FanOut), s.Seconds)
	}
	return out
}
