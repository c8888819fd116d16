package main

import (
	"fmt"
	"strings"
	"time"

	"azira/client"
)

var dialects = map[string]client.Dialect{
	"text": client.Text, "json": client.JSON, "bin": client.Binary,
}

var modes = map[string]client.Mode{"full": client.ModeFull, "ltp": client.ModeLTP}

// setDialect judges --dialect, --mode and --max-rate together.
func (c *clientConfig) setDialect(dialect, mode string) (err error) {
	var known, knownMode bool
	c.dialect, known = dialects[dialect]
	c.subscribe.Mode, knownMode = modes[mode]
	typed := c.dialect != client.Text
	switch {
	case !known:
		err = fmt.Errorf("%w: --dialect %q is none of text, json, bin", errUsage, dialect)
	case !knownMode:
		err = fmt.Errorf("%w: --mode %q is none of full, ltp", errUsage, mode)
	case !typed && c.subscribe != (client.SubscribeOptions{}):
		err = fmt.Errorf("%w: --mode and --max-rate need --dialect json or bin", errUsage)
	case c.show.raw && (c.dialect == client.Binary || c.subscribe.Mode != client.ModeFull):
		err = fmt.Errorf("%w: --raw needs the publisher's JSON: not --dialect bin, not --mode ltp",
			errUsage)
	}
	return err
}

// A teller says on standard error what a typed stream tells beside ticks, and when
// it is proved complete or no more. Its channels are nil for the text dialect.
type teller struct {
	s       *client.Stream
	tm      *terminal
	quiet   bool // a table's header says it
	events  <-chan client.Event
	look    <-chan time.Time
	letters <-chan client.Message
	acks    *acker // nil: what is shown is not acknowledged
	latest  string // message, for a table's header
	ticker  *time.Ticker
	state   client.ProofState // as last said
}

func newTeller(s *client.Stream, c clientConfig, tm *terminal) *teller {
	tl := &teller{s: s, tm: tm, quiet: c.show.table}
	if c.dialect != client.Text {
		tl.ticker = time.NewTicker(proofEvery)
		tl.events, tl.look, tl.letters = s.Events(), tl.ticker.C, s.Messages()
		if c.message.ack {
			tl.acks = newAcker(s, tm)
		}
	}
	return tl
}

// event takes what the channel gave; the channel's end is no event.
func (tl *teller) event(e client.Event, ok bool) {
	switch {
	case !ok:
		tl.events = nil
	case !tl.quiet:
		fmt.Fprintln(tl.tm.err, printable(fmt.Sprint(e)))
	}
}

// message shows one where it fits: among the lines of ticks, above a table, or beside
// what is the publishers' alone.
func (tl *teller) message(m client.Message, ok bool, sw *show) {
	if !ok {
		tl.letters = nil
		return
	}
	words := messageWords(m)
	line := m.Time.Format("15:04:05.000") + " " + words
	switch {
	case sw.table != nil:
		tl.latest = "\n" + line
	case sw.o.raw:
		fmt.Fprintln(tl.tm.err, line)
	default:
		fmt.Fprintln(sw.w, line)
	}
	sw.idle() // shown before it is acknowledged
	if tl.acks != nil {
		tl.acks.shown(m.ID)
	}
}

// proof says the proof's state where it has changed.
func (tl *teller) proof() {
	p := tl.s.Complete()
	if p.State != tl.state && !tl.quiet {
		fmt.Fprintln(tl.tm.err, proofWords(p))
	}
	tl.state = p.State
}

// close says the last of it.
func (tl *teller) close() {
	if tl.ticker == nil {
		return
	}
	tl.ticker.Stop()
	if tl.acks != nil {
		tl.acks.close()
	}
	fmt.Fprintln(tl.tm.err, proofWords(tl.s.Complete()))
}

// header is the line above a table. Without a connection nothing is known of the feed.
func (tl *teller) header(time.Time) string {
	if since := tl.s.LostAt(); !since.IsZero() {
		return "not connected since " + since.Format("15:04:05")
	}
	feed := tl.s.Feed()
	return fmt.Sprintf("feed %s   %s%s", feed.State, proofWords(tl.s.Complete()), tl.latest)
}

func proofWords(p client.Proof) string {
	at := ""
	if !p.At.IsZero() {
		at = " at " + p.At.Format("15:04:05")
	}
	out := fmt.Sprintf("%v%s: %d received, %d skipped, %d gapped", p.State, at,
		p.Received, p.Skipped, p.Gapped)
	if p.Lost+p.Doubled > 0 {
		out += fmt.Sprintf(", %d lost, %d doubled", p.Lost, p.Doubled)
	}
	return out
}

// tickNotes is what a typed dialect says of a tick beside its prices.
func tickNotes(t client.Tick) string {
	var notes []string
	if t.Snap {
		notes = append(notes, "snap")
	}
	if t.Skipped > 0 {
		notes = append(notes, fmt.Sprintf("%d skipped", t.Skipped))
	}
	if t.Missed > 0 {
		notes = append(notes, fmt.Sprintf("%d missed", t.Missed))
	}
	switch {
	case t.Gap == nil:
	case t.Gap.To < t.Gap.From:
		notes = append(notes, fmt.Sprintf("gap (%s)", t.Gap.Reason))
	default:
		notes = append(notes, fmt.Sprintf("gap %d-%d (%s)", t.Gap.From, t.Gap.To, t.Gap.Reason))
	}
	if notes == nil {
		return ""
	}
	return " " + printable(strings.Join(notes, ", "))
}
