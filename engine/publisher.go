package engine

import (
	"runtime"
	"sync/atomic"

	"azira/proto"
	"azira/ring"
)

// A shard is a ring and the tokens that belong to it. One goroutine at a time
// holds its writer: the endpoint that finds it free publishes, and before it
// leaves publishes what others handed over meanwhile. An endpoint waits only when
// it is a whole queue ahead of the holder.
//
//	endpoint A ──▶ held ──▶ ring
//	endpoint B ──▶ queue B ┘
type shard struct {
	// Fixed after newShard.
	e    *Engine
	ring *ring.Ring
	put  func(id uint32, ts int64, data []byte) // publish, bound once

	// Owned by whoever holds it.
	w      *ring.Writer
	making uint32 // encodings made beside text, as bits
	record proto.Record
	buf    []byte
	gap    []byte   // the frame that tells of a hole before the tick in hand
	feed   []uint64 // by token: the feed's own number that comes next; 0 = not known

	// Shared.
	held    atomic.Bool
	encoded atomic.Uint64 // frames made, of all encodings
	queues  atomic.Pointer[[]*ring.Queue]
}

// A Publisher is one endpoint's way into the rings. It belongs to one goroutine.
type Publisher struct {
	// Fixed after Engine.Publisher.
	e      *Engine
	queues []*ring.Queue // by shard

	// Owned by the endpoint.
	wake bool  // something was published since the last Flush
	ts   int64 // of the last tick
}

// Tick publishes a checked tick: its token's JSON and ingress time, Unix µs.
func (p *Publisher) Tick(topic, data []byte, ts int64) {
	id, ok := p.e.tokens.find(topic)
	if !ok {
		var err error
		if id, err = p.e.tokens.add(topic); err != nil {
			p.e.unplaced.Add(1)
			return
		}
	}
	p.wake, p.ts = true, ts
	k := id & uint32(len(p.e.shards)-1)
	s := p.e.shards[k]
	if s.held.CompareAndSwap(false, true) {
		s.takeOver()
		s.publish(id, ts, data)
		s.leave()
		return
	}
	p.handOver(s, k, id, ts, data)
}

// Flush ends a burst: what was handed over is published, and the loops that are
// not awake yet are woken.
func (p *Publisher) Flush() {
	if !p.wake {
		return
	}
	p.wake = false
	p.e.newest.Store(p.ts)
	for k, q := range p.queues {
		for q != nil && !q.Empty() {
			p.e.shards[k].tryTakeOver()
			runtime.Gosched() // somebody else is at it
		}
	}
	for _, l := range p.e.loops {
		l.poke()
	}
}

// handOver leaves a tick to whoever holds the shard.
func (p *Publisher) handOver(s *shard, k, id uint32, ts int64, data []byte) {
	q := p.queues[k]
	if q == nil {
		q = ring.NewQueue(queueSlots, queueBytes)
		p.queues[k] = q
		s.join(q)
	}
	for !q.Put(id, ts, data) {
		s.tryTakeOver()
		runtime.Gosched() // the holder is behind by a whole queue
	}
	s.tryTakeOver() // it may have left just before
}

// join makes a queue known to the shard's holders.
func (s *shard) join(q *ring.Queue) {
	for {
		old := s.queues.Load()
		var all []*ring.Queue
		if old != nil {
			all = append(all, *old...)
		}
		all = append(all, q)
		if s.queues.CompareAndSwap(old, &all) {
			return
		}
	}
}

func (s *shard) tryTakeOver() {
	if s.held.CompareAndSwap(false, true) {
		s.takeOver()
		s.leave()
	}
}

// takeOver publishes what was handed over. The caller holds the shard.
func (s *shard) takeOver() {
	queues := s.queues.Load()
	if queues == nil {
		return
	}
	for _, q := range *queues {
		for n := 0; n < queueSlots && q.Take(s.put); n++ {
		}
	}
}

// leave gives the shard up, after one more look for what was handed over while
// it was held. What comes later is published by the next to hold the shard, at
// the latest by its own endpoint's Flush: nobody works for others without end.
func (s *shard) leave() {
	if s.waiting() {
		s.takeOver()
	}
	s.held.Store(false) // Hand the writer to the next endpoint.
}

func (s *shard) waiting() bool {
	queues := s.queues.Load()
	if queues == nil {
		return false
	}
	for _, q := range *queues {
		if !q.Empty() {
			return true
		}
	}
	return false
}

// publish frames a tick into the ring: once in each encoding that is used, whatever
// the number of its readers.
func (s *shard) publish(id uint32, ts int64, data []byte) {
	if wanted := s.e.lanes.wanted.Load(); wanted != s.making {
		s.make(wanted)
	}
	if s.e.o.FeedSeqField != "" {
		s.count(id, data)
	}
	dst := s.w.Room(int(laneText), proto.FrameSize(len(data)))
	proto.AppendFrame(dst[:0], proto.OpText, data)
	frames := uint64(1)
	if s.making != 0 {
		frames += s.encode(id, ts, data)
	}
	s.encoded.Store(s.encoded.Load() + frames) // one holder at a time
	s.w.Publish(id, ts)
}

// make begins and ends the making of encodings, from the next tick on.
func (s *shard) make(wanted uint32) {
	for e := laneText + 1; e < proto.Encodings; e++ {
		s.w.Make(int(e), wanted&(1<<e) != 0)
	}
	s.making = wanted
}

// encode frames a tick in the typed dialects' encodings that are made.
func (s *shard) encode(id uint32, ts int64, data []byte) (frames uint64) {
	s.record = proto.Record{
		Token: s.e.tokens.name(id), Ref: id, Seq: s.w.Seq(id) + 1, TS: ts,
		Epoch: s.e.Epoch(), Data: data,
	}
	for e := laneText + 1; e < proto.Encodings; e++ {
		if s.making&(1<<e) == 0 {
			continue
		}
		payload, op := e.Append(s.buf[:0], &s.record)
		dst := s.w.Room(int(e), len(s.gap)+proto.FrameSize(len(payload)))
		proto.AppendFrame(append(dst[:0], s.gap...), op, payload)
		s.buf = payload
		frames++
	}
	return frames
}

// count compares the feed's own number of a tick with that of the last of its token. A
// hole is counted, and told to typed streams before the tick; a number that is not
// greater begins anew.
func (s *shard) count(id uint32, data []byte) {
	s.gap = s.gap[:0]
	n, ok := proto.FindNumber(data, s.e.o.FeedSeqField)
	if !ok {
		return
	}
	for int(id) >= len(s.feed) {
		s.feed = append(s.feed, 0)
	}
	next := s.feed[id]
	s.feed[id] = n + 1
	if next == 0 || n <= next {
		return
	}
	s.e.holes.Add(n - next)
	s.buf = proto.AppendGap(s.buf[:0], s.e.tokens.name(id), next, n-1, proto.GapFeed)
	s.gap = proto.AppendFrame(s.gap, proto.OpText, s.buf)
}
