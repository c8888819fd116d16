package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
)

// Run plays a scenario to Azira and to the peers asked for, in turn, as many rounds
// as are asked for, so that what the machine does besides meets all alike.
//
// A peer that can't run, or fails, is in the report with the reason. A failure of
// Azira, or the end of ctx, ends the run.
func Run(ctx context.Context, c RunConfig) (*RunReport, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	temp, err := os.MkdirTemp("", "azira-bench-")
	if err != nil {
		return nil, fmt.Errorf("make directory: %w", err)
	}
	var r *RunReport
	targets, err := c.allTargets(ctx, temp)
	if err == nil {
		r, err = c.rounds(ctx, targets)
	}
	if err = errors.Join(err, os.RemoveAll(temp)); err != nil {
		return nil, err
	}
	r.compute()
	return r, nil
}

func (c *RunConfig) rounds(ctx context.Context, targets []target) (*RunReport, error) {
	own, others := splitCores() // before this process is kept on the others
	if err := others.pinSelf(); err != nil {
		return nil, err
	}
	r := newRunReport(c, others != nil)
	for _, t := range targets {
		r.Targets = append(r.Targets, TargetReport{Name: t.name, Dialect: t.dialect,
			Missing: t.missing})
	}
	for round := range c.Rounds {
		for i := range targets {
			// Each round begins with another, so that none is always after the same.
			at := (round + i) % len(targets)
			t, out := &targets[at], &r.Targets[at]
			if out.Missing != "" {
				continue
			}
			result, err := c.try(ctx, trial{c: c, target: t, round: round, cores: own,
				others: others})
			switch {
			case err != nil && (t.own || ctx.Err() != nil):
				return nil, err
			case err != nil:
				out.Missing = err.Error()
				c.say("%s: %v", t.name, err)
				continue
			}
			out.Trials = append(out.Trials, result)
			c.say("round %d of %d, %s: %s", round+1, c.Rounds, t.name, result.words())
		}
	}
	return r, nil
}

// try has a trial run and, if the run is to be calm, again while other programs
// disturb it; the least disturbed one counts.
func (c *RunConfig) try(ctx context.Context, of trial) (best Trial, err error) {
	for i := range calmTries {
		t, result := of, Trial{Round: of.round + 1}
		if err := t.run(ctx, &result); err != nil {
			return best, err
		}
		if i == 0 || result.disturbance() < best.disturbance() {
			best = result
		}
		if !c.Calm || !best.disturbed() {
			break
		}
		c.say("%s: other programs and the hypervisor used %.0f %% of its processor or the clients'",
			of.target.name, 100*result.disturbance())
	}
	return best, nil
}

// disturbance is the largest of any window, or that of the rest.
func (t *Trial) disturbance() (most float64) {
	for _, d := range t.disturbances() {
		most = max(most, d.disturbance())
	}
	return most
}

func (t *Trial) disturbed() bool {
	return slices.ContainsFunc(t.disturbances(), (*Disturbances).disturbed)
}

func (t *Trial) disturbances() (all []*Disturbances) {
	for _, w := range t.windows() {
		all = append(all, &w.Disturbances)
	}
	if t.Idle != nil {
		all = append(all, &t.Idle.Disturbances)
	}
	return all
}
