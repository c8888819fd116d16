package bench

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// A Stall is what slow clients cost the server and the others.
type Stall struct {
	Clients   int     `json:"clients"`
	Seconds   float64 `json:"seconds"`          // from the stall to its end
	PerClient float64 `json:"bytes_per_client"` // user space, at its end; RSS where no more is told
	Allowed   float64 `json:"bytes_allowed"`    // of it, by what Azira promises; 0 of peers
	Again     float64 `json:"again_s"`          // from its end until all were served again
	Silent    int     `json:"silent"`           // clients that were not by then
	Pairs     []Pair  `json:"pairs"`

	First  Weight  `json:"first"`        // after the first window
	Light  Weight  `json:"light"`        // before the stall
	Heavy  Weight  `json:"heavy"`        // at its end
	Growth float64 `json:"growth_bytes"` // in a time like that of the stall, but without
}

// A Weight is what a server held at a moment.
type Weight struct {
	At float64 `json:"at_s"` // on the monotonic clock
	Memory
}

// A Pair is a window with slow clients between two without. The windows of a trial are
//
//	before 0 … before n-1 │ stalled 0 … stalled n-1 │ (again) │ after 0 … after n-1
//
// so that each stalled one lies in time between its two others, midway but for the
// wait until all are served again: what drifts evenly goes out of the quotient.
type Pair struct {
	Before  *Window `json:"before"`
	Stalled *Window `json:"stalled"`
	After   *Window `json:"after"`
}

// ratio is how many times the p99 of the clients that are not slow grew.
func (p *Pair) ratio() float64 {
	return ratio(2*p.Stalled.Latency.P99, p.Before.Latency.P99+p.After.Latency.P99)
}

// drift is the same quotient where nobody was slow: what the machine does by itself.
func (p *Pair) drift() float64 { return ratio(p.After.Latency.P99, p.Before.Latency.P99) }

// slow counts windows before, during and after one long stall of some clients.
func (t *trial) slow(ctx context.Context, r *Trial) error {
	s := &Stall{Pairs: make([]Pair, t.c.Pairs)}
	r.Stall = s
	stall := swarmCommand{Do: doSlow, Share: t.c.Share, Rate: t.c.SlowRate}
	// The same clients are looked at from the first window on: those that will be slow
	// are marked by a stall of no length.
	if err := t.order(ctx, stall, swarmCommand{Do: doHealed}); err != nil {
		return err
	}
	before := func(p *Pair) **Window { return &p.Before }
	err := t.each(ctx, "before the stall", s.Pairs[:1], before)
	if err == nil {
		s.First, err = t.weigh(ctx)
	}
	if err == nil {
		err = t.each(ctx, "before the stall", s.Pairs[1:], before)
	}
	if err == nil {
		s.Light, err = t.weigh(ctx)
	}
	if err == nil {
		err = t.stall(ctx, s, stall)
	}
	if err == nil {
		err = t.each(ctx, "after the stall", s.Pairs, func(p *Pair) **Window { return &p.After })
	}
	if err != nil {
		return err
	}
	s.compute(t)
	r.Window = s.usual()
	return nil
}

// stall counts windows with slow clients, weighs the server, and heals them.
func (t *trial) stall(ctx context.Context, s *Stall, how swarmCommand) error {
	began := time.Now()
	if err := t.order(ctx, how); err != nil {
		return err
	}
	err := t.each(ctx, "stalled", s.Pairs, func(p *Pair) **Window { return &p.Stalled })
	if err != nil {
		return err
	}
	if err := t.linger(ctx, seconds(t.c.Stall)-time.Since(began)); err != nil {
		return err
	}
	s.Seconds = time.Since(began).Seconds()
	if s.Heavy, err = t.weigh(ctx); err != nil {
		return err
	}
	if err := t.order(ctx, swarmCommand{Do: doHealed}); err != nil {
		return err
	}
	return t.again(ctx, s)
}

// again has ticks flow until those that were slow are served again: TCP tries a
// client that took nothing for a minute only once in another.
func (t *trial) again(ctx context.Context, s *Stall) error {
	fl, err := t.beginFlow(ctx, t.c.Rate)
	if err != nil {
		return err
	}
	defer fl.cancel()
	began := time.Now()
	for limit := seconds(s.Seconds) + settleTimeout; ; {
		r, err := t.fleet.ask(ctx, swarmCommand{Do: doAgain})
		if err != nil {
			return err
		}
		s.Again = time.Since(began).Seconds()
		if s.Silent = int(r.Left); r.Left == 0 || time.Since(began) > limit {
			return t.endFlow(ctx, fl, &Window{})
		}
		if err := pause(ctx, pollEvery); err != nil {
			return err
		}
	}
}

// weigh collects and looks at what is left.
func (t *trial) weigh(ctx context.Context) (Weight, error) {
	m, err := t.memory(ctx, 0)
	return Weight{monotonic().Seconds(), m}, err
}

// order sends all swarms commands that have no result.
func (t *trial) order(ctx context.Context, commands ...swarmCommand) error {
	for _, c := range commands {
		if _, err := t.fleet.ask(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// each counts a window of every pair.
func (t *trial) each(ctx context.Context, name string, pairs []Pair,
	of func(*Pair) **Window) error {
	for i := range pairs {
		w, err := t.window(ctx, t.c.Rate)
		if err != nil {
			return err
		}
		w.Name = name
		*of(&pairs[i]) = w
	}
	return nil
}

// linger has ticks flow on, uncounted.
func (t *trial) linger(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	fl, err := t.beginFlow(ctx, t.c.Rate)
	if err != nil {
		return err
	}
	defer fl.cancel()
	if err := pause(ctx, d); err != nil {
		return err
	}
	return t.endFlow(ctx, fl, &Window{})
}

// compute says how many bytes each slow client is, and how many it may be. A server's
// memory changes by itself too, for its database and its statistics: what it did in
// the windows before, over a time like that of the stall, tells how far to trust it.
func (s *Stall) compute(t *trial) {
	s.Clients = s.Pairs[0].Stalled.Slow.Clients
	if len(s.Pairs) > 1 {
		s.Growth = (s.Light.weight() - s.First.weight()) *
			ratio(s.Heavy.At-s.Light.At, s.Light.At-s.First.At)
	}
	s.PerClient = ratio(s.Heavy.weight()-s.Light.weight(), float64(s.Clients))
	if t.target.azira() {
		s.Allowed = float64(slowBytes + slowTokenBytes*t.c.Tokens)
	}
}

// usual is the window without slow clients of which as many are better as are worse.
func (s *Stall) usual() *Window {
	var all []*Window
	for _, p := range s.Pairs {
		all = append(all, p.Before, p.After)
	}
	slices.SortFunc(all, func(a, b *Window) int {
		return cmp.Compare(a.Latency.P99, b.Latency.P99)
	})
	return all[(len(all)-1)/2]
}

// quotients are one of each pair.
func (s *Stall) quotients(of func(*Pair) float64) (qs []float64) {
	for i := range s.Pairs {
		qs = append(qs, of(&s.Pairs[i]))
	}
	return qs
}

// weight is user-space memory where the server tells it, and RSS where not.
func (m *Memory) weight() float64 {
	if m.User > 0 {
		return m.User
	}
	return m.RSS
}
