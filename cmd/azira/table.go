package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"azira/client"
)

// A table is what is known of each token, drawn as rows:
//
//	TOKEN          LAST     CHANGE          BID       ASK   TICKS/S
//	NSE:26009  22345.15 ▲ +12.35 +0.06%  22345.10  22345.20    12.0
//
// CHANGE is since the table began; arrow and colour are its sign.
// Prices have the publisher's own decimals. Ticks left out are counted in TICKS/S
// all the same.
type table struct {
	rows map[string]*row
}

type row struct {
	token       string
	quote       client.Quote
	first, last float64
	priced      bool
	ticks       uint64
	sampled     uint64 // ticks at the last sample
	rate        float64
}

func newTable() *table { return &table{rows: make(map[string]*row)} }

// add takes a tick in.
func (tb *table) add(t client.Tick) {
	r := tb.rows[t.Token]
	if r == nil {
		r = &row{token: t.Token}
		tb.rows[t.Token] = r
	}
	r.ticks += 1 + t.Missed + t.Skipped
	q, err := t.Quote()
	if err != nil {
		return
	}
	r.quote = q
	last, err := strconv.ParseFloat(q.Last.String(), 64)
	if err != nil {
		return
	}
	if !r.priced {
		r.priced, r.first, r.last = true, last, last
	}
	r.last = last
}

// sample measures rates over the time since the sample before.
func (tb *table) sample(elapsed time.Duration) {
	if elapsed <= 0 {
		return
	}
	for _, r := range tb.rows {
		r.rate = float64(r.ticks-r.sampled) / elapsed.Seconds()
		r.sampled = r.ticks
	}
}

// render draws the table under the lines of a header, or none, into at most height
// lines of at most width columns.
func (tb *table) render(header string, width, height int, colour bool) []string {
	var lines []string
	for line := range strings.Lines(header) {
		lines = append(lines, clip(strings.TrimSuffix(line, "\n"), width))
	}
	names := slices.Sorted(maps.Keys(tb.rows))
	wide := len("TOKEN")
	for _, n := range names {
		wide = max(wide, min(utf8.RuneCountInString(n), 32))
	}
	lines = append(lines, clip(fmt.Sprintf("%-*s %11s   %-19s %11s %11s %9s",
		wide, "TOKEN", "LAST", "CHANGE", "BID", "ASK", "TICKS/S"), width))
	room := max(height-len(lines), 0)
	more := 0
	if len(names) > room {
		more = len(names) - max(room-1, 0)
		names = names[:len(names)-more]
	}
	for _, n := range names {
		lines = append(lines, tb.rows[n].render(wide, width, colour))
	}
	if more > 0 && room > 0 {
		lines = append(lines, clip(fmt.Sprintf("and %d more", more), width))
	}
	return lines
}

func (r *row) render(wide, width int, colour bool) string {
	name := clip(printable(r.token), wide)
	left := fmt.Sprintf("%-*s %11s ", wide, name, dash(r.quote.Last.String()))
	up := cmp.Compare(r.last, r.first)
	change := fmt.Sprintf("%s %-19s", arrow(up), r.change())
	right := fmt.Sprintf(" %11s %11s %9.1f",
		dash(r.quote.Bid.String()), dash(r.quote.Ask.String()), r.rate)
	whole := left + change + right
	if !colour || up == 0 || utf8.RuneCountInString(whole) > width {
		return clip(whole, width)
	}
	paint := "\x1b[32m" // green
	if up < 0 {
		paint = "\x1b[31m" // red
	}
	return left + paint + change + "\x1b[0m" + right
}

// change is the difference since the first price, absolute and in per cent.
func (r *row) change() string {
	if !r.priced {
		return "-"
	}
	_, decimals, _ := strings.Cut(r.quote.Last.String(), ".")
	d := r.last - r.first
	text := signed(d, min(len(decimals), 8))
	if r.first != 0 {
		text += " " + signed(100*d/r.first, 2) + "%"
	}
	return text
}

// signed is v with its sign, which what rounds to zero has not.
func signed(v float64, decimals int) string {
	text := fmt.Sprintf("%+.*f", decimals, v)
	if strings.Trim(text, "+-0.") == "" {
		return " " + text[1:]
	}
	return text
}

func arrow(up int) string {
	switch {
	case up > 0:
		return "▲"
	case up < 0:
		return "▼"
	}
	return " "
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// clip cuts s after width characters.
func clip(s string, width int) string {
	if utf8.RuneCountInString(s) <= width {
		return s
	}
	return string([]rune(s)[:max(width, 0)])
}
