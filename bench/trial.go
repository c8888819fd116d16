package bench

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A trial is one target in one round: started, measured, stopped. When it is
// over, nothing of it is left running.
type trial struct {
	// Fixed.
	c      *RunConfig
	target *target
	round  int
	cores  cores // of servers
	others cores // of all else

	source  *source
	servers []*server
	scrapes []*scraper // of each server that has an admin port
	fleet   *fleet
	dropped uint64 // by the feed, up to the last window

	undelivered uint64 // at the end of the last window
	stale       uint64 // ticks that did not come to clients of a typed dialect in any before

	profiled bool // in a window before
}

// run starts the target, has the scenario's kind measured, and stops it all.
func (t *trial) run(ctx context.Context, r *Trial) error {
	ctx, end := context.WithTimeoutCause(ctx, t.c.longest(), errTooLong)
	defer end()
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	err := t.start(ctx, fail)
	if err == nil {
		err = t.measure(ctx, r)
	}
	if why := context.Cause(ctx); err != nil && why != nil {
		err = why // what came of it is of no interest
	}
	return errors.Join(err, t.stop())
}

// longest bounds a trial.
func (c *RunConfig) longest() time.Duration {
	opening := time.Duration(c.Clients/openRateMin) * time.Second
	window := time.Duration((c.Seconds + 2) * float64(time.Second))
	windows := time.Duration(max(stepsMax*(stepTries+1)+2, 3*c.Pairs))
	return startTimeout + 2*opening + windows*(window+settleTimeout) + sizes*settleTimeout +
		2*stormTimeout + 2*seconds(c.Stall)
}

func (t *trial) measure(ctx context.Context, r *Trial) error {
	switch t.c.Kind {
	case KindIdle:
		return t.idle(ctx, r)
	case KindTLS:
		return t.tls(ctx, r)
	}
	if err := t.fill(ctx); err != nil {
		return err
	}
	switch t.c.Kind {
	case KindStorm:
		return t.storm(ctx, r)
	case KindSlow:
		return t.slow(ctx, r)
	case KindSaturate:
		return t.saturate(ctx, r)
	}
	return t.churn(ctx, r)
}

// start brings up feed and servers and makes the tokens known.
func (t *trial) start(ctx context.Context, fail func(error)) (err error) {
	epoch := monotonic()
	if t.source, err = newSource(t.c.load(), newClock(epoch)); err != nil {
		return err
	}
	n := 1
	if t.target.azira() {
		n = t.c.Servers
	}
	plan := fleetPlan{executable: t.c.Executable, clients: t.c.Clients, cores: t.others}
	for range n {
		s, err := startServer(ctx, t.target.kind(t.c, t.source.pub.Endpoint(), t.cores), fail)
		if err != nil {
			return err
		}
		t.servers = append(t.servers, s)
		if s.admin != "" {
			t.scrapes = append(t.scrapes, newScraper(s.admin))
		}
		bearer, err := s.bearer(ctx, t.target.ownTrust())
		if err == nil && t.target.front {
			err = s.putInFront(ctx, t.target.cert, t.c.Clients, t.cores, fail)
		}
		if err != nil {
			return err
		}
		if t.target.azira() {
			s.dialect = t.target.dialect
		}
		plan.setups = append(plan.setups, swarmLoad{Load: t.c.load(), Addr: s.public,
			Bearer: bearer, Dialect: s.dialect, Trust: t.target.trust(),
			Hybrid: t.c.Hybrid,
			Count:  t.counted(), Epoch: epoch})
	}
	err = await(ctx, "a subscriber of the feed", func(context.Context) (bool, error) {
		return t.source.connected(n), nil
	})
	if err != nil {
		return err
	}
	if err := t.known(ctx); err != nil {
		return err
	}
	t.fleet, err = startFleet(plan, fail)
	return err
}

// counted says that the target's frames are no ticks of the feed.
func (t *trial) counted() bool { return t.target.name == floorName }

// known makes the tokens known to servers that refuse others.
func (t *trial) known(ctx context.Context) error {
	t.source.all()
	for _, s := range t.scrapes {
		err := await(ctx, "the tokens to be known", func(ctx context.Context) (bool, error) {
			p, err := s.metrics(ctx)
			return p["azira_tokens"] >= float64(t.c.Of), err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// fill opens all streams and sees a tick of each of their tokens.
func (t *trial) fill(ctx context.Context) error {
	if err := t.fleet.grow(ctx, t.c.Clients); err != nil {
		return err
	}
	if t.counted() {
		return nil
	}
	return t.fleet.hear(ctx, t.source)
}

// usage is what all servers have used so far.
func (t *trial) usage() (all usage, err error) {
	for _, s := range t.servers {
		u, err := s.usage()
		if err != nil {
			return all, err
		}
		all.add(u)
	}
	return all, nil
}

// settled is the servers' pages, behind collections, added up; nil of a peer.
func (t *trial) settled(ctx context.Context) (page, error) {
	var all page
	for _, s := range t.scrapes {
		p, err := s.settled(ctx)
		if err != nil {
			return nil, err
		}
		if all == nil {
			all = make(page)
		}
		for name, v := range p {
			all[name] += v
		}
	}
	return all, nil
}

// stop ends what there is: the servers first, so that they see their streams off.
func (t *trial) stop() (err error) {
	var all []*process
	for _, s := range t.servers {
		all = append(all, s.process)
	}
	err = terminateAll(all)
	for _, s := range t.servers {
		err = errors.Join(err, s.stop())
	}
	if t.fleet != nil {
		err = errors.Join(err, t.fleet.close())
	}
	for _, s := range t.scrapes {
		s.close()
	}
	if t.source != nil {
		err = errors.Join(err, t.source.close())
	}
	return err
}

func (c *RunConfig) say(format string, args ...any) {
	fmt.Fprintf(c.Progress, "azira bench: "+format+"\n", args...)
}
