package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// A fleet is clients of one server, or of several, in as many swarms as they
// need. It belongs to one goroutine.
type fleet struct {
	dir    string // logs
	swarms []*worker
}

// A worker is one swarm's process and its part of the clients.
type worker struct {
	*process
	results *bufio.Reader
	setup   swarmLoad
	room    int // clients of it at most
	clients int
}

// A fleetPlan says what a fleet is to be.
type fleetPlan struct {
	executable string
	clients    int // at most
	cores      cores
	setups     []swarmLoad // for each server
}

// startFleet starts processes; grow opens streams.
func startFleet(p fleetPlan, ended func(error)) (*fleet, error) {
	dir, err := os.MkdirTemp("", "azira-bench-")
	if err != nil {
		return nil, fmt.Errorf("make directory: %w", err)
	}
	f := &fleet{dir: dir}
	n := max((p.clients+swarmStreams-1)/swarmStreams, len(p.setups))
	n = (n + len(p.setups) - 1) / len(p.setups) * len(p.setups) // as many for each server
	first := 0
	for i := range n {
		w := &worker{setup: p.setups[i%len(p.setups)], room: (p.clients + n - 1) / n}
		w.setup.First, w.setup.Source = first, byte(1+i)
		first += (p.clients + i) / n // as many as grow gives it in the end
		w.process, err = startProcess("clients", launch{path: p.executable,
			args: []string{"bench", "swarm"}, cores: p.cores, procs: swarmProcs,
			log: filepath.Join(dir, fmt.Sprintf("swarm%d.log", i))})
		if err != nil {
			return nil, errors.Join(err, f.close())
		}
		w.results = bufio.NewReader(w.stdout)
		w.watch(ended)
		f.swarms = append(f.swarms, w)
	}
	return f, nil
}

// grow opens streams until there are n, spread over the swarms.
func (f *fleet) grow(ctx context.Context, n int) error {
	_, err := f.each(ctx, func(i int, w *worker) swarmCommand {
		c := swarmCommand{Do: doOpen, Clients: (n + i) / len(f.swarms)}
		if w.clients == 0 {
			c.Setup = &w.setup
		}
		w.clients = c.Clients
		return c
	})
	return err
}

// ask sends all swarms the same command.
func (f *fleet) ask(ctx context.Context, c swarmCommand) (swarmResult, error) {
	return f.each(ctx, func(int, *worker) swarmCommand { return c })
}

// each sends commands to all swarms at once and adds their results up.
func (f *fleet) each(ctx context.Context, command func(i int, w *worker) swarmCommand) (
	swarmResult, error) {
	var all swarmResult
	var errs []error
	var mu sync.Mutex
	var asking sync.WaitGroup
	for i, w := range f.swarms {
		c := command(i, w)
		asking.Go(func() {
			r, err := w.ask(c)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				errs = append(errs, err)
			}
			all.add(&r)
		})
	}
	done := make(chan struct{})
	go func() { asking.Wait(); close(done) }()
	select {
	case <-done:
		return all, errors.Join(errs...)
	case <-ctx.Done(): // a worker that does not answer ends with the fleet
		return swarmResult{}, context.Cause(ctx)
	}
}

func (w *worker) ask(c swarmCommand) (r swarmResult, err error) {
	line, err := json.Marshal(c)
	if err != nil {
		return r, fmt.Errorf("write command: %w", err)
	}
	if _, err := w.stdin.Write(append(line, '\n')); err != nil {
		return r, fmt.Errorf("%w: clients: %w%s", errEnded, err, w.logTail())
	}
	line, err = w.results.ReadBytes('\n')
	if err != nil {
		return r, fmt.Errorf("%w: clients: %w%s", errEnded, err, w.logTail())
	}
	if err := json.Unmarshal(line, &r); err != nil {
		return r, fmt.Errorf("read result: %w", err)
	}
	if r.Error != "" {
		return r, fmt.Errorf("clients: %s", r.Error)
	}
	return r, nil
}

func (r *swarmResult) add(o *swarmResult) {
	r.Left += o.Left
	if o.Tally != nil {
		if r.Tally == nil {
			r.Tally = &Tally{}
		}
		r.Tally.add(o.Tally)
	}
	if o.Back != nil {
		if r.Back == nil {
			r.Back = &back{}
		}
		r.Back.add(o.Back)
	}
}

// hear has a source publish each token until every client has seen all of its own.
func (f *fleet) hear(ctx context.Context, s *source) error {
	var err error
	due := 0
	for _, w := range f.swarms {
		due += w.clients * s.picker.Tokens
	}
	limit := hearTimeout + time.Duration(due)*hearEach
	for range hearRounds {
		s.all()
		for end := time.Now().Add(limit); time.Now().Before(end); {
			var r swarmResult
			if r, err = f.ask(ctx, swarmCommand{Do: doHeard}); err != nil || r.Left == 0 {
				return err
			}
			err = fmt.Errorf("%w for the first ticks: %d of them did not come", errLate, r.Left)
			if err := pause(ctx, pollEvery); err != nil {
				return err
			}
		}
	}
	return err
}

// close ends all clients.
func (f *fleet) close() error {
	var all []*process
	for _, w := range f.swarms {
		all = append(all, w.process)
	}
	return errors.Join(terminateAll(all), os.RemoveAll(f.dir))
}
