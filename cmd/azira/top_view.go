package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// lines draw a look. What others chose (names, addresses) can't move the cursor.
func (r topReport) lines(admin string, trouble error) []string {
	if r.Rates == nil {
		r.Rates = &topRates{Fanout: topQuantiles{-1, -1}, First: topQuantiles{-1, -1},
			Last: topQuantiles{-1, -1}}
	}
	lines := []string{r.head(admin, trouble)}
	lines = append(lines, r.totals()...)
	lines = append(lines, r.loops()...)
	lines = append(lines, r.feeds()...)
	lines = append(lines, r.tokens()...)
	lines = append(lines, r.parked()...)
	for i := range lines {
		lines[i] = strings.TrimRight(printable(lines[i]), " ")
	}
	return lines
}

func (r topReport) head(admin string, trouble error) string {
	if trouble != nil {
		return "azira top  " + admin + "  NO ANSWER: " + trouble.Error()
	}
	state := "ready"
	if !r.Ready {
		state = "NOT READY: " + r.Unready
	}
	up := (time.Duration(r.UptimeS) * time.Second).String()
	at := time.UnixMicro(r.Time).Format("15:04:05")
	return fmt.Sprintf("azira top  %s  %s  up %s  %s  feed %s", admin, at, up, state, r.Feed)
}

// totals are a line each: a word, and pairs of names and numbers.
func (r topReport) totals() []string {
	dialects := []string{}
	for _, name := range slices.Sorted(maps.Keys(r.Streams.Dialects)) {
		dialects = append(dialects, fmt.Sprintf("%s %s", name, whole(r.Streams.Dialects[name])))
	}
	closes := []string{}
	for _, code := range slices.Sorted(maps.Keys(r.Streams.Closes)) {
		closes = append(closes, code+" "+whole(r.Streams.Closes[code]))
	}
	p, x := r.Process, r.Rates
	line := func(name string, parts ...string) string {
		return fmt.Sprintf("%-9s%s", name, strings.Join(parts, "   "))
	}
	return []string{
		line("streams", whole(r.Streams.Open)+" of "+whole(r.Streams.Max)+" ("+
			strings.Join(dialects, ", ")+")", fmt.Sprintf("opened %.0f/s", x.Opened),
			fmt.Sprintf("closed %.0f/s", x.Closed), "refused "+whole(r.Streams.Refused)),
		line("ticks", "in "+perSecond(x.TicksIn), "frames out "+perSecond(x.Frames),
			size(x.Bytes)+"/s", "tokens "+whole(r.Ticks.Tokens), "requests "+perSecond(x.Requests)),
		line("slow", "parked "+whole(r.Streams.Parked), "skipped "+perSecond(x.Skipped["slow"]),
			"by max_rate "+perSecond(x.Skipped["max_rate"]), "parks "+whole(r.Streams.Parks)),
		line("rings", "lag "+whole(r.Rings.Lag), "laps "+whole(r.Rings.Laps),
			fmt.Sprintf("writers waited %.3f s", r.Rings.WaitedS),
			"ingress gaps "+whole(r.Ticks.Gaps), "unplaced "+whole(r.Ticks.Unplaced)),
		line("latency", "first write "+x.First.String(), "last write "+x.Last.String(),
			"turn "+x.Fanout.String()),
		line("process", size(float64(p.Resident))+" resident", size(float64(p.Heap))+" heap",
			whole(p.FDs)+" fds of "+whole(p.FDsMax), whole(p.Goroutines)+" goroutines",
			fmt.Sprintf("%.2f processors", x.CPU)),
		line("closes", strings.Join(closes, "   ")),
	}
}

// loops are a row each, in order; of many, the busiest.
func (r topReport) loops() []string {
	order := make([]int, len(r.Loops))
	for i := range order {
		order[i] = i
	}
	busy := func(i int) float64 {
		if i < len(r.Rates.Busy) {
			return r.Rates.Busy[i]
		}
		return 0
	}
	name := "LOOP"
	if len(order) > topLoopsMax {
		slices.SortFunc(order, func(a, b int) int { return cmp.Compare(busy(b), busy(a)) })
		name = fmt.Sprintf("LOOP (%d of %d)", topLoopsMax, len(order))
		order = order[:topLoopsMax]
	}
	rows := [][]string{{name, "BUSY", "STREAMS", "PARKED", "LAG"}}
	for _, i := range order {
		l := r.Loops[i]
		rows = append(rows, []string{fmt.Sprint(i), fmt.Sprintf("%.1f %%", 100*busy(i)),
			whole(l.Streams), whole(l.Parked), whole(l.Lag)})
	}
	return columns(rows)
}

func (r topReport) feeds() []string {
	rows := [][]string{{"FEED", "STATE", "TICKS/S", "LAST TICK", "BAD", "CONNECTS"}}
	for _, f := range r.Feeds {
		state, age := "down", "-"
		if f.Connected {
			state = "connected"
		}
		if f.AgeMs >= 0 {
			age = (time.Duration(f.AgeMs) * time.Millisecond).String() + " ago"
		}
		rows = append(rows, []string{f.Endpoint, state, perSecond(r.Rates.Feeds[f.Endpoint]), age,
			whole(f.Bad), whole(f.Connects)})
	}
	return columns(rows)
}

func (r topReport) tokens() []string {
	rows := [][]string{{"TOKEN", "TICKS/S", "TICKS", "FIRST WRITE p99", "LAST WRITE p99"}}
	for _, x := range r.Busiest[:min(len(r.Busiest), topTokensMax)] {
		rows = append(rows, []string{x.Token, fmt.Sprintf("%.1f", x.PerS), whole(x.Ticks),
			micros(x.FirstUs), micros(x.LastUs)})
	}
	return columns(rows)
}

func (r topReport) parked() []string {
	rows := [][]string{{"PARKED LONGEST", "FOR", "ADDRESS", "DIALECT", "TOKENS"}}
	for _, p := range r.Parked[:min(len(r.Parked), topParkedMax)] {
		rows = append(rows, []string{p.Account, (time.Duration(p.ForS) * time.Second).String(),
			p.Address, p.Dialect, whole(p.Tokens)})
	}
	return columns(rows)
}

// columns aligns rows, the first of which names them; none if there are no others.
func columns(rows [][]string) []string {
	if len(rows) == 1 {
		return nil
	}
	wide := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			wide[i] = max(wide[i], len([]rune(cell)))
		}
	}
	lines := []string{""}
	for _, row := range rows {
		var b strings.Builder
		for i, cell := range row {
			if i == 0 {
				fmt.Fprintf(&b, "%-*s", wide[i], cell)
			} else {
				fmt.Fprintf(&b, "  %*s", wide[i], cell)
			}
		}
		lines = append(lines, b.String())
	}
	return lines
}

func (q topQuantiles) String() string {
	text := func(s float64) string {
		if s < 0 {
			return "-"
		}
		return time.Duration(s * float64(time.Second)).Round(time.Microsecond).String()
	}
	return "p50 " + text(q.P50) + " p99 " + text(q.P99)
}

func micros(us int64) string {
	if us == 0 {
		return "-" // no tick of it was written
	}
	return (time.Duration(us) * time.Microsecond).String()
}

func whole[T int | uint64](n T) string { return thousands(float64(n)) }

func perSecond(v float64) string { return thousands(v) + "/s" }

// size writes 3670016 as 3.5 MiB.
func size(v float64) string {
	for _, unit := range []string{"B", "KiB", "MiB"} {
		if v < 1024 {
			return fmt.Sprintf("%.1f %s", v, unit)
		}
		v /= 1024
	}
	return fmt.Sprintf("%.1f GiB", v)
}
