package server

import (
	"context"
	"log/slog"
	"math"
	"runtime/metrics"
	"sync/atomic"
)

// A pressure watches how near this process is to the memory it may have: GOMEMLIMIT, its
// control group's or the machine's. Near it new streams are refused, those there are go
// on: what a stream needs to be served is taken when it opens.
type pressure struct {
	// Fixed.
	limit int64
	used  func() int64 // bytes that no collection would free
	log   *slog.Logger

	// Shared.
	last  atomic.Int64 // bytes used at the last look
	tight atomic.Bool
}

func newPressure(c *Config, log *slog.Logger) *pressure {
	p := &pressure{limit: memoryLimit(), used: c.memoryUsed, log: log}
	if p.used == nil {
		p.used = liveMemory
	}
	return p
}

// run looks until ctx ends.
func (p *pressure) run(ctx context.Context) { every(ctx, memoryLook, p.look) }

func (p *pressure) look() {
	n := p.used()
	p.last.Store(n)
	share := float64(n) / float64(p.limit)
	switch was := p.tight.Load(); {
	case !was && share >= memoryTight:
		p.tight.Store(true)
		p.log.Error("memory is short: new streams are refused until there is some",
			"used", n, "limit", p.limit)
	case was && share < memoryCalm:
		p.tight.Store(false)
		p.log.Info("there is memory again", "used", n, "limit", p.limit)
	}
}

// trouble is why no more streams are taken; empty if they are.
func (p *pressure) trouble() string {
	if p.tight.Load() {
		return "memory is short"
	}
	return ""
}

// liveMemory is what Go's runtime holds of the system, less what is free in it and what
// was garbage when the last collection ended.
func liveMemory() int64 {
	s := []metrics.Sample{
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/gc/heap/live:bytes"},
	}
	metrics.Read(s)
	var n [5]int64
	for i := range s {
		if s[i].Value.Kind() == metrics.KindUint64 {
			n[i] = int64(min(s[i].Value.Uint64(), math.MaxInt64))
		}
	}
	return n[0] - n[1] - n[2] - max(0, n[3]-n[4])
}
