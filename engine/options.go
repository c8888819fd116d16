package engine

import (
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"time"
)

// Options are an engine's measures; zero means the default named beside each.
type Options struct {
	Loops           int           // GOMAXPROCS
	Shards          int           // one for every four loops; a power of two
	RingBytes       int           // memory of each shard's frames, 64 MiB; a power of two
	TokensMax       int           // tokens known at most, 100,000
	TokensPerStream int           // 3,000
	MaxLagBytes     int           // of frames a slow stream may be behind, 1 MiB
	BatchWindow     time.Duration // between turns of a busy loop, 5 ms; negative = none
	PingEvery       time.Duration // 25 s
	DeadAfter       time.Duration // without a byte received or confirmed, 50 s
	RequestWithin   time.Duration // from a request's first byte to its last, 10 s
	RequestBytes    int           // of a request that is no subscribe, 4 KiB
	SubscribeBytes  int           // of a subscribe, 128 KiB
	PartialBytes    int           // of incomplete requests and unread answers, per loop, 16 MiB

	RequestsPerSecond int // of one stream, 10
	RequestsBurst     int // 50
	RefusedMax        int // requests refused in a row before the stream is flooding, 500

	StallTimeout  time.Duration // without a byte taken, 60 s; negative = never
	BeatEvery     time.Duration // between heartbeats of typed streams, 5 s
	CloseOnExpiry bool          // end a stream when its bearer ends
	Auth          Authenticator // renews bearers; none
	FeedSeqField  string        // of ticks: the feed's own number of each token's; none
	Logger        *slog.Logger  // none

	// Null, if not nil, takes all that streams are sent, on their loop, in place of
	// sockets: what Attach is given is then a number, and not opened or closed. So
	// the engine can be measured without the kernel.
	Null func(fd int, p []byte)
}

// fill puts defaults in and refuses what makes no sense.
func (o *Options) fill() error {
	number := func(n *int, def int) {
		if *n == 0 {
			*n = def
		}
	}
	duration := func(d *time.Duration, def time.Duration) {
		if *d == 0 {
			*d = def
		}
	}
	number(&o.Loops, runtime.GOMAXPROCS(0))
	number(&o.Shards, defaultShards(o.Loops))
	number(&o.RingBytes, 64<<20)
	number(&o.TokensMax, 100_000)
	number(&o.TokensPerStream, 3000)
	number(&o.MaxLagBytes, 1<<20)
	number(&o.RequestBytes, 4<<10)
	number(&o.SubscribeBytes, 128<<10)
	number(&o.PartialBytes, 16<<20)
	number(&o.RequestsPerSecond, 10)
	number(&o.RequestsBurst, 50)
	number(&o.RefusedMax, 500)
	duration(&o.BatchWindow, 5*time.Millisecond)
	duration(&o.PingEvery, 25*time.Second)
	duration(&o.DeadAfter, 50*time.Second)
	duration(&o.RequestWithin, 10*time.Second)
	duration(&o.StallTimeout, 60*time.Second)
	duration(&o.BeatEvery, 5*time.Second)
	if o.Logger == nil {
		o.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	switch {
	case o.Loops < 1 || o.Loops > loopsMax:
		return fmt.Errorf("engine: loops must be 1 to %d, not %d", loopsMax, o.Loops)
	case o.Shards < 1 || o.Shards&(o.Shards-1) != 0:
		return fmt.Errorf("engine: shards must be a power of two, not %d", o.Shards)
	case o.RingBytes < ringMin || o.RingBytes&(o.RingBytes-1) != 0:
		return fmt.Errorf("engine: ring bytes must be a power of two of at least %d, not %d",
			ringMin, o.RingBytes)
	case o.TokensMax < 1 || o.TokensPerStream < 1 || o.MaxLagBytes < 1:
		return fmt.Errorf("engine: limits of tokens and lag must be positive")
	case o.RequestBytes < 1 || o.SubscribeBytes < o.RequestBytes || o.PartialBytes < 1:
		return fmt.Errorf("engine: limits of requests must be positive, a subscribe's the greater")
	case o.RequestsPerSecond < 1 || o.RequestsBurst < 1 || o.RequestsBurst > burstMax ||
		o.RefusedMax < 1 || o.RefusedMax > refusalsMax:
		return fmt.Errorf("engine: rates of requests must be 1 or more, bursts up to %d", burstMax)
	case o.BeatEvery < BeatMin || o.BeatEvery > BeatMax:
		return fmt.Errorf("engine: heartbeats must be %v to %v apart, not %v",
			BeatMin, BeatMax, o.BeatEvery)
	case o.PingEvery < time.Second || o.DeadAfter < o.PingEvery:
		return fmt.Errorf("engine: pings must be a second apart or more, death not before a ping")
	}
	return nil
}

// defaultShards is one writer for every four loops: more shards mean more
// publishing at once, but shorter runs of frames.
func defaultShards(loops int) int {
	shards := 1
	for shards*4 < loops {
		shards *= 2
	}
	return shards
}
