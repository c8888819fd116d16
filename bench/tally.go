package bench

import "fmt"

// A Tally is what clients received in a window, and what was wrong with it.
type Tally struct {
	Seconds float64 `json:"seconds"`
	Frames  uint64  `json:"frames"`
	Bytes   uint64  `json:"bytes"`
	Reads   uint64  `json:"reads"`   // read(2) calls that gave something
	CPU     float64 `json:"cpu"`     // seconds, of the clients' processes
	Busiest float64 `json:"busiest"` // of them: share of one processor that it used
	Faults  Faults  `json:"faults"`
	Told    Told    `json:"told"` // of typed dialects
	Slow    Slow    `json:"slow"`
	Starved int     `json:"starved"` // clients that got nothing while others got their tokens' ticks
	Digest  uint64  `json:"digest"`  // of each client's number of frames, whatever the order

	Lateness []Lateness `json:"lateness"` // of each process
	Latency  buckets    `json:"latency"`  // µs from the scheduled time to the last byte read
}

// Faults are ticks that are not what they should be.
type Faults struct {
	Foreign uint64 `json:"foreign"` // of tokens that the client does not hold
	Doubled uint64 `json:"doubled"`
	Order   uint64 `json:"order"`   // older than the one before
	Missing uint64 `json:"missing"` // passed over, by the ticks' own numbers
	Odd     uint64 `json:"odd"`     // no tick, or no frame
	Closed  uint64 `json:"closed"`  // streams that the server ended
	First   string `json:"first,omitempty"`

	// Of typed dialects, where the server has to say what it passes over.
	Untold   uint64 `json:"untold"`   // passed over without a word
	Unproved uint64 `json:"unproved"` // heartbeats whose sum was not the client's
}

// wrong is how much must never happen. That ticks are missing is another matter: a
// server that can't keep up has to pass some over.
func (f *Faults) wrong() uint64 {
	return f.Foreign + f.Doubled + f.Order + f.Odd + f.Closed + f.Untold + f.Unproved
}

func (f *Faults) String() string {
	return fmt.Sprintf("%d foreign, %d doubled, %d out of order, %d odd, %d streams closed, "+
		"%d missing untold, %d heartbeats unproved (%s)", f.Foreign, f.Doubled, f.Order, f.Odd,
		f.Closed, f.Untold, f.Unproved, f.First)
}

func (f *Faults) add(o *Faults) {
	f.Foreign += o.Foreign
	f.Doubled += o.Doubled
	f.Order += o.Order
	f.Missing += o.Missing
	f.Odd += o.Odd
	f.Closed += o.Closed
	f.Untold += o.Untold
	f.Unproved += o.Unproved
	if f.First == "" {
		f.First = o.First
	}
}

// Slow are the clients that were told not to read, or not so much. What they miss
// is no fault: a server may pass over what is old.
type Slow struct {
	Clients int    `json:"clients"`
	Frames  uint64 `json:"frames"`
	Missing uint64 `json:"missing"`
	Closed  int    `json:"closed"` // by the server, since they were told
}

// Lateness is how evenly a group of clients was served: sums over clients of each
// one's mean lateness.
type Lateness struct {
	Clients float64 `json:"clients"`
	Sum     float64 `json:"sum"`
	Squares float64 `json:"squares"`
	Most    float64 `json:"most"` // of any client
}

func (l *Lateness) take(mean float64) {
	l.Clients++
	l.Sum += mean
	l.Squares += mean * mean
	l.Most = max(l.Most, mean)
}

// fairness is Jain's index of the clients' mean lateness, 1 when all are alike, and
// how many times the mean of all the worst client's is.
func fairness(groups []Lateness) (jain, worst float64) {
	var all Lateness
	for _, l := range groups {
		all.Clients += l.Clients
		all.Sum += l.Sum
		all.Squares += l.Squares
		all.Most = max(all.Most, l.Most)
	}
	return ratio(all.Sum*all.Sum, all.Clients*all.Squares), ratio(all.Most*all.Clients, all.Sum)
}

// add puts another process's tally to this one.
func (t *Tally) add(o *Tally) {
	t.Seconds = max(t.Seconds, o.Seconds)
	t.Frames += o.Frames
	t.Bytes += o.Bytes
	t.Reads += o.Reads
	t.CPU += o.CPU
	t.Busiest = max(t.Busiest, o.Busiest)
	t.Starved += o.Starved
	t.Digest += o.Digest
	t.Lateness = append(t.Lateness, o.Lateness...)
	t.Faults.add(&o.Faults)
	t.Told.add(&o.Told)
	t.Slow.Clients += o.Slow.Clients
	t.Slow.Frames += o.Slow.Frames
	t.Slow.Missing += o.Slow.Missing
	t.Slow.Closed += o.Slow.Closed
	var h histogram
	h.add(t.Latency)
	h.add(o.Latency)
	t.Latency = h.buckets()
}
