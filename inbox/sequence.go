package inbox

import (
	"context"
)

// A job is a change that waits for the sequencer.
type job struct {
	do    func(*round) error
	lazy  bool        // need not be on the disk at once; nobody waits for it
	after func(error) // called when it is done or has failed; may be nil

	// The outcome, valid when done is closed.
	id   uint64
	err  error
	done chan struct{}
}

func newJob() *job { return &job{done: make(chan struct{})} }

// run has a job done and waits for it. When ctx ends first, it may be done still.
func (s *Service) run(ctx context.Context, j *job) error {
	select {
	case s.jobs <- j:
	case <-ctx.Done():
		return ErrBusy
	case <-s.closing:
		return ErrClosed
	}
	select {
	case <-j.done:
		return j.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// later has a job done some time; false if too many wait.
func (s *Service) later(j *job) bool {
	j.lazy = true
	select {
	case s.jobs <- j:
		return true
	default:
		return false
	}
}

// sequence does all changes, one after the other, so that ids become visible in their
// order. What waits shares a commit.
func (s *Service) sequence() {
	for {
		select {
		case j := <-s.jobs:
			s.commit(j)
		case <-s.closing:
			for {
				select {
				case j := <-s.jobs:
					s.commit(j)
				default:
					return
				}
			}
		}
	}
}
