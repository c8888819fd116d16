package bench

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

// made is a report as of two rounds.
func made() *RunReport {
	c, _ := Scenario("watch") // there is one
	r := newRunReport(&c, true)
	r.Targets = []TargetReport{{Name: "azira"}, {Name: "a<b"}, {Name: "gone", Missing: "no room"}}
	for i := range 2 {
		for round := range 2 {
			w := Window{CPU: float64(2*(i+1) + round), PerSecond: 100, Jain: 1,
				Latency: Percentiles{P99: 5}, Curve: []Point{{0, 1}, {1, 10}, {2, 100}}}
			r.Targets[i].Trials = append(r.Targets[i].Trials, Trial{Round: round + 1, Window: &w,
				Idle: &Idle{Points: []Memory{{Streams: 10, User: 100, RSS: 200}, {Streams: 20, User: 300}}}})
		}
	}
	r.Targets[1].Trials[1].Window.Harness = 0.95
	r.compute()
	return r
}

func TestFigures(t *testing.T) {
	r := made()
	f := r.Targets[1].figure("CPU per delivered tick")
	if f == nil || f.Value != (Spread{4.5, 4, 5}) || *f.Ratio != (Spread{0.55, 0.5, 0.6}) {
		t.Errorf("%+v", f)
	}
	if own := r.Targets[0].figure("CPU per delivered tick"); own.Ratio != nil || own.Value.Median != 2.5 {
		t.Errorf("%+v", own)
	}
	notes := strings.Join(r.Notes, "\n")
	if !strings.Contains(notes, "gone: not measured: no room") || !strings.Contains(notes, "used 95 %") {
		t.Error(notes)
	}
	var text strings.Builder
	if err := Write(&text, r, false); err != nil || !strings.Contains(text.String(), "4.50 (4.00 … 5.00)") {
		t.Errorf("%v\n%s", err, text.String())
	}
	if _, err := json.Marshal(r); err != nil {
		t.Error(err)
	}
}

// Lateness of dialects that count it from different times is not compared, all else is.
func TestDialectRatios(t *testing.T) {
	r := made()
	for i, d := range []string{dialectText, dialectBinary} {
		r.Targets[i].Dialect, r.Targets[i].Figures = d, nil
	}
	r.Settings.Dialects, r.Notes = []string{dialectText, dialectBinary}, nil
	r.compute()
	x := &r.Targets[1]
	if x.figure("latency p99").Ratio != nil || x.figure("CPU per delivered tick").Ratio == nil {
		t.Errorf("%+v", x.Figures)
	}
	var text strings.Builder
	if err := Write(&text, r, false); err != nil || !strings.Contains(text.String(), "taking a tick in") {
		t.Errorf("%v\n%s", err, text.String())
	}
	x.Dialect, x.Figures = dialectJSON, nil
	if r.compute(); x.figure("latency p99").Ratio == nil {
		t.Error("of json it is the same")
	}
}

// A peer that fails later keeps the figures it has.
func TestFailed(t *testing.T) {
	r := made()
	r.Targets[1].Missing, r.Notes = "gone", nil
	r.note(&r.Targets[1])
	if n := strings.Join(r.Notes, "\n"); !strings.Contains(n, "a<b: failed in round 3: gone") ||
		strings.Contains(n, "not measured") {
		t.Error(n)
	}
}

// The page is well-formed where it is drawn, and has every name in it escaped.
func TestPage(t *testing.T) {
	var page strings.Builder
	if err := WritePage(&page, made()); err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(page.String(), "<div class=\"plots\">")
	drawn, _, _ := strings.Cut(rest, "</div>")
	if n := strings.Count(drawn, "<svg "); n != 4 {
		t.Errorf("%d plots", n)
	}
	d := xml.NewDecoder(strings.NewReader(drawn))
	for {
		_, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if strings.Contains(page.String(), "a<b") || strings.Contains(page.String(), "NaN") {
		t.Error("a name not escaped, or a place that is none")
	}
}

// The scenario for fairness counts 100,000 ticks, and a report says how far the worst
// client is from all.
func TestFair(t *testing.T) {
	c, err := Scenario("fair")
	if ticks := c.Rate / c.load().fanOut(c.Clients) * c.Seconds; err != nil || ticks < 100_000 {
		t.Errorf("%g ticks, %v", ticks, err)
	}
	y := &Tally{Frames: 100, Seconds: 1, Lateness: []Lateness{{Clients: 4, Sum: 5, Squares: 7, Most: 2}}}
	w := newWindow(y, usage{}, 1)
	w.Ticks = 100_001
	r := &RunReport{Targets: []TargetReport{{Trials: []Trial{{Window: w}}}}}
	r.compute()
	for name, want := range map[string]float64{"worst client by the mean": 1.6, "ticks counted": 100_001,
		"fairness (Jain)": 25.0 / 28} {
		if f := r.Targets[0].figure(name); f == nil || f.Value.Median != want {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

func TestDescriptors(t *testing.T) {
	for _, flag := range []string{"clients", "streams"} {
		err := checkDescriptors(1<<40, flag)
		if !errors.Is(err, errDescriptors) || !strings.HasSuffix(err.Error(), "lower --"+flag) {
			t.Error(err)
		}
	}
}

func TestScenariosFit(t *testing.T) {
	for _, s := range Scenarios {
		c, err := Scenario(s.Name)
		if err == nil {
			err = c.Check()
		}
		if err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
	}
	for want, change := range map[string]func(c *RunConfig){
		"--clients 0: expected 1 to 1000000": func(c *RunConfig) { c.Clients = 0 },
		"--tokens 9 out of --of 8":           func(c *RunConfig) { c.Tokens, c.Of = 9, 8 },
		"--rate 0: only idle":                func(c *RunConfig) { c.Rate = 0 },
		"--against azira":                    func(c *RunConfig) { c.Against = []string{"nats", "azira"} },
		"--seconds 0: expected":              func(c *RunConfig) { c.Seconds = 0 },
		"--profile: idle has no window": func(c *RunConfig) {
			*c, _ = Scenario("idle")
			c.Profile = "profiles"
		},
	} {
		c, _ := Scenario("watch")
		change(&c)
		if err := c.Check(); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if _, err := Scenario("none"); !errors.Is(err, ErrConfig) {
		t.Error(err)
	}
}
