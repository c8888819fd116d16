package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// A StreamsConfig sets up the scenario streams: what a stream costs in memory,
// and a tick in allocations and encodings.
type StreamsConfig struct {
	Streams  int
	Tokens   int // of each stream
	Universe int // tokens there are
	Rate     int // ticks per second over all tokens
	Seconds  float64
	Shared   bool // all streams hold the same tokens

	Executable string    // azira, for the server
	Command    string    // what was called, for the report
	Progress   io.Writer // a line for each phase
}

// Check refuses settings that do not fit, before anything is started.
func (c *StreamsConfig) Check() error {
	for _, s := range []struct {
		name        string
		n, min, max int
	}{
		{"streams", c.Streams, streamsMin, streamsMax},
		{"tokens", c.Tokens, 1, tokensMax},
		{"universe", c.Universe, 1, universeMax},
		{"rate", c.Rate, 1, rateMax},
	} {
		if s.n < s.min || s.n > s.max {
			return fmt.Errorf("%w: --%s %d: expected %d to %d", ErrConfig,
				s.name, s.n, s.min, s.max)
		}
	}
	if !(c.Seconds >= secondsMin && c.Seconds <= secondsMax) { // NaN is neither
		return fmt.Errorf("%w: --seconds %g: expected %d to %d", ErrConfig, c.Seconds,
			secondsMin, secondsMax)
	}
	if c.Tokens > c.Universe {
		return fmt.Errorf("%w: --tokens %d out of --universe %d: there are not so many",
			ErrConfig, c.Tokens, c.Universe)
	}
	return checkDescriptors(c.Streams+fdSpare, "streams")
}

// window is the time with ticks, or without.
func (c *StreamsConfig) window() time.Duration {
	return time.Duration(c.Seconds * float64(time.Second))
}

// longest bounds the whole run.
func (c *StreamsConfig) longest() time.Duration {
	opening := time.Duration(c.Streams/openRateMin) * time.Second
	return startTimeout + opening + 4*(c.window()+windowTail) +
		(sizes+1)*returnTimeout + (sizes+4)*settleTimeout
}

// A streamsRun is what the scenario has under way.
type streamsRun struct {
	// Fixed.
	c      *StreamsConfig
	source *source
	server *server
	fleet  *fleet
	scrape *scraper

	report *StreamsReport
}

// RunStreams runs the scenario. When it returns, nothing of it is left running.
func RunStreams(ctx context.Context, c StreamsConfig) (*StreamsReport, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	ctx, end := context.WithTimeoutCause(ctx, c.longest(), errTooLong)
	defer end()
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	r := &streamsRun{c: &c, report: newStreamsReport(&c)}
	err := r.start(ctx, fail)
	for _, phase := range []func(context.Context) error{
		r.fill, r.idle, r.tick, r.more, r.idle, r.after,
	} {
		if err == nil {
			err = phase(ctx)
		}
	}
	if why := context.Cause(ctx); err != nil && why != nil {
		err = why // what came of it is of no interest
	}
	if err = errors.Join(err, r.stop()); err != nil {
		return nil, err
	}
	return r.report, nil
}

func (r *streamsRun) say(format string, args ...any) {
	fmt.Fprintf(r.c.Progress, "azira bench: "+format+"\n", args...)
}

// start brings up feed and server and makes the tokens known.
func (r *streamsRun) start(ctx context.Context, fail func(error)) (err error) {
	l := load{Universe: r.c.Universe, Tokens: r.c.Tokens}
	if r.c.Shared {
		l.Same = 1
	}
	epoch := monotonic()
	if r.source, err = newSource(l, newClock(epoch)); err != nil {
		return err
	}
	r.server, err = startServer(ctx, aziraKind(r.c.Executable, r.source.pub.Endpoint()), fail)
	if err != nil {
		return err
	}
	r.scrape = newScraper(r.server.admin)
	r.say("server ready, admin port http://%s", r.server.admin)
	p, err := r.scrape.metrics(ctx)
	if err != nil {
		return err
	}
	if err := p.needs(append(streamsMetrics, memoryMetrics...)...); err != nil {
		return err
	}
	if room := int(p["azira_connections_max"]); room < r.c.Streams {
		return fmt.Errorf("%w: the server has some for %d streams, not for %d: "+
			"raise the limit (ulimit -n) or lower --streams", errDescriptors, room, r.c.Streams)
	}
	if err := await(ctx, "a subscriber of the feed", r.subscribed); err != nil {
		return err
	}
	r.source.all()
	if err := await(ctx, "the tokens to be known", r.known); err != nil {
		return err
	}
	bearer, err := r.server.bearer(ctx, "")
	if err != nil {
		return err
	}
	r.fleet, err = startFleet(fleetPlan{executable: r.c.Executable, clients: r.c.Streams,
		setups: []swarmLoad{{Load: l, Addr: r.server.public, Bearer: bearer,
			Dialect: dialectText, Epoch: epoch}}}, fail)
	return err
}

func (r *streamsRun) subscribed(context.Context) (bool, error) {
	return r.source.connected(1), nil
}

func (r *streamsRun) known(ctx context.Context) (bool, error) {
	p, err := r.scrape.metrics(ctx)
	return p["azira_tokens"] >= float64(r.c.Universe), err
}

// fill opens the streams in steps and weighs the server at each.
func (r *streamsRun) fill(ctx context.Context) error {
	for i := range sizes {
		n := r.c.Streams * (i + 1) / sizes
		began := time.Now()
		if err := r.fleet.grow(ctx, n); err != nil {
			return err
		}
		m, err := r.weigh(ctx, n)
		if err != nil {
			return err
		}
		r.report.Memory.Points = append(r.report.Memory.Points, m)
		r.say("%d streams after %.1f s more", n, time.Since(began).Seconds())
	}
	r.report.Memory.PerStream = PerStream(r.report.Memory.Points)
	return r.fleet.hear(ctx, r.source)
}

// weigh waits until the server is at rest with n streams and reads its memory.
func (r *streamsRun) weigh(ctx context.Context, n int) (Memory, error) {
	err := await(ctx, "the streams to be counted", func(ctx context.Context) (bool, error) {
		p, err := r.scrape.metrics(ctx)
		return p["azira_connections"] == float64(n) && p["azira_http_connections"] == 0, err
	})
	if err != nil {
		return Memory{}, err
	}
	if err := r.scrape.returned(ctx); err != nil {
		return Memory{}, err
	}
	p, err := r.scrape.settled(ctx)
	return memoryOf(p, n), err
}

// idle counts the allocations of a window without ticks. There is one on each
// side of that with ticks: what they differ by is no ticks' doing.
func (r *streamsRun) idle(ctx context.Context) error {
	r.say("%v without ticks", r.c.window())
	before, err := r.scrape.settled(ctx)
	if err != nil {
		return err
	}
	if err := pause(ctx, r.c.window()+windowTail); err != nil {
		return err
	}
	after, err := r.scrape.settled(ctx)
	a := &r.report.Allocations
	a.Idle = append(a.Idle, after.since(before, mallocs))
	return err
}

// tick counts what a window of the same length does with ticks.
func (r *streamsRun) tick(ctx context.Context) error { return r.play(ctx, r.c.Rate) }

// more does so with several times as many: what does not grow is no ticks' doing.
func (r *streamsRun) more(ctx context.Context) error { return r.play(ctx, moreTimes*r.c.Rate) }

func (r *streamsRun) play(ctx context.Context, rate int) error {
	ticks := int(r.c.Seconds * float64(rate))
	r.say("%d ticks at %d/s", ticks, rate)
	before, err := r.scrape.settled(ctx)
	if err != nil {
		return err
	}
	if _, err := r.fleet.ask(ctx, swarmCommand{Do: doBegin}); err != nil {
		return err
	}
	if err := r.source.play(ctx, ticks, float64(rate)); err != nil {
		return err
	}
	if err := r.deliver(ctx); err != nil {
		return err
	}
	after, err := r.scrape.settled(ctx)
	r.report.count(before, after)
	return err
}

// deliver waits for the last ticks to arrive and counts them all.
func (r *streamsRun) deliver(ctx context.Context) error {
	d, drained := &r.report.Delivery, time.Now()
	if err := pause(ctx, windowTail); err != nil {
		return err
	}
	final := swarmCommand{Do: doFinal, Last: r.source.published}
	err := await(ctx, "the last ticks to arrive", func(ctx context.Context) (bool, error) {
		left, err := r.fleet.ask(ctx, final)
		d.Missing = left.Left
		return left.Left == 0, err
	})
	if err != nil && !errors.Is(err, errLate) {
		return err
	}
	end, err := r.fleet.ask(ctx, swarmCommand{Do: doEnd})
	if err != nil {
		return err
	}
	d.DrainedS = max(d.DrainedS, time.Since(drained).Seconds())
	d.LatestMs = max(d.LatestMs, float64(r.source.late.max)/1e3)
	d.Dropped = r.source.dropped()
	d.Received += end.Tally.Frames
	d.Faults.add(&end.Tally.Faults)
	d.Due = d.Received + d.Missing + d.Faults.Missing
	return nil
}

// after sums up and weighs the server once more.
func (r *streamsRun) after(ctx context.Context) (err error) {
	r.report.Allocations.compute()
	r.report.Memory.AfterTicks, err = r.weigh(ctx, r.c.Streams)
	return err
}

// stop ends what there is, the server first so that it sees its streams off.
func (r *streamsRun) stop() (err error) {
	if r.server != nil {
		r.say("stopping")
		err = r.server.stop()
	}
	if r.fleet != nil {
		err = errors.Join(err, r.fleet.close())
	}
	if r.scrape != nil {
		r.scrape.close()
	}
	if r.source != nil {
		err = errors.Join(err, r.source.close())
	}
	return err
}
