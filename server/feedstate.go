package server

import (
	"context"
	"time"

	"azira/engine"
	"azira/feed"
)

// feedLook is between two looks at the feed: a change is told to clients so much
// later at most.
const feedLook = 50 * time.Millisecond

var feedStates = map[feed.State]engine.Feed{
	feed.Live: engine.FeedLive, feed.Stale: engine.FeedStale, feed.Down: engine.FeedDown,
}

// watchFeed tells the engine the state of the feed until ctx ends.
func (s *server) watchFeed(ctx context.Context) {
	all := make([]feed.Status, len(s.feeds))
	every(ctx, feedLook, func() {
		for i, f := range s.feeds {
			all[i] = f.Liveness()
		}
		s.engine.SetFeed(feedStates[feed.StateOf(all, s.config.StaleAfter)])
	})
}
