package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"azira/engine"
)

// A virtual is a fleet of clients on an engine in this process, through a socket
// that takes everything and costs nothing: what is measured is the engine alone,
// with as many clients as memory holds.
//
//	mint ▶ Publisher ▶ ring ▶ loop ▶ null socket ▶ counted, or checked
//
// Bystanders are clients whose tokens do not tick.
type virtual struct {
	// Fixed after newVirtual.
	load    load
	epoch   time.Time
	engine  *engine.Engine
	pub     *engine.Publisher
	mint    *mint
	checker *checker // nil = frames are only counted

	// Owned by the loop while the engine runs.
	members []member // if checked

	clients int
	picker  *picker
	sent    uint64 // ticks published
}

// A nobody owns virtual clients.
type nobody struct{}

func (nobody) Opened(uint64) {}
func (nobody) Holds(int)     {}
func (nobody) Parked(int64)  {}
func (nobody) Ended(int)     {}

// newVirtual starts an engine with one loop. Its tokens are known, each twice over:
// those of the load, and as many for bystanders.
func newVirtual(ctx context.Context, l load, check bool) (*virtual, error) {
	v := &virtual{load: l, mint: newMint(l), picker: newPicker(l), epoch: time.Now()}
	if check {
		v.checker = &checker{}
	}
	var err error
	v.engine, err = engine.New(engine.Options{Loops: 1, BatchWindow: -1, Null: v.take,
		TokensPerStream: tokensMax, TokensMax: 2 * universeMax})
	if err != nil {
		return nil, fmt.Errorf("start engine: %w", err)
	}
	v.pub = v.engine.Publisher()
	for i := range l.Universe {
		err = errors.Join(err, v.engine.Restore(string(tokenName(l.Universe+i)), 0, nil))
	}
	for i := range l.Universe {
		v.tick(i)
	}
	if err = errors.Join(err, v.flush(ctx)); err != nil {
		return nil, errors.Join(err, v.close())
	}
	return v, nil
}

func (v *virtual) close() error { return v.engine.Stop() }

// grow adds clients, or bystanders, and returns when their lists are settled.
func (v *virtual) grow(ctx context.Context, n int, bystanders bool) error {
	var list []uint32
	for range n {
		list = v.picker.list(list[:0], v.clients)
		if v.checker != nil {
			var m member
			v.checker.join(&m, list)
			v.members = append(v.members, m)
		}
		if bystanders {
			for i := range list {
				list[i] += uint32(v.load.Universe)
			}
		}
		s := engine.Stream{Owner: nobody{}, Early: appendSubscribe(nil, dialectText, list)}
		if err := v.engine.Attach(v.clients, s); err != nil {
			return fmt.Errorf("attach client: %w", err)
		}
		if v.clients++; v.clients%virtualBatch == 0 {
			if err := v.settle(ctx); err != nil {
				return err
			}
		}
	}
	return v.settle(ctx)
}

// settle returns once the loop has come round twice.
func (v *virtual) settle(ctx context.Context) error {
	for range 2 {
		if err := v.engine.Responsive(settleTimeout); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// take is the null socket.
func (v *virtual) take(fd int, p []byte) {
	if v.checker == nil {
		return
	}
	now := time.Since(v.epoch).Microseconds()
	for len(p) > 0 {
		f, rest, ok, err := nextFrame(p)
		if err != nil || !ok {
			v.checker.odd("a write of %d bytes ends inside a frame: %v", len(p), err)
			return
		}
		if len(f.payload) > 0 && f.payload[0] == '{' {
			v.checker.take(&v.members[fd], f.payload, now)
		}
		p = rest
	}
}

func (v *virtual) tick(token int) {
	topic, data := v.mint.tick(token, time.Since(v.epoch).Microseconds())
	v.pub.Tick(topic, data, 0)
	v.sent++
}

// play publishes ticks in bursts, each when the one before is drained.
func (v *virtual) play(ctx context.Context, ticks, burst int) error {
	for ticks > 0 {
		for range min(burst, ticks) {
			v.tick(v.mint.picker.pick())
			ticks--
		}
		if err := v.flush(ctx); err != nil {
			return err
		}
	}
	return nil
}

// flush ends a burst and waits until the loop is at rest.
func (v *virtual) flush(ctx context.Context) error {
	v.pub.Flush()
	for n := 0; v.engine.Lag() > 0; n++ {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		nap(virtualNap)
	}
	return nil
}

// A virtualSpan is what the engine did between two looks.
type virtualSpan struct {
	ticks, turns, frames, writes, skipped float64
	spent                                 time.Duration // in turns
	allocs                                float64
}

// span plays ticks and says what that took.
func (v *virtual) span(ctx context.Context, ticks, burst int) (s virtualSpan, err error) {
	before := v.engine.Stats()
	allocs := mallocsNow()
	if err := v.settle(ctx); err != nil {
		return s, err
	}
	looks := mallocsNow() - allocs // of what is done below, too
	allocs += looks
	if err := v.play(ctx, ticks, burst); err != nil {
		return s, err
	}
	if err := v.settle(ctx); err != nil { // the last turn is over
		return s, err
	}
	s.allocs = max(mallocsNow()-allocs-looks, 0)
	after := v.engine.Stats()
	s.ticks = float64(after.TicksIn - before.TicksIn)
	s.frames = float64(after.FramesOut - before.FramesOut)
	s.writes = float64(after.Writes - before.Writes)
	s.skipped = float64(after.Conflated - before.Conflated)
	for i, n := range after.Turns.Counts {
		s.turns += float64(n - before.Turns.Counts[i])
	}
	s.spent = after.Turns.Sum - before.Turns.Sum
	return s, nil
}

// weigh is what this process holds after a collection.
func (v *virtual) weigh() Memory {
	var m runtime.MemStats
	for range 2 { // the second frees what pools kept over the first
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return Memory{Streams: v.clients, Heap: float64(m.HeapInuse), Objects: float64(m.HeapAlloc),
		Stacks:  float64(m.StackInuse),
		Runtime: float64(m.MSpanInuse + m.MCacheInuse + m.GCSys + m.OtherSys + m.BuckHashSys),
		User: float64(m.HeapInuse + m.StackInuse + m.MSpanInuse + m.MCacheInuse + m.GCSys +
			m.OtherSys + m.BuckHashSys)}
}

func mallocsNow() float64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.Mallocs)
}
