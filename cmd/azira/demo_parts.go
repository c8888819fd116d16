package main

import "context"

// A fate is shared by the parts of the demo: when one ends by itself, all do.
type fate struct {
	cancel context.CancelFunc
	why    chan error // of a place for each part
}

// ended notes that a part did, with err or else with what.
func (ft *fate) ended(what, err error) {
	if err == nil {
		err = what
	}
	ft.why <- err
	ft.cancel()
}

// of is why the first part ended; err if none did.
func (ft *fate) of(err error) error {
	select {
	case why := <-ft.why:
		return why
	default:
		return err
	}
}

// A part is something that runs until it is stopped.
type part struct {
	cancel context.CancelFunc
	done   chan error // of one place
}

// startPart runs run. When that ends before it is stopped, ended is told.
func startPart(run func(context.Context) error, ended func(error)) *part {
	ctx, cancel := context.WithCancel(context.Background())
	p := &part{cancel: cancel, done: make(chan error, 1)}
	go func() {
		err := run(ctx)
		if ctx.Err() == nil {
			ended(err)
			err = nil // told already
		}
		p.done <- err
	}()
	return p
}

func (p *part) stop() error {
	p.cancel()
	return <-p.done
}
