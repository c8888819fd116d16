package engine

import (
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	"azira/proto"
	"azira/ring"
)

// A loop serves its connections on one goroutine: it reads their requests, and
// in turns gives them what the rings hold.
//
//	woken ▶ turn: settle changed sets ▶ drain rings ▶ fan out ▶ serve again
//	ready ▶ read requests, or catch up with the ring
type loop struct {
	// Fixed after newLoop.
	e       *Engine
	id      int
	poller  *poller
	readers []*ring.Reader // by shard
	log     *slog.Logger
	null    func(fd int, p []byte) // in place of sockets; nil = there are sockets

	// Owned by the loop.
	now      uint32   // seconds of the engine's clock
	ms       int64    // since the engine's start, at the beginning of the turn
	wakeAt   int64    // ms at which the alarm is set to go off; never
	turns    uint64   // turns so far
	hops     int      // that are left in this turn for walking chains back
	cursor   []uint64 // by shard: the next record to drain
	start    []uint64 // by shard: where this turn began
	conns    []*conn  // by descriptor
	seals    []sealed // by descriptor, up to the greatest that has one
	serial   uint32   // of the last connection
	tokens   []interest
	again    []*conn  // to be served in the next turn
	spare    []*conn  // memory for again
	changed  []*conn  // whose sets are to be settled
	partial  int      // bytes of incomplete requests
	idle     *inbound // memory for a connection's in
	wheel    wheel
	beats    beatWheel
	pace     pace
	cohorts  cohorts
	typed    int      // cohorts of the typed dialects
	rated    []uint32 // cohorts that hold something back
	merge    []uint32 // cohorts that may have a twin
	requests proto.RequestParser
	drained  drain
	fan      fan
	latency  latencies
	scratch  scratch

	nextWindow int64 // ms when the first window of rated ends; never

	// Shared with publishers and control.
	woken    atomic.Bool
	ended    atomic.Bool // nobody may arrive
	arrivals arrivals
	load     atomic.Int64 // connections, those on their way here counted in
	stats    loopStats
}

// scratch is memory that every connection's work uses in turn.
type scratch struct {
	in     []byte   // read from a socket
	out    []byte   // gathered for a write
	ids    []uint32 // of a request's tokens
	mark   []uint32 // by token: its index in a set + 1
	piece  []piece  // of what is being sent to one connection
	missed []piece  // found by chains
	one    []byte   // the payload of a frame
	sealed []byte   // records
	plain  []byte   // what records carried
	record proto.Record
}

// never is a time that does not come.
const never = int64(1) << 62

func newLoop(e *Engine, id int) (*loop, error) {
	p, err := openPoller()
	if err != nil {
		return nil, err
	}
	l := &loop{e: e, id: id, poller: p, log: e.o.Logger, null: e.o.Null}
	l.nextWindow, l.wakeAt = never, never
	l.cohorts.init()
	l.scratch.in = make([]byte, readBytesMax)
	for _, s := range e.shards {
		l.readers = append(l.readers, s.ring.Reader(id))
		l.cursor = append(l.cursor, s.ring.Head())
	}
	l.start = make([]uint64, len(l.cursor))
	return l, nil
}

// run serves until the poller is stopped, then drops what is left.
func (l *loop) run() {
	err := l.poller.run(
		func() { l.guard(nil, l.rung) },
		func() { l.guard(nil, l.alarmed) },
		func(fd int, r readiness) {
			if c := l.byFd(fd); c != nil {
				l.guard(c, func() { l.ready(c, r) })
			}
		})
	if err != nil {
		l.log.Error("a loop has ended", "loop", l.id, "error", err)
		l.e.failed.Store(true)
	}
	l.ended.Store(true)
	l.guard(nil, l.shutDoor)
}

// guard runs f; a panic is counted and costs the connection in hand, no other.
func (l *loop) guard(c *conn, f func()) {
	defer func() {
		if r := recover(); r != nil {
			l.panicked(r)
			l.reset()
			if c != nil && c.state != gone {
				l.drop(c, proto.CloseInternal)
			}
		}
	}()
	f()
}

func (l *loop) panicked(r any) {
	l.stats.panics.Add(1)
	l.log.Error("a loop panicked", "loop", l.id,
		"panic", fmt.Sprint(r), "stack", string(debug.Stack()))
}

// do runs f on the loop. Any goroutine.
func (l *loop) do(f func()) error {
	return l.poller.do(func() { l.guard(nil, f) })
}

// reset forgets what a turn or a replay had noted when it broke off.
func (l *loop) reset() {
	l.unpin()
	clear(l.scratch.mark)
	for i := range l.cohorts.heat {
		l.cohorts.heat[i].done()
	}
}

// poke makes the loop take a turn soon. Any goroutine; it allocates nothing and
// wakes at most once per turn.
func (l *loop) poke() {
	if !l.woken.Load() && l.woken.CompareAndSwap(false, true) {
		l.poller.wake()
	}
}

// rung takes a turn, now or when the loop's pace says. Until then nobody rings
// again, and sockets are served.
func (l *loop) rung() {
	d := l.pace.wait(time.Now, l.e.o.BatchWindow)
	if d > 0 && l.alarm(time.Since(l.e.epoch)+d) {
		return
	}
	l.turn()
}

// alarm has a turn begin at a time on the engine's clock, or before; false if none
// can be set.
func (l *loop) alarm(at time.Duration) bool {
	ms := int64((at + time.Millisecond - 1) / time.Millisecond)
	if ms >= l.wakeAt {
		return true
	}
	if l.poller.after(max(at-time.Since(l.e.epoch), time.Microsecond)) != nil {
		return false
	}
	l.wakeAt = ms
	return true
}

// alarmed takes the turn that an alarm was set for.
func (l *loop) alarmed() {
	l.wakeAt = never
	l.turn()
}

// alarmNext sets the alarm for the next heartbeat or the end of a window.
func (l *loop) alarmNext() {
	if l.typed == 0 {
		return
	}
	ms := min(l.nextWindow, (l.ms/beatTick.Milliseconds()+1)*beatTick.Milliseconds())
	l.alarm(time.Duration(ms) * time.Millisecond)
}

// turn gives every connection what the rings hold for it.
func (l *loop) turn() {
	l.woken.Store(false) // before draining, so that no wake is missed
	l.turns++
	l.hops = hopsPerTurn
	began := time.Now()
	l.pace.begin(began)
	l.ms = began.Sub(l.e.epoch).Milliseconds()
	if now := l.e.clock.Load(); now != l.now {
		l.tick(now)
	}
	l.welcome()
	l.settle()
	more := l.drain()
	if more {
		l.poke()
	}
	l.fanOut()
	l.measure()
	l.unpin()
	l.serveAgain()
	l.alarmNext()
	l.stats.turned(l.pace.end(time.Now(), more))
}

// ready serves a socket's news.
func (l *loop) ready(c *conn, r readiness) {
	if r.ended || r.broken {
		r = confirm(int(c.fd), r)
	}
	c.ended = c.ended || r.ended
	switch {
	case r.broken, c.ended && c.parked != nil && c.state == open:
		l.drop(c, proto.CloseAbnormal) // who reads nothing and has ended is gone
		return
	case r.write && c.parked != nil:
		began := time.Now()
		l.catchUp(c)
		l.stats.turned(time.Since(began))
	}
	if r.read && c.state != gone {
		c.readable = true
		l.read(c)
	}
}

// serve puts a connection off to the next turn.
func (l *loop) serve(c *conn) {
	if !c.queued {
		c.queued = true
		l.again = append(l.again, c)
		l.poke()
	}
}

// serveAgain serves those who were put off: once, they may be put off again.
func (l *loop) serveAgain() {
	now := l.again
	l.again = l.spare[:0]
	for _, c := range now {
		c.queued = false
		if c.doomed {
			l.drop(c, proto.CloseInternal)
		}
		if c.state == gone {
			continue
		}
		l.guard(c, func() {
			if c.parked != nil {
				l.catchUp(c)
			}
			if c.state != gone && c.readable {
				l.read(c)
			}
		})
	}
	clear(now) // who has gone is not held here
	l.spare = now
}
