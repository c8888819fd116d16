package engine

import (
	"fmt"
	"time"
)

// A Load is what one loop has to do.
type Load struct {
	Streams int
	Parked  int
	Lag     uint64        // records it has still to drain
	Turns   uint64        // turns so far, and times a stream caught up
	Busy    time.Duration // what they took
}

// Loads returns what each loop has to do. Any goroutine.
func (e *Engine) Loads() []Load {
	in := e.published()
	all := make([]Load, len(e.loops))
	for i, l := range e.loops {
		x := Load{
			Streams: int(l.load.Load()), Parked: int(l.stats.parked.Load()),
			Lag: l.lagOf(in), Busy: time.Duration(l.stats.turnNs.Load()),
		}
		for k := range l.stats.turns {
			x.Turns += l.stats.turns[k].Load()
		}
		all[i] = x
	}
	return all
}

// Epoch is when the engine started, in Unix µs: the epoch of the typed dialects.
func (e *Engine) Epoch() int64 { return e.epoch.UnixMicro() }

// StreamsOf returns how many streams speak a kind. Any goroutine.
func (e *Engine) StreamsOf(k Kind) (n int) {
	for _, l := range e.loops {
		n += int(l.stats.kinds[k].Load())
	}
	return n
}

// Latencies are a token's two histograms, or those of all tokens, summed over the
// loops: from ingress to the first and to the last write of the turn that carried a
// tick. Each loop counts one tick of a token and turn.
type Latencies struct {
	First, Last LatencyHistogram
}

// A LatencyHistogram counts ticks by how long they took; LatencyBound has the bounds.
type LatencyHistogram struct {
	Counts [LatencyBuckets]uint64
	Sum    time.Duration // of all tokens; not kept of one
	Max    time.Duration // of one token; not kept of all
}

// Count is the number of ticks counted.
func (h *LatencyHistogram) Count() (n uint64) {
	for _, c := range h.Counts {
		n += c
	}
	return n
}

// Quantile is the bound below which a part q of the ticks are: that of the bucket in
// which the part ends, Max if that is less or there is none. 0 if none are counted.
func (h *LatencyHistogram) Quantile(q float64) time.Duration {
	all := h.Count()
	if all == 0 {
		return 0
	}
	left := uint64(q * float64(all))
	for i, c := range h.Counts[:LatencyBuckets-1] {
		if left < c {
			if bound := LatencyBound(i); h.Max == 0 || bound < h.Max {
				return bound
			}
			return h.Max
		}
		left -= c
	}
	return max(h.Max, LatencyBound(LatencyBuckets-2))
}

func (h *LatencyHistogram) add(x *latency) {
	for i, n := range x.counts {
		h.Counts[i] += uint64(n)
	}
	h.Max = max(h.Max, time.Duration(x.max)*time.Microsecond)
}

func (h *LatencyHistogram) addSum(s *latencySum) {
	for i := range s.counts {
		h.Counts[i] += s.counts[i].Load()
	}
	h.Sum += time.Duration(s.us.Load()) * time.Microsecond
}

// Latencies returns the histograms of all tokens together. Any goroutine.
func (e *Engine) Latencies() (x Latencies) {
	for _, l := range e.loops {
		x.First.addSum(&l.latency.all[toFirst])
		x.Last.addSum(&l.latency.all[toLast])
	}
	return x
}

// A TokenSurvey is what the loops know of a token.
type TokenSurvey struct {
	ID    int // dense, from 0 up, in the order in which tokens became known
	Token string
	Ticks uint64 // published since the start, as far as drained
	Latencies
}

// TokenLatency returns a token's histograms, false if it is not known. An error if a
// loop does not come round. Any goroutine.
func (e *Engine) TokenLatency(name string) (x TokenSurvey, known bool, err error) {
	id, ok := e.tokens.find([]byte(name))
	if !ok {
		return x, false, nil
	}
	err = e.surveyRange(int(id), int(id)+1, func(t *TokenSurvey) { x = *t })
	return x, true, err
}

// Survey calls each for every token known, in the order of their ids. It asks the
// loops for some tokens at a time: none stands still for long. Any goroutine.
func (e *Engine) Survey(each func(*TokenSurvey)) error {
	n := e.TokenCount()
	for from := 0; from < n; from += surveyTokens {
		if err := e.surveyRange(from, min(from+surveyTokens, n), each); err != nil {
			return err
		}
	}
	return nil
}

// A survey is what one loop says of a range of tokens: copies.
type survey struct {
	seqs      []uint64
	index     []uint32 // of each token's latencies + 1; 0 = none
	latencies [][2]latency
}

func (e *Engine) surveyRange(from, to int, each func(*TokenSurvey)) error {
	heard := make(chan survey, len(e.loops))
	for _, l := range e.loops {
		if err := l.do(func() { heard <- l.survey(from, to) }); err != nil {
			return fmt.Errorf("ask loop %d: %w", l.id, err)
		}
	}
	all := make([]TokenSurvey, to-from)
	late := time.NewTimer(surveyTimeout)
	defer late.Stop()
	for range e.loops {
		select {
		case s := <-heard:
			s.addTo(all)
		case <-late.C:
			return errSilent
		case <-e.stopped:
			return errStopped
		}
	}
	for i := range all {
		all[i].ID, all[i].Token = from+i, e.tokens.name(uint32(from+i))
		each(&all[i])
	}
	return nil
}

func (l *loop) survey(from, to int) survey {
	s := survey{seqs: make([]uint64, to-from), index: make([]uint32, to-from)}
	for id := from; id < min(to, len(l.tokens)); id++ {
		s.seqs[id-from] = l.tokens[id].seq
		if x := l.latency.find(uint32(id)); x != nil {
			s.latencies = append(s.latencies, *x)
			s.index[id-from] = uint32(len(s.latencies))
		}
	}
	return s
}

func (s *survey) addTo(all []TokenSurvey) {
	for i := range all {
		all[i].Ticks = max(all[i].Ticks, s.seqs[i])
		if at := s.index[i]; at != 0 {
			all[i].First.add(&s.latencies[at-1][toFirst])
			all[i].Last.add(&s.latencies[at-1][toLast])
		}
	}
}
