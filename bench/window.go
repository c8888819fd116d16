package bench

import (
	"context"
	"errors"
	"time"
)

// A Window is what was counted while ticks flowed at one rate.
type Window struct {
	Name      string  `json:"name,omitempty"` // of which of several it is
	Offered   float64 `json:"offered"`        // deliveries/s that the rate amounts to
	PerSecond float64 `json:"per_second"`     // frames delivered
	Frames    uint64  `json:"frames"`
	Ticks     uint64  `json:"ticks"`       // published
	CPU       float64 `json:"cpu_us"`      // of the server, µs per frame delivered
	User      float64 `json:"cpu_user_us"` // the part outside the kernel, roughly
	PerCore   float64 `json:"per_core"`    // frames per second of the server's processor time
	Busy      float64 `json:"busy"`        // share of the window that the server was running
	Wire      float64 `json:"wire_bytes"`  // that clients received, of any frame, per frame delivered

	Latency Percentiles `json:"latency"`
	Curve   []Point     `json:"curve"`
	Jain    float64     `json:"jain"`  // of the clients' mean lateness: 1 is even
	Worst   float64     `json:"worst"` // client's mean lateness, by the mean of all

	Starved     int     `json:"starved"` // clients that got nothing while others did
	Faults      Faults  `json:"faults"`
	Told        Told    `json:"told"` // by the server, in typed dialects
	Slow        Slow    `json:"slow"`
	Back        *Back   `json:"back,omitempty"` // of churn
	Undelivered uint64  `json:"undelivered"`    // still, seconds after the last tick
	Uncounted   float64 `json:"uncounted"`      // ticks missed that Azira counts nowhere
	Dropped     uint64  `json:"dropped"`        // by the feed, before the server
	FeedLateMs  float64 `json:"feed_late_ms"`   // p99 of ticks sent after their time
	Harness     float64 `json:"harness"`        // share of their processors that clients and feed used
	Busiest     float64 `json:"busiest"`        // share of one that the busiest of their processes used
	PerRead     float64 `json:"per_read"`       // frames per read(2) of a client

	Disturbances
	Server *Inside `json:"server,omitempty"`

	hist histogram
}

// Inside is what only Azira tells of itself, from before the first tick of a window
// to after its last.
type Inside struct {
	Ticks      float64 `json:"ticks"`
	Allocs     float64 `json:"allocs"`         // objects, by all that the server does
	PauseShare float64 `json:"gc_pause_share"` // of the time
	PerWrite   float64 `json:"frames_per_write"`
	Skipped    float64 `json:"skipped"`      // ticks replaced by newer ones
	Ever       float64 `json:"skipped_ever"` // the same since its start
	Laps       float64 `json:"laps"`
}

// A flow is a window under way.
type flow struct {
	cancel context.CancelFunc
	played chan error
	before page
	looks  float64 // allocations of looking at the pages, which are no ticks' doing
	looked time.Time
}

// window plays ticks at a rate of deliveries and counts for c.Seconds.
func (t *trial) window(ctx context.Context, rate float64) (*Window, error) {
	fl, err := t.beginFlow(ctx, rate)
	if err != nil {
		return nil, err
	}
	defer fl.cancel()
	if err := pause(ctx, warmTime); err != nil {
		return nil, err
	}
	w, err := t.count(ctx)
	if err != nil {
		return nil, err
	}
	w.Offered = rate
	return w, t.endFlow(ctx, fl, w)
}

// beginFlow starts the feed.
func (t *trial) beginFlow(ctx context.Context, rate float64) (*flow, error) {
	fl := &flow{played: make(chan error, 1)}
	first, err := t.settled(ctx)
	if err != nil {
		return nil, err
	}
	if fl.before, err = t.settled(ctx); err != nil {
		return nil, err
	}
	fl.looks = fl.before.since(first, mallocs)
	fl.looked = time.Now()
	playing, cancel := context.WithCancel(ctx)
	fl.cancel = cancel
	ticks := rate / t.c.load().fanOut(t.c.Clients)
	go func() { fl.played <- t.source.play(playing, endless, ticks) }()
	return fl, nil
}

// endFlow stops the feed and waits for its last ticks.
func (t *trial) endFlow(ctx context.Context, fl *flow, w *Window) error {
	fl.cancel()
	if err := <-fl.played; !errors.Is(err, context.Canceled) {
		return err
	}
	w.FeedLateMs = float64(t.source.late.quantile(0.99)) / 1e3
	dropped := t.source.dropped()
	w.Dropped, t.dropped = dropped-t.dropped, dropped
	if !t.counted() {
		if err := t.drained(ctx, w); err != nil {
			return err
		}
	}
	after, err := t.settled(ctx)
	if err == nil && after != nil {
		w.Server = fl.inside(after)
		w.Uncounted = t.uncounted(w)
	}
	t.undelivered = w.Undelivered
	if typed(t.target.dialect) { // what the feed drops has no seq: it shows in no later one
		t.stale += w.Undelivered
	}
	return err
}

// uncounted is by how many ticks what clients missed exceeds what is accounted for. The
// server's count begins before the window's and ends after it, so it must be the larger.
//
//   - A tick that the feed dropped is missed by as many as hold its token, at most.
//   - What did not come in the flow before shows as holes in this one.
//   - Slow clients see in one window what was skipped for them in any before.
func (t *trial) uncounted(w *Window) float64 {
	due := float64(t.undelivered)
	if w.Dropped > 0 {
		due += float64(w.Dropped) * float64(t.c.load().holdersMax(t.c.Clients))
	}
	missed := float64(w.missing() + w.Undelivered)
	all := missed + float64(w.Slow.Missing)
	return max(missed-w.Server.Skipped-due, all-w.Server.Ever-due, 0)
}

// missing is how many ticks clients did not get, by what they saw or were told.
func (w *Window) missing() uint64 { return w.Faults.Missing + w.Faults.Untold + w.Told.Skipped }

// drained waits until what was published has come, or nothing more does.
func (t *trial) drained(ctx context.Context, w *Window) error {
	final := swarmCommand{Do: doFinal, Last: t.source.published}
	for last, still := uint64(0), 0; still < drainPolls; {
		r, err := t.fleet.ask(ctx, final)
		if w.Undelivered = r.Left - min(r.Left, t.stale); err != nil || w.Undelivered == 0 {
			return err
		}
		still++
		if r.Left != last {
			last, still = r.Left, 0
		}
		if err := pause(ctx, pollEvery); err != nil {
			return err
		}
	}
	return nil
}

// count takes the figures of c.Seconds.
func (t *trial) count(ctx context.Context) (*Window, error) {
	if _, err := t.fleet.ask(ctx, swarmCommand{Do: doBegin}); err != nil {
		return nil, err
	}
	before, err := t.usage()
	if err != nil {
		return nil, err
	}
	ticks := t.source.total()
	span := t.beginSpan()
	profiled := t.profile(ctx)
	if err := pause(ctx, seconds(t.c.Seconds)); err != nil {
		return nil, err
	}
	end, err := t.fleet.ask(ctx, swarmCommand{Do: doEnd})
	if err != nil {
		return nil, err
	}
	after, err := t.usage()
	if err != nil {
		return nil, err
	}
	used := after.since(before)
	own := span.until(used.Total, end.Tally.CPU)
	w := newWindow(end.Tally, used, own.took)
	w.Ticks = t.source.total() - ticks
	w.harness(own, end.Tally.Busiest, len(t.others))
	w.Disturbances = t.disturbance(&span, own)
	if end.Back != nil && t.c.ChurnRate > 0 {
		w.Back = newBack(end.Back, end.Back.Clients+end.Back.Waiting)
	}
	return w, <-profiled
}

func newWindow(y *Tally, u usage, took float64) *Window {
	n := float64(y.Frames + y.Slow.Frames)
	w := &Window{
		Frames: y.Frames + y.Slow.Frames, PerSecond: ratio(n, y.Seconds),
		CPU: ratio(u.Total*1e6, n), PerCore: ratio(n, u.Total), Busy: ratio(u.Total, took),
		User:    ratio(u.Total*1e6, n) * ratio(u.User, u.User+u.System),
		Wire:    ratio(float64(y.Bytes), n),
		Starved: y.Starved, Faults: y.Faults, Told: y.Told, Slow: y.Slow,
		PerRead: ratio(n, float64(y.Reads)),
	}
	w.Jain, w.Worst = fairness(y.Lateness)
	w.hist.add(y.Latency)
	w.Latency, w.Curve = percentilesOf(&w.hist), curveOf(&w.hist)
	return w
}

// inside compares the servers' pages at both ends.
func (fl *flow) inside(after page) *Inside {
	since := func(name string) float64 { return after.since(fl.before, name) }
	return &Inside{
		Ticks:      since("azira_ticks_in_total"),
		PauseShare: since("go_gc_duration_seconds_sum") / time.Since(fl.looked).Seconds(),
		PerWrite:   ratio(since("azira_frames_out_total"), since("azira_writes_total")),
		Skipped:    since(skippedTicks),
		Ever:       after[skippedTicks],
		Laps:       since("azira_ring_laps_total"),
		Allocs:     max(since(mallocs)-fl.looks, 0),
	}
}

// harness notes how busy clients and feed were on so many processors. Each swarm is one
// thread, and so is the feed, nearly: one that fills a processor holds the run up however
// many others are idle.
func (w *Window) harness(own spent, busiest float64, processors int) {
	w.Harness = ratio(own.swarms+own.feed, own.took*float64(max(processors, 1)))
	w.Busiest = max(busiest, ratio(own.feed, own.took))
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
