package server

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"azira/engine"
)

// A TokenRate is a token among those that tick most often.
type TokenRate struct {
	Token   string  `json:"token"`
	Ticks   uint64  `json:"ticks"`
	PerS    float64 `json:"per_s"` // between the last two looks
	FirstUs int64   `json:"first_write_p99_us"`
	LastUs  int64   `json:"last_write_p99_us"`
}

// A tokenRates has the tokens that tick most often, from looks at all of them that
// are a second apart or more: who asks in between is told the same again. The first
// look has no rates.
type tokenRates struct {
	mu    sync.Mutex
	at    time.Time // of the last look
	ticks []uint64  // by id, at it
	list  []TokenRate
}

// busiest returns them, the one that ticks most often first; empty if the loops do
// not answer.
func (r *tokenRates) busiest(survey func(func(*engine.TokenSurvey)) error) []TokenRate {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	elapsed := now.Sub(r.at)
	if elapsed < busiestEvery {
		return slices.Clone(r.list)
	}
	first := r.at.IsZero()
	r.at, r.list = now, []TokenRate{}
	err := survey(func(x *engine.TokenSurvey) {
		for x.ID >= len(r.ticks) {
			r.ticks = append(r.ticks, 0)
		}
		before := r.ticks[x.ID]
		if r.ticks[x.ID] = x.Ticks; first {
			before = x.Ticks
		}
		if x.Ticks > 0 {
			r.add(x, float64(x.Ticks-min(before, x.Ticks))/elapsed.Seconds())
		}
	})
	r.cut()
	if err != nil {
		r.list = []TokenRate{}
	}
	return slices.Clone(r.list)
}

func (r *tokenRates) add(x *engine.TokenSurvey, perS float64) {
	r.list = append(r.list, TokenRate{
		Token: x.Token, Ticks: x.Ticks, PerS: perS,
		FirstUs: x.First.Quantile(0.99).Microseconds(),
		LastUs:  x.Last.Quantile(0.99).Microseconds(),
	})
	if len(r.list) >= 64*busiestTokens {
		r.cut()
	}
}

func (r *tokenRates) cut() {
	slices.SortFunc(r.list, func(a, b TokenRate) int {
		return cmp.Or(cmp.Compare(b.PerS, a.PerS), cmp.Compare(b.Ticks, a.Ticks),
			cmp.Compare(a.Token, b.Token))
	})
	r.list = r.list[:min(len(r.list), busiestTokens)]
}
