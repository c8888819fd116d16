package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"azira/feed"
)

// subscribe hands every tick of the feed to sink until ctx ends: by Azira's own
// subscriber, so that intake costs every peer in Go what it costs Azira.
func subscribe(ctx context.Context, o options, sink feed.Sink) error {
	log := slog.New(slog.NewTextHandler(o.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	err := feed.NewSubscriber(o.Feed, sink, feed.SubscriberOptions{Logger: log}).Run(ctx)
	if err != nil {
		return fmt.Errorf("subscribe to feed: %w", err)
	}
	return nil
}

// A tally is what a peer did, told at its end. It belongs to one goroutine.
type tally struct {
	ticks     uint64 // read from the feed
	delivered uint64 // given to a client's queue or socket
	dropped   uint64 // due to a client that could not take it
}

func (t tally) tell(w io.Writer, name string) {
	fmt.Fprintf(w, "peers: %s: ticks=%d delivered=%d dropped=%d\n",
		name, t.ticks, t.delivered, t.dropped)
}
