package server

import (
	"context"
	"log/slog"
	"time"
)

// A room tells the log, once, that there are no descriptors for more streams, and once
// that there are again. Callers are told each time; readyz and the metrics say it too.
type room struct {
	// Fixed.
	trouble func() string // why none are taken; empty if they are
	log     *slog.Logger

	// Owned by run.
	full bool
}

const roomLook = time.Second

// run looks until ctx ends.
func (r *room) run(ctx context.Context) { every(ctx, roomLook, r.look) }

func (r *room) look() {
	why := r.trouble()
	switch was := r.full; {
	case why != "" && !was:
		r.log.Error("new streams are refused", "reason", why)
	case why == "" && was:
		r.log.Info("there is room for streams again")
	}
	r.full = why != ""
}

// watchRoom has the log told of the budget.
func (s *server) watchRoom() {
	ctx, cancel := context.WithCancel(context.Background())
	s.endRoom = cancel
	r := &room{trouble: s.public.budget.trouble, log: s.log}
	s.running.Go(func() { r.run(ctx) })
}
