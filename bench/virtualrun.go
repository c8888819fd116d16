package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// A VirtualConfig sets up a virtual fleet: what the engine itself costs, without
// sockets, and how that grows.
type VirtualConfig struct {
	Clients    int
	Tokens     int // of each client
	Of         int // tokens that tick
	Bystanders int // further clients, whose tokens do not tick
	Burst      int // ticks published at a time
	Seconds    float64
	Check      bool // the same ticks to real clients, too

	Executable string    // azira, for the real ones
	Command    string    // what was called, for the report
	Progress   io.Writer // a line for each step
}

// Check refuses settings that do not fit.
func (c *VirtualConfig) check() error {
	for _, s := range []struct {
		name        string
		v, min, max int
	}{
		{"clients", c.Clients, sizes, virtualMax},
		{"tokens", c.Tokens, 1, tokensMax},
		{"of", c.Of, 1, universeMax},
		{"bystanders", c.Bystanders, 0, virtualMax},
		{"burst", c.Burst, 1, burstMax},
	} {
		if s.v < s.min || s.v > s.max {
			return fmt.Errorf("%w: --%s %d: expected %d to %d", ErrConfig, s.name, s.v, s.min,
				s.max)
		}
	}
	switch {
	case !(c.Seconds >= secondsMin && c.Seconds <= secondsMax): // NaN is neither
		return fmt.Errorf("%w: --seconds %g: expected %d to %d", ErrConfig, c.Seconds, secondsMin,
			secondsMax)
	case c.Tokens > c.Of:
		return fmt.Errorf("%w: --tokens %d out of --of %d: there are not so many", ErrConfig,
			c.Tokens, c.Of)
	case c.Clients+c.Bystanders > virtualMax:
		return fmt.Errorf("%w: %d clients and bystanders: at most %d", ErrConfig,
			c.Clients+c.Bystanders, virtualMax)
	}
	return nil
}

func (c *VirtualConfig) load(same float64) load {
	return load{Universe: c.Of, Tokens: c.Tokens, Same: same}
}

func (c *VirtualConfig) say(format string, args ...any) {
	fmt.Fprintf(c.Progress, "azira bench: "+format+"\n", args...)
}

// RunVirtual measures three fleets: lists of their own, one list for all, and
// the first again among bystanders.
func RunVirtual(ctx context.Context, c VirtualConfig) (*VirtualReport, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	r := newVirtualReport(&c)
	rows := []VirtualRow{{Lists: "each its own"}, {Lists: "the same for all", Same: 1}}
	if c.Bystanders > 0 {
		rows = append(rows, VirtualRow{Lists: "each its own", Bystanders: c.Bystanders})
	}
	for _, row := range rows {
		row.Clients = c.Clients
		if err := c.row(ctx, &row); err != nil {
			return nil, err
		}
		r.Rows = append(r.Rows, row)
		c.say("%s, %s bystanders: %s ns per delivered tick", row.Lists,
			whole(float64(row.Bystanders)), figure(row.PerTick.Median))
	}
	if !c.Check {
		return r, nil
	}
	var err error
	if r.Check, err = c.cross(ctx); err != nil {
		return nil, err
	}
	r.Check.Virtual.Bytes, r.Check.Virtual.Ns = r.Rows[0].Bytes, r.Rows[0].PerTick.Median
	return r, nil
}

// row measures one fleet.
func (c *VirtualConfig) row(ctx context.Context, r *VirtualRow) (err error) {
	v, err := newVirtual(ctx, c.load(r.Same), false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, v.close()) }()
	if err := c.grow(ctx, v, r); err != nil {
		return err
	}
	burst := c.Burst
	if _, err := v.span(ctx, burst, burst); err != nil { // buffers grow
		return err
	}
	var spent, perTick []float64
	for range virtualChunks {
		var chunk virtualSpan
		for end := time.Now().Add(seconds(c.Seconds) / virtualChunks); time.Now().Before(end); {
			s, err := v.span(ctx, burst*virtualBursts, burst)
			if err != nil {
				return err
			}
			chunk.add(s)
		}
		spent = append(spent, ratio(float64(chunk.spent.Microseconds()), chunk.turns))
		perTick = append(perTick, ratio(float64(chunk.spent.Nanoseconds()), chunk.frames))
		r.total.add(chunk)
	}
	r.Turn, r.PerTick = spreadOf(spent), spreadOf(perTick)
	r.sum()
	return nil
}

// grow opens the clients in steps and weighs the process at each.
func (c *VirtualConfig) grow(ctx context.Context, v *virtual, r *VirtualRow) error {
	var points []Memory
	for i := range sizes {
		if err := v.grow(ctx, c.Clients*(i+1)/sizes-v.clients, false); err != nil {
			return err
		}
		points = append(points, v.weigh())
	}
	r.Bytes = PerStream(points).User
	return v.grow(ctx, r.Bystanders, true)
}

func (s *virtualSpan) add(o virtualSpan) {
	s.ticks += o.ticks
	s.turns += o.turns
	s.frames += o.frames
	s.writes += o.writes
	s.skipped += o.skipped
	s.spent += o.spent
	s.allocs += o.allocs
}
