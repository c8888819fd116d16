package feed

import (
	"sync/atomic"
	"time"

	"azira/proto"
)

// A Status is what is known of one endpoint at a moment.
type Status struct {
	Endpoint  string
	Connected bool
	LastTick  int64         // Unix µs, ingress; 0 = none yet
	Quiet     time.Duration // since the last tick, whoever sets the wall clock
	Ticks     uint64        // good ones, handed to the sink
	Bytes     uint64        // read from the socket
	Connects  uint64        // handshakes that succeeded
	Bad       map[string]uint64
}

// A State is the feed as clients are told of it.
type State string

const (
	Live  State = "live"  // ticks come
	Stale State = "stale" // connected, but no tick for a while
	Down  State = "down"  // not connected
)

// StateOf is the state of the worst endpoint; without endpoints the feed is down.
func StateOf(all []Status, staleAfter time.Duration) State {
	state := Live
	if len(all) == 0 {
		state = Down
	}
	for i := range all {
		switch {
		case !all[i].Connected:
			return Down
		case all[i].Quiet > staleAfter:
			state = Stale
		}
	}
	return state
}

// reasons names why messages are dropped, for metrics; the order is that of badCounts.
var reasons = [...]struct {
	err  error
	name string
}{
	{proto.ErrNoSeparator, "no_separator"},
	{proto.ErrTopicTooLong, "topic_too_long"},
	{proto.ErrTopicName, "topic_name"},
	{proto.ErrTooLarge, "too_large"},
	{proto.ErrNotUTF8, "not_utf8"},
	{proto.ErrNotObject, "not_object"},
	{ErrFrames, "frames"},
}

// badCounts counts dropped messages by reason.
type badCounts [len(reasons)]atomic.Uint64

func (b *badCounts) add(err error) {
	for i := range reasons {
		if reasons[i].err == err {
			b[i].Add(1)
			return
		}
	}
	panic("feed: bad message without a reason: " + err.Error())
}

// load has every reason, those at 0 too.
func (b *badCounts) load() map[string]uint64 {
	m := make(map[string]uint64, len(b))
	for i := range b {
		m[reasons[i].name] = b[i].Load()
	}
	return m
}
