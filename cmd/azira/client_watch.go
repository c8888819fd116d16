package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"azira/client"
)

// showOptions say how ticks are shown.
type showOptions struct {
	table, raw bool
	count      uint64                     // end after so many ticks; 0 = never
	header     func(now time.Time) string // above the table; nil = none
	tell       *teller                    // what else the stream says; nil = nothing
}

// clientWatch logs in, subscribes and prints ticks until ctx or the count ends.
func clientWatch(ctx context.Context, c clientConfig, words []string, tm *terminal) error {
	tokens := tokensOf(words)
	if len(tokens) == 0 {
		return fmt.Errorf("%w: watch needs tokens, like NSE:26009,NSE:26000", errUsage)
	}
	if c.message.ack && c.dialect == client.Text {
		return fmt.Errorf("%w: --ack needs --dialect json or bin, which bring messages", errUsage)
	}
	name, password, err := who(ctx, c, tm, c.register)
	if err != nil {
		return err
	}
	v, err := enter(ctx, c, name, password, c.register)
	if err != nil {
		return orInterrupted(ctx, err)
	}
	defer v.leave()
	return orInterrupted(ctx, v.watch(ctx, tokens, c.show, tm, nil))
}

// watch shows ticks of tokens until ctx, stop or the count ends, or the stream does.
func (v *visit) watch(ctx context.Context, tokens []string, o showOptions, tm *terminal,
	stop <-chan inputResult) error {
	s, err := v.open(ctx, tm)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := v.confirm(ctx, s, tokens, tm); err != nil {
		return err
	}
	o.tell = newTeller(s, v.c, tm)
	defer o.tell.close()
	if v.c.dialect != client.Text {
		o.header = o.tell.header
	}
	if showTicks(ctx, s.Ticks(), o, tm, stop) == ticksEnded {
		return s.Err()
	}
	if lost := s.Stats().Conflated; lost > 0 {
		fmt.Fprintf(tm.err, "%d ticks were left out: the output was slower than the feed\n", lost)
	}
	return nil
}

// confirm subscribes and does not wait for ever. Tokens that fail are an error only
// if all do.
func (v *visit) confirm(ctx context.Context, s *client.Stream, tokens []string,
	tm *terminal) error {
	ctx, cancel := context.WithTimeout(ctx, confirmTimeout)
	defer cancel()
	ack, err := s.SubscribeWith(ctx, v.c.subscribe, tokens...)
	if err != nil || len(ack.OK) == 0 {
		return cmp.Or(err, ack.Err())
	}
	for _, f := range ack.Failed {
		fmt.Fprintf(tm.err, "not subscribed: %v\n", f)
	}
	return nil
}

// orInterrupted takes an interrupt for a good end, not for an error.
func orInterrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// clientBus prints ticks of the bus, without a server.
func clientBus(ctx context.Context, c clientConfig, words []string, tm *terminal) error {
	return watchBus(ctx, c, tokensOf(words), tm, nil)
}

func watchBus(ctx context.Context, c clientConfig, tokens []string, tm *terminal,
	stop <-chan inputResult) error {
	b, err := client.OpenBus(c.endpoint, client.BusOptions{Tokens: tokens})
	if err != nil {
		return err
	}
	defer b.Close()
	waiting := time.AfterFunc(busWait, func() {
		if !b.Stats().Connected {
			fmt.Fprintf(tm.err, "nobody publishes at %s yet: waiting\n", c.endpoint)
		}
	})
	defer waiting.Stop()
	showTicks(ctx, b.Ticks(), c.show, tm, stop)
	return nil
}

// An ending is why showTicks returned.
type ending uint8

const (
	interrupted ending = iota // by ctx or stop
	counted                   // as many ticks as were wanted
	ticksEnded                // the channel was closed
)

// showTicks shows ticks as o says, until one of the endings.
func showTicks(ctx context.Context, ticks <-chan client.Tick, o showOptions, tm *terminal,
	stop <-chan inputResult) ending {
	sw := newShow(o, tm)
	defer sw.close()
	tl := o.tell
	if tl == nil {
		tl = &teller{}
	}
	for n := uint64(0); o.count == 0 || n < o.count; {
		select {
		case t, ok := <-ticks:
			if !ok {
				return ticksEnded
			}
			sw.tick(t)
			n++
			continue
		default:
			sw.idle()
		}
		select {
		case t, ok := <-ticks:
			if !ok {
				return ticksEnded
			}
			sw.tick(t)
			n++
		case now := <-sw.redraw:
			sw.draw(now)
		case e, ok := <-tl.events:
			tl.event(e, ok)
		case m, ok := <-tl.letters:
			tl.message(m, ok, sw)
		case <-tl.look:
			tl.proof()
		case <-stop:
			tm.reading = false
			return interrupted
		case <-ctx.Done():
			return interrupted
		}
	}
	return counted
}

// A show is the output of ticks: lines, or a table drawn now and then.
type show struct {
	o       showOptions
	w       *bufio.Writer
	table   *table
	screen  *screen
	redraw  <-chan time.Time // nil without a table
	ticker  *time.Ticker
	sampled time.Time // when rates were measured
}

func newShow(o showOptions, tm *terminal) *show {
	sw := &show{o: o, w: bufio.NewWriter(tm.out)}
	if o.table {
		sw.table, sw.screen = newTable(), newScreen(tm)
		sw.ticker = time.NewTicker(sw.screen.every())
		sw.redraw, sw.sampled = sw.ticker.C, time.Now()
	}
	return sw
}

func (sw *show) tick(t client.Tick) {
	switch {
	case sw.table != nil:
		sw.table.add(t)
	case sw.o.raw:
		writeData(sw.w, t.Data)
	default:
		writeTick(sw.w, t, time.Now())
	}
}

// idle is called when no tick waits.
func (sw *show) idle() { sw.w.Flush() }

func (sw *show) draw(now time.Time) {
	if since := now.Sub(sw.sampled); since >= sampleEvery {
		sw.table.sample(since)
		sw.sampled = now
	}
	header := ""
	if sw.o.header != nil {
		header = sw.o.header(now)
	}
	sw.screen.draw(sw.table, header, now)
}

func (sw *show) close() {
	sw.w.Flush()
	if sw.ticker != nil {
		sw.ticker.Stop()
		sw.draw(time.Now())
	}
}

// writeData prints the publisher's JSON as it is, but for line ends and other
// control characters, which JSON allows only between its words.
func writeData(w io.Writer, data []byte) {
	fmt.Fprintln(w, printable(string(data)))
}

// writeTick prints one line: time, token, and the prices, or the data if there are
// none; seq and what was left out, where the dialect tells.
func writeTick(w io.Writer, t client.Tick, now time.Time) {
	if !t.Time.IsZero() {
		now = t.Time
	}
	fmt.Fprintf(w, "%s %s", now.Format("15:04:05.000"), printable(t.Token))
	notes := ""
	if t.Seq > 0 || t.Snap {
		fmt.Fprintf(w, " #%d", t.Seq)
		notes = tickNotes(t)
	}
	q, err := t.Quote()
	if err != nil || q.Last == "" {
		fmt.Fprintf(w, " %s%s%s\n", printable(string(t.Data)), printable(string(t.Value)), notes)
		return
	}
	fmt.Fprintf(w, " ltp %s", q.Last)
	if q.Bid != "" {
		fmt.Fprintf(w, " bid %s", q.Bid)
	}
	if q.Ask != "" {
		fmt.Fprintf(w, " ask %s", q.Ask)
	}
	fmt.Fprintln(w, notes)
}

// printable keeps a feed's or server's words from moving the cursor.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
}
