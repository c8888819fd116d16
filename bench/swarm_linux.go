package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// A swarm is a worker process: a herd, and the commands that it follows.
type swarm struct {
	herd   *herd
	out    *json.Encoder
	events []unix.EpollEvent
	until  func() bool // of the command in progress; nil is none
	done   func() swarmResult
	limit  time.Time // for it
}

// RunSwarm follows the commands of a coordinator, one line each, until there are
// no more or ctx ends.
func RunSwarm(ctx context.Context, in io.Reader, out io.Writer) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	commands, failed := make(chan swarmCommand), make(chan error, 1)
	go func() { failed <- readCommands(ctx, in, commands) }()
	s := &swarm{out: json.NewEncoder(out), events: make([]unix.EpollEvent, swarmEvents)}
	defer func() {
		if s.herd != nil {
			s.herd.close()
		}
	}()
	for {
		c, more, err := s.next(ctx, commands)
		if err != nil {
			return err
		}
		if !more {
			break
		}
		if c.Do != "" {
			if err := s.begin(c); err != nil {
				return err
			}
		}
		if err := s.step(); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return nil
	}
	return <-failed
}

// next is the next command, or none if there is something to go on with.
func (s *swarm) next(ctx context.Context, commands <-chan swarmCommand) (
	c swarmCommand, more bool, err error) {
	if s.herd == nil {
		select {
		case c, more = <-commands:
		case <-ctx.Done():
		}
		return c, more, nil
	}
	select {
	case c, more = <-commands:
		return c, more, nil
	case <-ctx.Done():
		return c, false, nil
	default:
		return c, true, s.herd.turn(s.events, swarmWait)
	}
}

// step sees whether the command in progress is done, and says so.
func (s *swarm) step() error {
	if s.until == nil {
		return nil
	}
	var r swarmResult
	switch {
	case s.herd.failed != nil:
		r.Error = s.herd.failed.Error()
		s.herd.failed = nil
	case s.until():
		r = s.done()
	case time.Now().After(s.limit):
		r.Error = errLate.Error()
	default:
		return nil
	}
	s.until = nil
	return s.out.Encode(r)
}

// begin starts on a command; most are done at once.
func (s *swarm) begin(c swarmCommand) error {
	r, err := s.follow(c)
	switch {
	case err != nil:
		return s.out.Encode(swarmResult{Error: err.Error()})
	case s.until != nil:
		return nil
	}
	return s.out.Encode(r)
}

func (s *swarm) follow(c swarmCommand) (r swarmResult, err error) {
	if s.herd == nil {
		if c.Do != doOpen || c.Setup == nil {
			return r, fmt.Errorf("%w: %q before the setup", ErrConfig, c.Do)
		}
		if s.herd, err = newHerd(*c.Setup); err != nil {
			return r, err
		}
	}
	h := s.herd
	switch c.Do {
	case doOpen:
		h.grow(c.Clients)
		limit := openTimeout + time.Duration(c.Clients/openRateMin)*time.Second
		s.await(limit, h.opened, func() swarmResult { return swarmResult{} })
	case doHeard:
		r.Left = h.unheard()
	case doBegin:
		h.begin(h.members)
		h.returned, h.refused = histogram{}, 0
		h.began, h.cpu = time.Now(), ownCPU()
	case doEnd:
		r.Tally = h.end(h.members)
		r.Tally.Seconds = time.Since(h.began).Seconds()
		r.Tally.CPU = (ownCPU() - h.cpu).Seconds()
		r.Tally.Busiest = ratio(r.Tally.CPU, r.Tally.Seconds)
		r.Back = h.back()
	case doFinal:
		r.Left = h.left(h.members, c.Last)
	case doSlow:
		err = h.slow(c.Share, c.Rate)
	case doHealed:
		err = h.healed()
	case doAgain:
		r.Left = h.silent()
	case doChurn:
		h.beginChurn(c.Rate)
	case doStorm:
		h.begin(h.members)
		h.storm()
		s.await(stormTimeout, func() bool { return h.waiting == 0 || time.Now().After(s.limit) },
			func() swarmResult { return swarmResult{Back: h.afterStorm()} })
	default:
		err = fmt.Errorf("%w: unknown command %q", ErrConfig, c.Do)
	}
	return r, err
}

func (s *swarm) await(limit time.Duration, until func() bool, done func() swarmResult) {
	s.until, s.done, s.limit = until, done, time.Now().Add(limit)
}
