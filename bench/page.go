package bench

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// WritePage writes the report as one page of HTML that needs nothing else.
func WritePage(w io.Writer, r *RunReport) error {
	var text strings.Builder
	t := &table{w: tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)}
	r.table(t)
	if err := t.w.Flush(); err != nil {
		return fmt.Errorf("write table: %w", err)
	}
	err := pageTemplate.Execute(w, struct {
		Report *RunReport
		Load   string
		Table  string
		Plots  []plot
	}{r, r.Settings.words(), text.String(), r.plots()})
	if err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	return nil
}

// plots are the pictures there is something to draw in.
func (r *RunReport) plots() []plot {
	all := []plot{
		r.bars("CPU per delivered tick"),
		r.bars("wire bytes per tick"),
		{title: "Latency: how many ticks came within", x: "share of ticks", y: "ms",
			nines: true, logY: true, series: r.lines(latencyCurve)},
		{title: "Latency p99 by rate", x: "deliveries/s", y: "ms", logX: true, logY: true,
			series: r.lines(sweep)},
		{title: "User-space memory of the server", x: "connections", y: "bytes",
			series: r.lines(memoryBy(func(m Memory) float64 { return m.User }))},
		{title: "RSS of the server", x: "connections", y: "bytes",
			series: r.lines(memoryBy(func(m Memory) float64 { return m.RSS }))},
		r.bars("RSS per connection"),
	}
	return slices.DeleteFunc(all, func(p plot) bool { return len(p.series) == 0 })
}

// bars show one figure of each target.
func (r *RunReport) bars(name string) plot {
	p := plot{title: name + " (median, least and most)"}
	for i := range r.Targets {
		if f := r.Targets[i].figure(name); f != nil {
			p.y = f.Unit
			p.series = append(p.series, series{name: r.Targets[i].Name, spread: &f.Value})
		}
	}
	return p
}

// lines are the targets' middle ones over the rounds, point by point.
func (r *RunReport) lines(of func(t *Trial) []Point) (out []series) {
	for i := range r.Targets {
		var all [][]Point
		for j := range r.Targets[i].Trials {
			if ps := of(&r.Targets[i].Trials[j]); len(ps) > 0 {
				all = append(all, ps)
			}
		}
		if len(all) > 0 {
			out = append(out, series{name: r.Targets[i].Name, points: middle(all)})
		}
	}
	return out
}

// middle takes the median of lines over the same x, and the first where they differ.
func middle(lines [][]Point) []Point {
	out := slices.Clone(lines[0])
	for i := range out {
		var ys []float64
		for _, l := range lines {
			if i >= len(l) || l[i].X != out[i].X {
				return out
			}
			ys = append(ys, l[i].Y)
		}
		out[i].Y = spreadOf(ys).Median
	}
	return out
}

func latencyCurve(t *Trial) []Point {
	if t.Window == nil {
		return nil
	}
	return t.Window.Curve
}

func sweep(t *Trial) (out []Point) {
	for _, w := range t.Steps {
		out = append(out, Point{w.Offered, w.Latency.P99})
	}
	slices.SortFunc(out, func(a, b Point) int { return int(a.X - b.X) })
	return out
}

func memoryBy(of func(Memory) float64) func(*Trial) []Point {
	return func(t *Trial) (out []Point) {
		if t.Idle == nil {
			return nil
		}
		for _, m := range t.Idle.Points {
			if of(m) > 0 {
				out = append(out, Point{float64(m.Streams), of(m)})
			}
		}
		return out
	}
}
