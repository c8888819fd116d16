package bench

import (
	"fmt"
	"html/template"
	"math"
	"strings"
)

// A series is one line of a plot, or one bar where it has one point.
type series struct {
	name   string
	points []Point
	spread *Spread // of a bar: whiskers
}

// A plot is a picture: lines over two axes that begin at 0, or at a power of ten
// where they are logarithmic.
type plot struct {
	title, x, y string
	logX, logY  bool
	nines       bool // x counts nines: 1 is 90 %, 2 is 99 %
	series      []series
}

// Measures of a picture, in its own units.
const (
	plotWidth, plotHeight = 680, 340
	plotLeft, plotRight   = 78, 30
	plotTop, plotBottom   = 34, 50
	plotName              = 84 // a name's room below
)

// palette is told apart by people who see few colours, too.
var palette = []string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"}

// An axis maps values to places.
type axis struct {
	low, high   float64
	from, to    float64 // places
	logarithmic bool
}

func (a *axis) at(v float64) float64 {
	low, high := a.low, a.high
	if a.logarithmic {
		v, low, high = math.Log10(max(v, a.low)), math.Log10(low), math.Log10(high)
	}
	return a.from + (a.to-a.from)*(v-low)/(high-low)
}

// newAxis has room for all values.
func newAxis(vs []float64, logarithmic bool, from, to float64) axis {
	a := axis{from: from, to: to, logarithmic: logarithmic, high: 1}
	if !logarithmic {
		for _, v := range vs {
			a.high = max(a.high, v)
		}
		if top := maxOf(vs); top > 0 && top < 1 {
			a.high = top
		}
		return a
	}
	a.low = math.Inf(1)
	for _, v := range vs {
		if v > 0 {
			a.low, a.high = min(a.low, v), max(a.high, v)
		}
	}
	a.low = math.Pow(10, math.Floor(math.Log10(min(a.low, a.high/10))))
	a.high = math.Pow(10, math.Ceil(math.Log10(a.high)))
	return a
}

func maxOf(vs []float64) (top float64) {
	for _, v := range vs {
		top = max(top, v)
	}
	return top
}

// ticks are values to be marked.
func (a *axis) ticks() (out []float64) {
	if a.logarithmic {
		for v := a.low; v <= a.high*1.001; v *= 10 {
			out = append(out, v)
		}
		return out
	}
	const about = 5
	raw := a.high / about
	unit := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, m := range []float64{1, 2, 5, 10} {
		if m*unit >= raw {
			unit *= m
			break
		}
	}
	for v := 0.0; v <= a.high*1.001; v += unit {
		out = append(out, v)
	}
	return out
}

// SVG draws the plot.
func (p *plot) SVG() template.HTML {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %d %d" role="img"><title>%s</title>`,
		plotWidth, plotHeight, template.HTMLEscapeString(p.title))
	text(&b, plotLeft, 18, "start", "h", p.title)
	x, y := p.axes()
	p.grid(&b, &x, &y)
	for i, s := range p.series {
		colour := palette[i%len(palette)]
		if s.spread != nil {
			p.bar(&b, i, s, &y, colour)
			continue
		}
		var path strings.Builder
		for _, q := range s.points {
			fmt.Fprintf(&path, "%.1f,%.1f ", x.at(q.X), y.at(q.Y))
		}
		fmt.Fprintf(&b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`,
			path.String(), colour)
		for _, q := range s.points {
			if len(s.points) <= 20 {
				fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>`,
					x.at(q.X), y.at(q.Y), colour)
			}
		}
		at := plotLeft + plotName*i
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="12" height="3" fill="%s"/>`,
			at, plotHeight-12, colour)
		text(&b, float64(at+18), plotHeight-8, "start", "", s.name)
	}
	b.WriteString("</svg>")
	return template.HTML(b.String()) // names in it are escaped
}

func (p *plot) axes() (x, y axis) {
	var xs, ys []float64
	for _, s := range p.series {
		for _, q := range s.points {
			xs, ys = append(xs, q.X), append(ys, q.Y)
		}
		if s.spread != nil {
			ys = append(ys, s.spread.Max)
		}
	}
	x = newAxis(xs, p.logX, plotLeft, plotWidth-plotRight)
	y = newAxis(ys, p.logY, plotHeight-plotBottom, plotTop)
	return x, y
}

// grid draws lines and numbers.
func (p *plot) grid(b *strings.Builder, x, y *axis) {
	for _, v := range y.ticks() {
		at := y.at(v)
		fmt.Fprintf(b, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" class="g"/>`,
			plotLeft, plotWidth-plotRight, at, at)
		text(b, plotLeft-6, at+4, "end", "", short(v))
	}
	text(b, 12, plotTop-2, "start", "", p.y)
	text(b, plotWidth-plotRight, plotHeight-8, "end", "", p.x)
	if len(p.series) > 0 && p.series[0].spread != nil {
		return
	}
	for _, v := range x.ticks() {
		at, label := x.at(v), short(v)
		if p.nines {
			label = strings.TrimRight(decimals(100-100*math.Pow(10, -v), 4), "0")
			label = strings.TrimSuffix(label, ".") + " %"
		}
		fmt.Fprintf(b, `<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" class="g"/>`,
			at, at, plotTop, plotHeight-plotBottom)
		text(b, at, plotHeight-plotBottom+16, "middle", "", label)
	}
}

// bar draws a median, and whiskers to the least and the most.
func (p *plot) bar(b *strings.Builder, i int, s series, y *axis, colour string) {
	room := float64(plotWidth-plotLeft-plotRight) / float64(len(p.series))
	width := min(room*0.6, 90)
	mid := plotLeft + room*(float64(i)+0.5)
	top, foot := y.at(s.spread.Median), y.at(y.low)
	fmt.Fprintf(b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`,
		mid-width/2, top, width, foot-top, colour)
	fmt.Fprintf(b, `<line x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f" class="w"/>`,
		mid, mid, y.at(s.spread.Min), y.at(s.spread.Max))
	text(b, mid, foot+16, "middle", "", s.name)
	text(b, mid+width/2+4, top+4, "start", "", figure(s.spread.Median))
}

func text(b *strings.Builder, x, y float64, anchor, class, words string) {
	fmt.Fprintf(b, `<text x="%.1f" y="%.1f" text-anchor="%s" class="%s">%s</text>`,
		x, y, anchor, class, template.HTMLEscapeString(words))
}

// short writes 2500000 as 2.5M.
func short(v float64) string {
	for _, u := range []struct {
		size float64
		name string
	}{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if math.Abs(v) >= u.size {
			return fmt.Sprintf("%.4g%s", v/u.size, u.name)
		}
	}
	return fmt.Sprintf("%.4g", v)
}
