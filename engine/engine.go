// Package engine fans ticks out to WebSocket streams: rings in, sockets out.
//
//	Publisher ──▶ shard: ring of framed ticks ──▶ loop ──▶ sockets
//	(per endpoint)  (one or more)                 (per core)
//
// A tick is framed once, into the ring of its token's shard. Each loop drains
// the rings in turns, notes which of its cohorts (connections with the same set
// of tokens) a tick is due to, and gives each member its frames of the turn in
// one write, from ring memory or gathered. A socket that does not take all is
// parked on its place in the ring: no connection has a queue.
//
// Whoever accepts sockets hands them over with Attach, after the upgrade; from
// then on the engine alone reads, writes and closes them.
package engine

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"azira/proto"
	"azira/ring"
)

var (
	errStopped    = errors.New("engine: stopped")
	errSilent     = errors.New("engine: a loop does not respond")
	errDescriptor = errors.New("engine: descriptor out of range")
)

// clockStart is what the engine's clock begins with, in seconds, so that times
// before the start are no trouble.
const clockStart = 1 << 10

// An Engine is a set of loops and the rings they read from.
type Engine struct {
	// Fixed after New.
	o       Options
	epoch   time.Time // when the clock showed clockStart
	shards  []*shard
	loops   []*loop
	tokens  *tokens
	stopped chan struct{}
	running sync.WaitGroup
	renewal chan renewal

	// Shared.
	lanes    lanes
	feed     atomic.Uint32 // a Feed
	newest   atomic.Int64  // ingress of the newest tick, Unix µs; 0 = none yet
	clock    atomic.Uint32 // seconds
	draining atomic.Bool
	failed   atomic.Bool
	ended    atomic.Bool
	unplaced atomic.Uint64 // ticks of tokens beyond TokensMax
	holes    atomic.Uint64 // ticks that the feed's own numbers say are missing
	guestMu  sync.Mutex
	guests   []*ring.Reader // by shard, for questions from outside; under guestMu
}

// A Stream is a socket to be served, and what is known of it.
type Stream struct {
	Owner   Owner
	Kind    Kind
	Early   []byte    // what was read past the handshake
	Expires time.Time // when its bearer ends; zero = not known
	Tokens  int       // it may hold at most; 0 = TokensPerStream
	Refuse  *Refusal  // end it at once with this
	Sealer  Sealer    // its TLS session; nil = it has none

	// For the typed dialects.
	ID          string
	Username    string
	Connections int           // most its account may have; 0 = any number
	Beat        time.Duration // between heartbeats; 0 = BeatEvery
}

// A Refusal is a close code and its reason.
type Refusal struct {
	Code   int
	Reason string
}

// New starts an engine.
func New(o Options) (*Engine, error) {
	if err := o.fill(); err != nil {
		return nil, err
	}
	e := &Engine{
		o:       o,
		epoch:   time.Now(),
		tokens:  newTokens(o.TokensMax),
		stopped: make(chan struct{}),
		renewal: make(chan renewal, renewalsMax),
	}
	e.clock.Store(clockStart)
	e.lanes.resumeS.Store(resumeMax)
	for range o.Shards {
		s, err := e.newShard()
		if err != nil {
			return nil, err
		}
		e.shards = append(e.shards, s)
		e.guests = append(e.guests, s.ring.Reader(o.Loops))
	}
	for id := range o.Loops {
		l, err := newLoop(e, id)
		if err != nil {
			return nil, err
		}
		l.now = clockStart
		e.loops = append(e.loops, l)
		// Publishers and closers may wake a loop that has ended, so descriptors
		// live as long as anybody can reach the engine.
		runtime.AddCleanup(e, (*poller).close, l.poller)
	}
	for _, l := range e.loops {
		e.running.Go(l.run)
	}
	e.running.Go(e.keepTime)
	e.running.Go(e.renew)
	return e, nil
}

func (e *Engine) newShard() (*shard, error) {
	r, w, err := ring.New(ring.Options{
		Slots: e.o.RingBytes / slotBytes, Bytes: laneBytes(e.o.RingBytes),
		Readers: e.o.Loops + 1, Tokens: e.o.TokensMax,
	})
	if err != nil {
		return nil, fmt.Errorf("make ring: %w", err)
	}
	s := &shard{e: e, ring: r, w: w}
	s.put = s.publish
	return s, nil
}

// keepTime drives the loops' wheels, once a second.
func (e *Engine) keepTime() {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		select {
		case <-e.stopped:
			return
		case <-t.C:
			e.clock.Store(clockStart + uint32(time.Since(e.epoch)/time.Second))
			e.lanes.tick(e)
			for _, l := range e.loops {
				l.poke()
			}
		}
	}
}

// second returns when t is on the engine's clock, rounded up; 0 for no time at all.
func (e *Engine) second(t time.Time) uint32 {
	if t.IsZero() {
		return 0
	}
	return clockStart + max(1, seconds(max(0, t.Sub(e.epoch))))
}

// tenth is the tenth of a second that it is on the engine's clock.
func (e *Engine) tenth() uint32 {
	return uint32(time.Since(e.epoch) / (100 * time.Millisecond))
}

// unix returns a second of the engine's clock as Unix time.
func (e *Engine) unix(second uint32) int64 { return e.epoch.Unix() + int64(second) - clockStart }

func (e *Engine) shardOf(id uint32) int { return int(id & uint32(len(e.shards)-1)) }

// Publisher returns a way in for one endpoint.
func (e *Engine) Publisher() *Publisher {
	return &Publisher{e: e, queues: make([]*ring.Queue, len(e.shards))}
}

// Attach takes a connected and upgraded socket over. On an error it is closed,
// and its owner told nothing. Any goroutine.
func (e *Engine) Attach(fd int, s Stream) (err error) {
	if fd >= 1<<handleFdBits {
		err = errDescriptor
	} else if e.o.Null == nil {
		err = unix.SetNonblock(fd, true)
	}
	if l := e.emptiest(); err == nil && (l == nil || !l.arrive(fd, s)) {
		err = errStopped
	}
	if err != nil {
		if e.o.Null == nil {
			_ = unix.Close(fd)
		}
		return fmt.Errorf("attach: %w", err)
	}
	return nil
}

// emptiest returns the loop with the fewest connections, nil if none runs.
func (e *Engine) emptiest() (least *loop) {
	for _, l := range e.loops {
		if !l.ended.Load() && (least == nil || l.load.Load() < least.load.Load()) {
			least = l
		}
	}
	return least
}

// Close ends a stream with a close frame. A handle of a stream that has ended
// already does nothing. Any goroutine.
func (e *Engine) Close(handle uint64, code int, reason string) {
	l := e.loopOf(handle)
	_ = l.do(func() { // a loop that has ended has no streams
		if c := l.at(handle); c != nil {
			l.shut(c, code, reason)
		}
	})
}

// Streams returns the number of streams, those being closed counted in.
func (e *Engine) Streams() (n int) {
	for _, l := range e.loops {
		n += int(l.load.Load())
	}
	return n
}

// A Tick is the last tick of a token. Seq is 0 for one of an earlier run.
type Tick struct {
	Token string
	Seq   uint64
	TS    int64  // ingress, Unix µs
	Data  []byte // the publisher's JSON
}

// TokenCount returns how many tokens are known.
func (e *Engine) TokenCount() int { return int(e.tokens.count.Load()) }

// Tokens returns the names of all tokens known, in the order in which they
// became so.
func (e *Engine) Tokens() []string {
	names := make([]string, e.TokenCount())
	for id := range names {
		names[id] = e.tokens.name(uint32(id))
	}
	return names
}

// Last returns a token's last tick, if it is known and has one. Any goroutine.
func (e *Engine) Last(name string) (Tick, bool) {
	id, ok := e.tokens.find([]byte(name))
	if !ok {
		return Tick{}, false
	}
	e.guestMu.Lock()
	defer e.guestMu.Unlock()
	rd := e.guests[e.shardOf(id)]
	defer rd.Unpin()
	v, ok := rd.Newest(id)
	if !ok {
		return Tick{}, false
	}
	data := append([]byte(nil), proto.Payload(v.Frame)...)
	return Tick{Token: name, Seq: v.Seq, TS: v.TS, Data: data}, true
}

// Known says whether a token is known. Any goroutine.
func (e *Engine) Known(name string) bool {
	_, ok := e.tokens.find([]byte(name))
	return ok
}

// Restore makes a token of an earlier run known, with its last tick if data is
// not empty. It is for the time before the first publisher.
func (e *Engine) Restore(name string, ts int64, data []byte) error {
	id, err := e.tokens.add([]byte(name))
	if err != nil {
		return fmt.Errorf("restore %q: %w", name, err)
	}
	if len(data) == 0 {
		return nil
	}
	s := e.shards[e.shardOf(id)]
	for !s.held.CompareAndSwap(false, true) {
		time.Sleep(time.Millisecond)
	}
	s.w.Restore(id, ts, proto.AppendFrame(nil, proto.OpText, data))
	s.leave()
	return nil
}
