package server

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"azira/engine"
)

// A latencySummary is one histogram in the answer of GET /api/v1/latency. Quantiles
// are upper bounds of their buckets.
type latencySummary struct {
	Count  uint64   `json:"count"`
	P50    int64    `json:"p50_us"`
	P90    int64    `json:"p90_us"`
	P99    int64    `json:"p99_us"`
	Max    int64    `json:"max_us,omitempty"` // of one token only
	Counts []uint64 `json:"counts"`
}

// A latencyPair is of a token, or of all.
type latencyPair struct {
	First latencySummary `json:"first_write"`
	Last  latencySummary `json:"last_write"`
}

// A tokenLatency is one token in that answer.
type tokenLatency struct {
	Token string `json:"token"`
	Ticks uint64 `json:"ticks"`
	latencyPair
}

func summaryOf(h *engine.LatencyHistogram) latencySummary {
	return latencySummary{
		Count: h.Count(), P50: h.Quantile(0.5).Microseconds(), P90: h.Quantile(0.9).Microseconds(),
		P99: h.Quantile(0.99).Microseconds(), Max: h.Max.Microseconds(),
		Counts: slices.Clone(h.Counts[:]),
	}
}

func pairOf(x *engine.Latencies) latencyPair {
	return latencyPair{summaryOf(&x.First), summaryOf(&x.Last)}
}

func tokenLatencyOf(x *engine.TokenSurvey) tokenLatency {
	return tokenLatency{x.Token, x.Ticks, pairOf(&x.Latencies)}
}

// latencyBoundsUs are the buckets' upper bounds, but for the last's.
var latencyBoundsUs = func() (all []int64) {
	for i := range engine.LatencyBuckets - 1 {
		all = append(all, engine.LatencyBound(i).Microseconds())
	}
	return all
}()

// latency tells how long ticks take: of one token with ?token=, else of all together
// and of those with the most ticks counted.
func (p *public) latency(r *request) answer {
	if p.latencies.off {
		return detail(http.StatusNotFound, "Not Found")
	}
	query := r.URL.Query()
	limit, a, ok := limitOf(query["limit"])
	if !ok {
		return a
	}
	all := p.engine.Latencies()
	body := map[string]any{
		"epoch": p.engine.Epoch(), "bounds_us": latencyBoundsUs, "all": pairOf(&all),
	}
	if names := query["token"]; len(names) > 0 {
		x, known, err := p.engine.TokenLatency(names[0])
		switch {
		case !known || len(names) > 1:
			return detail(http.StatusNotFound, "Token not found")
		case err != nil:
			return unavailable("The server is busy", retryAfterBusy)
		}
		body["tokens"], body["more"] = []tokenLatency{tokenLatencyOf(&x)}, 0
		return object(body)
	}
	list, more, err := p.latencies.busiest(limit, p.engine.Survey)
	if err != nil {
		return unavailable("The server is busy", retryAfterBusy)
	}
	body["tokens"], body["more"] = list, more
	return object(body)
}

// limitOf is how many tokens are asked for.
func limitOf(given []string) (int, answer, bool) {
	if len(given) == 0 {
		return latencyTokens, answer{}, true
	}
	n, err := strconv.Atoi(given[0])
	if err != nil || len(given) > 1 || n < 1 || n > latencyTokensMax {
		return 0, limitFault(latencyTokensMax), false
	}
	return n, answer{}, true
}

// limitFault says that ?limit= is no number from 1 to most.
func limitFault(most int) answer {
	return unprocessable(wrong{[]any{"query", "limit"},
		"ensure this value is a number from 1 to " + strconv.Itoa(most), "value_error"})
}

// A latencyList is the tokens with the most ticks counted, made at most once a second
// for all who ask: it has every loop look at every token.
type latencyList struct {
	off bool // users are told nothing; fixed

	mu   sync.Mutex
	at   time.Time
	list []tokenLatency
	seen int // tokens with a count
	err  error
}

// busiest returns at most n of them, most ticks first, and how many there are beside.
func (l *latencyList) busiest(n int, survey func(func(*engine.TokenSurvey)) error) (
	list []tokenLatency, more int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.at) >= latencyListEvery {
		l.list, l.seen = []tokenLatency{}, 0
		l.err = survey(l.add)
		l.cut()
		l.at = time.Now()
	}
	n = min(n, len(l.list))
	return slices.Clone(l.list[:n]), l.seen - n, l.err
}

func (l *latencyList) add(x *engine.TokenSurvey) {
	if x.First.Count() == 0 {
		return
	}
	l.seen++
	l.list = append(l.list, tokenLatencyOf(x))
	if len(l.list) >= 2*latencyTokensMax {
		l.cut()
	}
}

func (l *latencyList) cut() {
	slices.SortFunc(l.list, func(a, b tokenLatency) int {
		return cmp.Or(cmp.Compare(b.First.Count, a.First.Count), cmp.Compare(a.Token, b.Token))
	})
	l.list = l.list[:min(len(l.list), latencyTokensMax)]
}
