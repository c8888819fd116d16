package bench

import "time"

// A Disturbance is what was not to be had of some processors, in shares of them.
type Disturbance struct {
	Others float64 `json:"others"` // used by programs that are no part of the run
	Stolen float64 `json:"stolen"` // taken by the hypervisor
}

func (d *Disturbance) sum() float64 { return d.Others + d.Stolen }

func (d *Disturbance) some() bool { return d.Others > othersShare || d.Stolen > stolenShare }

// doubts says what was taken, and of whose processors.
func (d *Disturbance) doubts(whose string, say sayer) {
	if d.Others > othersShare {
		say("other programs used %.0f %% of the %s", 100*d.Others, whose)
	}
	if d.Stolen > stolenShare {
		say("the hypervisor took %.0f %% of the %s", 100*d.Stolen, whose)
	}
}

// Disturbances are those of the server's processor and of the others.
type Disturbances struct {
	Disturbance             // of the server's
	Clients     Disturbance `json:"clients_processors"`
}

// disturbance is the larger of the two.
func (b *Disturbances) disturbance() float64 { return max(b.Disturbance.sum(), b.Clients.sum()) }

func (b *Disturbances) disturbed() bool { return b.Disturbance.some() || b.Clients.some() }

func (b *Disturbances) doubts(say sayer) {
	b.Disturbance.doubts("server's processor", say)
	b.Clients.doubts("clients' processors", say)
}

// A span is a time over which all processors are looked at.
type span struct {
	began           time.Time
	own             time.Duration // this process's time until then
	servers, others coreTimes
}

func (t *trial) beginSpan() span {
	return span{began: time.Now(), own: ownCPU(), servers: t.cores.times(),
		others: t.others.times()}
}

// A spent is what a run's own processes used in a span, in seconds.
type spent struct {
	took   float64 // the span itself
	server float64
	feed   float64 // this process
	swarms float64
}

// until ends a span in which servers and swarms used so many seconds.
func (s *span) until(server, swarms float64) spent {
	return spent{took: time.Since(s.began).Seconds(), server: server, swarms: swarms,
		feed: (ownCPU() - s.own).Seconds()}
}

// disturbance is what went to others than the run; nothing where it shares all
// processors with them, as it can't be told apart.
func (t *trial) disturbance(s *span, own spent) (b Disturbances) {
	if t.cores == nil {
		return b
	}
	b.Disturbance = t.cores.times().since(s.servers).disturbance(t.cores, own.took, own.server)
	b.Clients = t.others.times().since(s.others).disturbance(t.others, own.took,
		own.feed+own.swarms)
	return b
}

func (c coreTimes) since(before coreTimes) coreTimes {
	return coreTimes{c.busy - before.busy, c.stolen - before.stolen}
}

// disturbance is what is left of the time of cores when ours is taken off.
func (c coreTimes) disturbance(of cores, took, ours float64) Disturbance {
	all := took * float64(len(of))
	return Disturbance{Others: max(ratio(c.busy-ours, all), 0), Stolen: ratio(c.stolen, all)}
}
