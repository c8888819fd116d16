package engine

// A Feed is the state of the feed, as clients are told of it.
type Feed uint32

// The states of the feed.
const (
	FeedDown  Feed = iota // not connected
	FeedStale             // connected, but silent for a while
	FeedLive
)

// String is the state as it is on the wire.
func (f Feed) String() string { return [...]string{"down", "stale", "live"}[f] }

// SetFeed tells the state of the feed. When it changed, every typed stream is told by
// a heartbeat at once. Any goroutine.
func (e *Engine) SetFeed(f Feed) {
	if e.feed.Swap(uint32(f)) == uint32(f) {
		return
	}
	for _, l := range e.loops {
		l.poke()
	}
}
