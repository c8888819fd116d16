package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// An IntakeConfig sets up the scenario intake: how many ticks a server on one
// processor takes from a publisher that sends as fast as it is let.
type IntakeConfig struct {
	Tokens  int
	Rounds  int
	Seconds float64

	Executable string    // azira, for the server
	Command    string    // what was called, for the report
	Progress   io.Writer // a line for each round
}

func (c *IntakeConfig) check() error {
	switch {
	case c.Tokens < 1 || c.Tokens > intakeTokensMax:
		return fmt.Errorf("%w: --tokens %d: expected 1 to %d", ErrConfig, c.Tokens, intakeTokensMax)
	case c.Rounds < 1 || c.Rounds > roundsMax:
		return fmt.Errorf("%w: --rounds %d: expected 1 to %d", ErrConfig, c.Rounds, roundsMax)
	case !(c.Seconds >= secondsMin && c.Seconds <= secondsMax): // NaN is neither
		return fmt.Errorf("%w: --seconds %g: expected %d to %d", ErrConfig, c.Seconds, secondsMin,
			secondsMax)
	}
	return nil
}

// RunIntake lets publishers of two makes send in turn: libzmq's, in C, and ours.
func RunIntake(ctx context.Context, c IntakeConfig) (*IntakeReport, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	temp, err := os.MkdirTemp("", "azira-bench-")
	if err != nil {
		return nil, fmt.Errorf("make directory: %w", err)
	}
	r := newIntakeReport(&c)
	err = errors.Join(c.rounds(ctx, r, temp), os.RemoveAll(temp))
	if err != nil {
		return nil, err
	}
	return r, nil
}

func (c *IntakeConfig) rounds(ctx context.Context, r *IntakeReport, temp string) error {
	own, others := splitCores()
	program, missing := buildZMQPublisher(ctx, temp)
	zmq, ours := &IntakeRow{Publisher: "libzmq, in C"}, &IntakeRow{Publisher: "azira feed"}
	r.Rows, r.Pinned = []*IntakeRow{zmq, ours}, others != nil
	if missing != nil {
		zmq.Missing = missing.Error()
	}
	for round := range c.Rounds {
		for _, row := range r.Rows {
			if row.Missing != "" {
				continue
			}
			start := launch{path: program, args: []string{"", fmt.Sprint(c.Tokens)}, cores: others}
			if row == ours {
				start = launch{path: c.Executable, cores: others, args: []string{
					"feed", "--pub", "", "--control", "tcp://127.0.0.1:0",
					"--tokens", fmt.Sprint(c.Tokens), "--rate", intakeRate}}
			}
			i, err := c.once(ctx, start, own, temp)
			if err != nil {
				return fmt.Errorf("%s: %w", row.Publisher, err)
			}
			row.add(i)
			fmt.Fprintf(c.Progress, "azira bench: round %d of %d, %s: %s ticks/s, %s ns each\n",
				round+1, c.Rounds, row.Publisher, whole(i.perSecond), whole(i.cpu))
		}
	}
	r.compute()
	return nil
}

// An intake is what one round showed.
type intake struct {
	perSecond, cpu, busy float64 // ticks, ns of the server's processor for each, share of time
	allocs               float64 // objects, by all that the server does
	ticks                float64
	overrun              float64 // times a loop was a whole ring behind
}

// once has a publisher send to a server that has no clients.
func (c *IntakeConfig) once(ctx context.Context, l launch, on cores, temp string) (
	in intake, err error) {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	endpoint, err := freeEndpoint()
	if err != nil {
		return in, err
	}
	for i, arg := range l.args {
		if arg == "" {
			l.args[i] = endpoint
		}
	}
	l.log = temp + "/publisher.log"
	kind := aziraKind(c.Executable, endpoint)
	if kind.cores = on; on != nil {
		kind.procs = len(on)
	}
	s, err := startServer(ctx, kind, fail)
	if err != nil {
		return in, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	p, err := startProcess("publisher", l)
	if err != nil {
		return in, err
	}
	defer p.kill()
	scrape := newScraper(s.admin)
	defer scrape.close()
	err = await(ctx, "ticks", func(ctx context.Context) (bool, error) {
		page, err := scrape.metrics(ctx)
		return page[ticksIn] > 0, err
	})
	if err == nil {
		err = pause(ctx, warmTime)
	}
	if err != nil {
		return in, err
	}
	return c.count(ctx, s, scrape)
}

const ticksIn = "azira_ticks_in_total"

func (c *IntakeConfig) count(ctx context.Context, s *server, scrape *scraper) (
	in intake, err error) {
	look := func() (p page, u usage, at time.Time, err error) {
		if p, err = scrape.metrics(ctx); err == nil {
			u, err = s.usage()
		}
		return p, u, time.Now(), err
	}
	p0, u0, t0, err := look()
	if err == nil {
		err = pause(ctx, seconds(c.Seconds))
	}
	if err != nil {
		return in, err
	}
	p1, u1, t1, err := look()
	took, used := t1.Sub(t0).Seconds(), u1.since(u0).Total
	in.ticks = p1.since(p0, ticksIn)
	in.perSecond, in.busy = ratio(in.ticks, took), ratio(used, took)
	in.cpu = ratio(used*1e9, in.ticks)
	in.allocs = p1.since(p0, mallocs)
	in.overrun = p1.since(p0, "azira_ring_laps_total")
	return in, err
}
