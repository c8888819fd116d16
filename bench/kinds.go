package bench

import (
	"context"
	"time"
)

// A Trial is what one target showed in one round.
type Trial struct {
	Round  int      `json:"round"`
	Window *Window  `json:"window,omitempty"` // of several the one that stands for all
	Stall  *Stall   `json:"stall,omitempty"`
	Steps  []Window `json:"steps,omitempty"` // of saturate, by rate
	Knee   float64  `json:"knee,omitempty"`  // deliveries/s at the last good step
	Bad    float64  `json:"bad,omitempty"`   // and at the first bad one
	Below  *Window  `json:"below,omitempty"` // of saturate: at belowKnee of the knee
	Back   *Back    `json:"back,omitempty"`  // of storm
	Idle   *Idle    `json:"idle,omitempty"`
}

// churn is a window, with clients that come and go if the scenario says so.
func (t *trial) churn(ctx context.Context, r *Trial) (err error) {
	if t.c.ChurnRate > 0 {
		each := t.c.ChurnRate / float64(len(t.fleet.swarms))
		if _, err := t.fleet.ask(ctx, swarmCommand{Do: doChurn, Rate: each}); err != nil {
			return err
		}
	}
	r.Window, err = t.window(ctx, t.c.Rate)
	return err
}

// storm has all clients come back at once while ticks flow, and then counts a
// window with them.
func (t *trial) storm(ctx context.Context, r *Trial) error {
	fl, err := t.beginFlow(ctx, t.c.Rate)
	if err != nil {
		return err
	}
	defer fl.cancel()
	if err := pause(ctx, warmTime); err != nil {
		return err
	}
	res, err := t.fleet.ask(ctx, swarmCommand{Do: doStorm})
	if err != nil {
		return err
	}
	r.Back = newBack(res.Back, t.c.Clients)
	if r.Window, err = t.count(ctx); err != nil {
		return err
	}
	r.Window.Offered = t.c.Rate
	return t.endFlow(ctx, fl, r.Window)
}

// Idle is what connections cost that do nothing.
type Idle struct {
	Points       []Memory `json:"points"`
	PerStream    Memory   `json:"per_stream"`
	Opening      float64  `json:"opening_us"` // CPU per connection until it has subscribed
	CPU          float64  `json:"cpu_us"`     // per connection and second, without Alone
	Alone        float64  `json:"alone_us"`   // per second, of servers without connections
	Beats        float64  `json:"beats"`      // heartbeats per connection and second
	Faults       Faults   `json:"faults"`
	Disturbances          // while it rested
}

// idle opens the streams, in steps, and lets them rest.
func (t *trial) idle(ctx context.Context, r *Trial) error {
	r.Idle = &Idle{}
	if err := t.alone(ctx, r.Idle); err != nil {
		return err
	}
	if err := t.open(ctx, r.Idle); err != nil {
		return err
	}
	return t.rest(ctx, r.Idle)
}

// open opens the streams in steps and weighs the server at each.
func (t *trial) open(ctx context.Context, r *Idle) error {
	for i := range sizes {
		n := t.c.Clients * (i + 1) / sizes
		before, err := t.usage()
		if err != nil {
			return err
		}
		if err := t.fleet.grow(ctx, n); err != nil {
			return err
		}
		if err := pause(ctx, restTime); err != nil {
			return err
		}
		after, err := t.usage()
		if err != nil {
			return err
		}
		r.Opening += after.since(before).Total * 1e6 / float64(t.c.Clients)
		m, err := t.memory(ctx, n)
		if err != nil {
			return err
		}
		r.Points = append(r.Points, m)
	}
	r.PerStream = PerStream(r.Points)
	return nil
}

// alone looks at what the servers use without connections.
func (t *trial) alone(ctx context.Context, r *Idle) error {
	before, err := t.usage()
	if err != nil {
		return err
	}
	began := time.Now()
	if err := pause(ctx, min(seconds(t.c.Seconds), aloneTime)); err != nil {
		return err
	}
	after, err := t.usage()
	r.Alone = ratio(after.since(before).Total*1e6, time.Since(began).Seconds())
	return err
}

// rest has the connections do nothing but answer pings.
func (t *trial) rest(ctx context.Context, r *Idle) error {
	if _, err := t.fleet.ask(ctx, swarmCommand{Do: doBegin}); err != nil {
		return err
	}
	before, err := t.usage()
	if err != nil {
		return err
	}
	span := t.beginSpan()
	if err := pause(ctx, seconds(t.c.Seconds)); err != nil {
		return err
	}
	end, err := t.fleet.ask(ctx, swarmCommand{Do: doEnd})
	if err != nil {
		return err
	}
	after, err := t.usage()
	if err != nil {
		return err
	}
	own := span.until(after.since(before).Total, end.Tally.CPU)
	r.Beats = ratio(float64(end.Tally.Told.Proved), own.took*float64(t.c.Clients))
	r.Faults = end.Tally.Faults
	r.CPU = max(ratio(own.server*1e6-r.Alone*own.took, own.took*float64(t.c.Clients)), 0)
	r.Disturbances = t.disturbance(&span, own)
	return nil
}

// memory is what the servers hold, by what they tell and what the kernel does, after
// a collection.
func (t *trial) memory(ctx context.Context, n int) (m Memory, err error) {
	if err := t.collected(ctx); err != nil {
		return m, err
	}
	for _, s := range t.scrapes {
		if err := s.returned(ctx); err != nil {
			return m, err
		}
	}
	p, err := t.settled(ctx)
	if err != nil {
		return m, err
	}
	if m = memoryOf(p, n); t.target.front {
		m = Memory{Streams: n} // what Azira tells is not all
	}
	u, err := t.usage()
	m.RSS, m.Kernel = u.RSS, kernelMemory()
	return m, err
}
