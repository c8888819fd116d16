package bench

import (
	"context"
	"errors"
	"io"
)

// A VirtualCheck is the same ticks played to virtual clients and to real ones.
type VirtualCheck struct {
	Clients int         `json:"clients"`
	Ticks   int         `json:"ticks"`
	Virtual VirtualSide `json:"virtual"`
	Real    VirtualSide `json:"real"`
	Alike   bool        `json:"alike"` // each client got as many ticks, and none that is wrong
}

// A VirtualSide is what one of the two fleets showed.
type VirtualSide struct {
	Frames uint64  `json:"frames"`
	Digest uint64  `json:"digest"` // of each client's number of frames
	Faults Faults  `json:"faults"`
	Left   uint64  `json:"left"`  // ticks that did not come
	Bytes  float64 `json:"bytes"` // user-space memory per client
	Ns     float64 `json:"ns"`    // outside the kernel, per delivered tick
}

// cross plays the same ticks to both.
func (c *VirtualConfig) cross(ctx context.Context) (*VirtualCheck, error) {
	k := &VirtualCheck{Clients: c.Clients, Ticks: int(checkRate * c.Seconds)}
	c.say("the same %d ticks to %d virtual and %d real clients", k.Ticks, c.Clients, c.Clients)
	if err := c.crossVirtual(ctx, k); err != nil {
		return nil, err
	}
	if err := c.crossReal(ctx, k); err != nil {
		return nil, err
	}
	k.compare()
	return k, nil
}

func (k *VirtualCheck) compare() {
	clean := func(s *VirtualSide) bool { return s.Faults.wrong()+s.Faults.Missing+s.Left == 0 }
	same := k.Virtual.Frames == k.Real.Frames && k.Virtual.Digest == k.Real.Digest
	k.Alike = k.Real.Frames > 0 && same && clean(&k.Virtual) && clean(&k.Real)
}

func (c *VirtualConfig) crossVirtual(ctx context.Context, k *VirtualCheck) (err error) {
	v, err := newVirtual(ctx, c.load(0), true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, v.close()) }()
	if err := v.grow(ctx, c.Clients, false); err != nil {
		return err
	}
	for i := range c.Of { // each has seen all its tokens, as real ones have
		v.tick(i)
	}
	if err := errors.Join(v.flush(ctx), v.settle(ctx)); err != nil {
		return err
	}
	v.checker.begin(v.members)
	if err := errors.Join(v.play(ctx, k.Ticks, c.Burst), v.settle(ctx)); err != nil {
		return err
	}
	t := v.checker.end(v.members)
	k.Virtual = VirtualSide{Frames: t.Frames, Digest: t.Digest, Faults: t.Faults,
		Left: v.checker.left(v.members, v.mint.published)}
	return nil
}

// crossReal plays them to a server in a process of its own, over sockets.
func (c *VirtualConfig) crossReal(ctx context.Context, k *VirtualCheck) (err error) {
	run, err := Scenario("idle")
	if err != nil {
		return err
	}
	run.Clients, run.Tokens, run.Of, run.Seconds = c.Clients, c.Tokens, c.Of, secondsMin
	run.Executable, run.Command, run.Progress = c.Executable, c.Command, io.Discard
	if err := run.Check(); err != nil {
		return err
	}
	own, others := splitCores()
	t := trial{c: &run, target: &target{name: aziraName, program: c.Executable,
		dialect: dialectText, own: true}, cores: own, others: others}
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	defer func() { err = errors.Join(err, t.stop()) }()
	if err := t.start(ctx, fail); err != nil {
		return err
	}
	var weighed Trial
	if err := t.idle(ctx, &weighed); err != nil {
		return err
	}
	if err := t.fleet.hear(ctx, t.source); err != nil {
		return err
	}
	if _, err := t.fleet.ask(ctx, swarmCommand{Do: doBegin}); err != nil {
		return err
	}
	before, err := t.usage()
	if err == nil {
		err = t.source.play(ctx, k.Ticks, checkRate)
	}
	if err != nil {
		return err
	}
	var w Window
	if err := t.drained(ctx, &w); err != nil {
		return err
	}
	after, err := t.usage()
	if err != nil {
		return err
	}
	end, err := t.fleet.ask(ctx, swarmCommand{Do: doEnd})
	if err != nil {
		return err
	}
	k.Real = VirtualSide{Frames: end.Tally.Frames, Digest: end.Tally.Digest,
		Faults: end.Tally.Faults, Left: w.Undelivered, Bytes: weighed.Idle.PerStream.User}
	used := after.since(before)
	outside := used.Total * ratio(used.User, used.User+used.System)
	k.Real.Ns = ratio(outside*1e9, float64(k.Real.Frames))
	return nil
}
