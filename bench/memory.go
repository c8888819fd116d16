package bench

import (
	"context"
	"fmt"
	"math"
	"syscall"
	"time"
)

// Memory is what a server's process holds after a collection, in bytes.
type Memory struct {
	Streams int     `json:"streams"`
	User    float64 `json:"user"`    // heap in use, stacks and the runtime's own
	Heap    float64 `json:"heap"`    // spans in use, their unused parts counted in
	Objects float64 `json:"objects"` // live ones, of the heap
	Stacks  float64 `json:"stacks"`
	Runtime float64 `json:"runtime"` // off-heap: spans, caches, collector, profiler
	RSS     float64 `json:"rss"`     // pages of all kinds that lie in memory
	Free    float64 `json:"free"`    // of these, heap pages that await their next use
	Kernel  float64 `json:"kernel"`  // slabs and socket buffers of the whole machine
}

const released = "go_memstats_heap_released_bytes"

var runtimeMetrics = []string{
	"go_memstats_mspan_inuse_bytes", "go_memstats_mcache_inuse_bytes",
	"go_memstats_gc_sys_bytes", "go_memstats_other_sys_bytes", "go_memstats_buck_hash_sys_bytes",
}

var memoryMetrics = append([]string{
	"go_memstats_heap_inuse_bytes", "go_memstats_heap_alloc_bytes",
	"go_memstats_stack_inuse_bytes", "go_memstats_heap_idle_bytes",
	released,
}, runtimeMetrics...)

func memoryOf(p page, streams int) Memory {
	m := Memory{
		Streams: streams,
		Heap:    p["go_memstats_heap_inuse_bytes"],
		Objects: p["go_memstats_heap_alloc_bytes"],
		Stacks:  p["go_memstats_stack_inuse_bytes"],
		RSS:     p["process_resident_memory_bytes"], // not told on every system
		Free:    p["go_memstats_heap_idle_bytes"] - p[released],
	}
	for _, name := range runtimeMetrics {
		m.Runtime += p[name]
	}
	m.User = m.Heap + m.Stacks + m.Runtime
	return m
}

// returned collects and waits until the runtime has given back to the system all
// but the share that it keeps: it takes its time, and until then RSS tells of
// garbage. Where it goes on for long, what is there by then has to do.
func (s *scraper) returned(ctx context.Context) error {
	p, err := s.settled(ctx)
	for end := time.Now().Add(returnTimeout); err == nil; p, err = s.metrics(ctx) {
		if m := memoryOf(p, 0); m.Free < m.Heap/keptShare || time.Now().After(end) {
			return nil
		}
		if err := pause(ctx, returnPoll); err != nil {
			return err
		}
	}
	return err
}

// collected has peers collect and give back what they do not need, and waits until
// their pages in memory are no fewer by it. Azira is asked over its admin port.
func (t *trial) collected(ctx context.Context) error {
	asked := false
	for _, s := range t.servers {
		if s.admin != "" {
			continue
		}
		asked = true
		if err := s.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
			return fmt.Errorf("ask server to collect: %w", err)
		}
	}
	if !asked {
		return nil
	}
	return settledPages(ctx, returnPoll, func() (float64, error) {
		u, err := t.usage()
		return u.RSS, err
	})
}

// settledPages waits until a number of bytes stays as it is, nearly, but not for ever.
func settledPages(ctx context.Context, every time.Duration, read func() (float64, error)) error {
	last, err := read()
	end := time.Now().Add(returnTimeout)
	for still := 0; err == nil && still < stillPolls && time.Now().Before(end); {
		if err := pause(ctx, every); err != nil {
			return err
		}
		var now float64
		if now, err = read(); math.Abs(now-last) <= last*stillShare {
			still++
		} else {
			still = 0
		}
		last = now
	}
	return err
}

// PerStream is the slope of each kind of memory over the number of streams.
func PerStream(points []Memory) Memory {
	of := func(kind func(Memory) float64) float64 {
		xs, ys := make([]float64, len(points)), make([]float64, len(points))
		for i, m := range points {
			xs[i], ys[i] = float64(m.Streams), kind(m)
		}
		return math.Round(slope(xs, ys)*10) / 10
	}
	return Memory{
		Streams: 1,
		User:    of(func(m Memory) float64 { return m.User }),
		Heap:    of(func(m Memory) float64 { return m.Heap }),
		Objects: of(func(m Memory) float64 { return m.Objects }),
		Stacks:  of(func(m Memory) float64 { return m.Stacks }),
		Runtime: of(func(m Memory) float64 { return m.Runtime }),
		RSS:     of(func(m Memory) float64 { return m.RSS }),
		Free:    of(func(m Memory) float64 { return m.Free }),
		Kernel:  of(func(m Memory) float64 { return m.Kernel }),
	}
}

// slope is that of the straight line nearest to the points, by least squares.
func slope(xs, ys []float64) float64 {
	n := float64(len(xs))
	var sx, sy, sxx, sxy float64
	for i, x := range xs {
		sx, sy = sx+x, sy+ys[i]
		sxx, sxy = sxx+x*x, sxy+x*ys[i]
	}
	return (n*sxy - sx*sy) / (n*sxx - sx*sx)
}
