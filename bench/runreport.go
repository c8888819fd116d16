package bench

import (
	"fmt"
	"slices"
)

// A RunReport is what a run found.
type RunReport struct {
	Head
	Settings RunSettings    `json:"settings"`
	Pinned   bool           `json:"pinned"` // servers on a processor of their own
	Targets  []TargetReport `json:"targets"`
	Notes    []string       `json:"notes"` // what to know before the figures are believed
}

// RunSettings are the load.
type RunSettings struct {
	Kind      Kind     `json:"kind"`
	Dialects  []string `json:"dialects"` // of Azira's clients
	Clients   int      `json:"clients"`
	Servers   int      `json:"servers"`
	Tokens    int      `json:"tokens"`
	Of        int      `json:"of"`
	Same      float64  `json:"same"`
	Zipf      bool     `json:"zipf"`
	Rate      float64  `json:"rate"`
	FanOut    float64  `json:"fan_out"` // clients per tick
	Seconds   float64  `json:"seconds"`
	Rounds    int      `json:"rounds"`
	PerSend   int      `json:"per_send"`
	Share     float64  `json:"share"`
	Pairs     int      `json:"pairs"`
	Stall     float64  `json:"stall_s"`
	SlowRate  float64  `json:"slow_rate"`
	ChurnRate float64  `json:"churn"`
	BoundMs   float64  `json:"bound_ms"`
	Hybrid    bool     `json:"hybrid"`
}

// A TargetReport is one target's part.
type TargetReport struct {
	Name    string   `json:"name"`
	Dialect string   `json:"dialect,omitempty"` // of Azira's clients
	Missing string   `json:"missing,omitempty"` // why it was not measured, or not to the end
	Figures []Figure `json:"figures"`
	Trials  []Trial  `json:"trials"`
}

// A Figure is one number over rounds, and how often Azira's goes into it.
type Figure struct {
	Name  string `json:"name"`
	Unit  string `json:"unit"`
	Value Spread `json:"value"`
	// Ratio is Azira's by this target's, round by round; nil for Azira itself.
	Ratio *Spread `json:"azira_ratio,omitempty"`
}

// A Spread is a figure over rounds.
type Spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

func spreadOf(vs []float64) (s Spread) {
	if len(vs) == 0 {
		return s
	}
	vs = slices.Sorted(slices.Values(vs))
	n := len(vs)
	return Spread{Median: (vs[(n-1)/2] + vs[n/2]) / 2, Min: vs[0], Max: vs[n-1]}
}

func newRunReport(c *RunConfig, pinned bool) *RunReport {
	return &RunReport{Head: newHead(c.Name, c.Command), Pinned: pinned, Settings: RunSettings{
		Kind: c.Kind, Dialects: c.dialects(), Clients: c.Clients, Servers: c.Servers,
		Tokens: c.Tokens, Of: c.Of,
		Same: c.Same, Zipf: c.Zipf, Rate: c.Rate, FanOut: c.load().fanOut(c.Clients),
		Seconds: c.Seconds, Rounds: c.Rounds, PerSend: c.PerSend, Share: c.Share, Pairs: c.Pairs,
		Stall: c.Stall, SlowRate: c.SlowRate, ChurnRate: c.ChurnRate, BoundMs: c.BoundMs,
		Hybrid: c.Hybrid,
	}}
}

// compute makes figures, ratios and notes of the trials.
func (r *RunReport) compute() {
	own := &r.Targets[0]
	for i := range r.Targets {
		t := &r.Targets[i]
		for _, m := range measures {
			var vs, ratios []float64
			for j := range t.Trials {
				all := m.of(&t.Trials[j])
				vs = append(vs, all...)
				v := spreadOf(all).Median
				a := own.trial(t.Trials[j].Round)
				if t != own && a != nil && v != 0 && m.comparable(own, t) {
					ratios = append(ratios, spreadOf(m.of(a)).Median/v)
				}
			}
			if len(vs) == 0 || spreadOf(vs) == (Spread{}) && !m.zero {
				continue
			}
			f := Figure{Name: m.name, Unit: m.unit, Value: spreadOf(vs)}
			if len(ratios) > 0 {
				s := spreadOf(ratios)
				f.Ratio = &s
			}
			t.Figures = append(t.Figures, f)
		}
		r.note(t)
	}
}

// comparable says that a figure is of the same in both targets.
func (m *measure) comparable(a, b *TargetReport) bool {
	return !m.unlike && !(m.timed && ingressTimed(a.Dialect) != ingressTimed(b.Dialect))
}

func (t *TargetReport) trial(round int) *Trial {
	for i := range t.Trials {
		if t.Trials[i].Round == round {
			return &t.Trials[i]
		}
	}
	return nil
}

func (t *TargetReport) figure(name string) *Figure {
	i := slices.IndexFunc(t.Figures, func(f Figure) bool { return f.Name == name })
	if i < 0 {
		return nil
	}
	return &t.Figures[i]
}

// note says what makes a target's figures doubtful.
func (r *RunReport) note(t *TargetReport) {
	say := func(format string, args ...any) {
		r.Notes = append(r.Notes, t.Name+": "+fmt.Sprintf(format, args...))
	}
	switch {
	case t.Missing == "":
	case len(t.Trials) > 0:
		say("failed in round %d: %s", len(t.Trials)+1, t.Missing)
	default:
		say("not measured: %s", t.Missing)
	}
	for i := range t.Trials {
		for _, w := range t.Trials[i].windows() {
			w.doubts(func(format string, args ...any) {
				at := whole(w.Offered) + "/s"
				if w.Name != "" {
					at += ", " + w.Name
				}
				say("round %d, %s: %s", t.Trials[i].Round, at, fmt.Sprintf(format, args...))
			})
		}
	}
	for i := range t.Trials {
		t.Trials[i].doubts(func(format string, args ...any) {
			say("round %d: %s", t.Trials[i].Round, fmt.Sprintf(format, args...))
		})
	}
	if len(t.Trials) > 0 && !r.Pinned {
		say("server, clients and feed shared the processors")
	}
}

// windows are all of a trial's.
func (t *Trial) windows() (all []*Window) {
	for i := range t.Steps {
		all = append(all, &t.Steps[i])
	}
	if t.Below != nil {
		all = append(all, t.Below)
	}
	if len(t.Steps) > 0 {
		return all
	}
	if t.Stall != nil {
		for _, p := range t.Stall.Pairs {
			all = append(all, p.Before, p.Stalled, p.After)
		}
	} else if t.Window != nil {
		all = append(all, t.Window)
	}
	return all
}

// doubts are those of a trial that are of none of its windows.
func (t *Trial) doubts(say sayer) {
	if s := t.Stall; s != nil && s.Silent > 0 {
		say("%d of the slow clients were not served again within %.0f s", s.Silent, s.Again)
	}
	t.sweepDoubts(say)
	if b := t.Back; b != nil && b.Clients < b.Of {
		say("%d of %d clients did not come back within %.0f s", b.Of-b.Clients, b.Of,
			stormTimeout.Seconds())
	}
	if b := t.Back; b != nil && b.Faults.wrong() > 0 {
		say("WRONG while clients came back: %s", b.Faults.String())
	}
	if t.Idle != nil {
		t.Idle.Disturbances.doubts(say)
		if t.Idle.Faults.wrong() > 0 {
			say("WRONG: %s", t.Idle.Faults.String())
		}
	}
}

func (w *Window) doubts(say sayer) {
	switch {
	case w.Harness >= harnessFull:
		say("clients and feed used %.0f %% of their processors: they may be what is measured",
			100*w.Harness)
	case w.Busiest >= harnessFull:
		say("the busiest process of clients and feed used %.0f %% of one processor: "+
			"it may be what is measured", 100*w.Busiest)
	}
	w.Disturbances.doubts(say)
	if w.FeedLateMs > feedLateMs {
		say("ticks were sent up to %.1f ms late (p99)", w.FeedLateMs)
	}
	if w.Dropped > 0 {
		say("%d ticks were dropped by the feed: the server did not take them in time", w.Dropped)
	}
	if n := w.Slow.Closed; n > 0 {
		say("the server had closed the streams of %d of the %d slow clients", n, w.Slow.Clients)
	}
	if w.Starved > 0 {
		say("%d clients received nothing in the window, though their tokens ticked", w.Starved)
	}
	if n := w.missing(); n > 0 {
		words := "and it does not say how many"
		if w.Server != nil {
			words = fmt.Sprintf("the server counts %s in all", whole(w.Server.Skipped))
		}
		say("%s ticks were passed over, %s", whole(float64(n)), words)
	}
	if w.Told.Gaps > 0 {
		say("%s ticks could not be had any more, as clients were told",
			whole(float64(w.Told.Gapped)))
	}
	if b := w.Back; b != nil && b.P99 == 0 {
		say("%d of %d clients that were to come back had not, at the window's end",
			b.Of-b.Clients, b.Of)
	}
	if w.Uncounted > 0 {
		say("WRONG: uncounted: clients missed %s ticks more than the server counts as skipped",
			whole(w.Uncounted))
	}
	if w.Faults.wrong() > 0 {
		say("WRONG: %s", w.Faults.String())
	}
	if w.Undelivered > 0 {
		say("%s ticks did not come, seconds after the last", whole(float64(w.Undelivered)))
	}
}
