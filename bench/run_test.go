package bench

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// runJSON runs a scenario as a user does and reads its report.
func runJSON(t *testing.T, program string, args ...string) *RunReport {
	t.Helper()
	cmd := exec.Command(program, append([]string{"bench", "run"}, args...)...)
	var stdout, stderr strings.Builder
	temp := t.TempDir()
	cmd.Env = append(os.Environ(), "TMPDIR="+temp)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, stderr.String())
	}
	checkEmpty(t, temp)
	var r RunReport
	if err := json.Unmarshal([]byte(stdout.String()), &r); err != nil {
		t.Fatalf("%v\n%s", err, stdout.String())
	}
	if len(r.Targets) == 0 || len(r.Targets[0].Trials) == 0 {
		t.Fatalf("%v: nothing was tried\n%s", args, stderr.String())
	}
	return &r
}

// sound says that every tick due came, once, in order, to whom it was for.
func sound(t *testing.T, w *Window) {
	t.Helper()
	if w == nil || w.Frames == 0 || w.CPU <= 0 || w.Faults.wrong()+w.Faults.Missing != 0 ||
		w.Uncounted != 0 || w.Undelivered != 0 ||
		w.Latency.P50 <= 0 || w.Latency.P99 < w.Latency.P50 {
		t.Errorf("%+v", w)
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	program := build(t)
	common := []string{"--rounds", "1", "--seconds", "1", "--json", "-"}
	for name, check := range map[string]func(t *testing.T, r *RunReport){
		"watchlist --clients 50 --tokens 5 --of 20 --rate 5000 --zipf --servers 2": func(
			t *testing.T, r *RunReport) {
			sound(t, r.Targets[0].Trials[0].Window)
		},
		"hot --clients 20 --rate 2000 --against nobody": func(t *testing.T, r *RunReport) {
			w := r.Targets[0].Trials[0].Window
			sound(t, w)
			if w.Ticks < 90 || w.Ticks > 150 || w.Worst < 1 {
				t.Errorf("%d ticks in a second, worst %g", w.Ticks, w.Worst)
			}
			if len(r.Targets) != 2 || r.Targets[1].Missing == "" ||
				!strings.Contains(strings.Join(r.Notes, "\n"), "nobody: not measured") {
				t.Errorf("%+v", r.Targets)
			}
		},
		"firehose --clients 10 --tokens 5 --of 5 --rate 2000 --also=--batch-window=0 --also=GOGC=50": func(
			t *testing.T, r *RunReport) {
			if len(r.Targets) != 3 || r.Targets[1].Name != "--batch-window=0" ||
				r.Targets[2].Name != "GOGC=50" {
				t.Fatalf("%+v", r.Targets)
			}
			for i := range r.Targets {
				sound(t, r.Targets[i].Trials[0].Window)
			}
		},
		"churn --clients 50 --rate 5000 --churn 50": func(t *testing.T, r *RunReport) {
			w := r.Targets[0].Trials[0].Window
			sound(t, w)
			if w.Back == nil || w.Back.Clients < 10 {
				t.Errorf("%+v", w.Back)
			}
		},
		"storm --clients 100 --rate 5000": func(t *testing.T, r *RunReport) {
			sound(t, r.Targets[0].Trials[0].Window)
			if b := r.Targets[0].Trials[0].Back; b == nil || b.Clients != 100 {
				t.Errorf("%+v", b)
			}
		},
		"slow --clients 40 --rate 4000 --share 0.25 --pairs 1 --stall 4": checkSlow,
		"idle --clients 40": func(t *testing.T, r *RunReport) {
			if i := r.Targets[0].Trials[0].Idle; len(i.Points) != sizes || i.Points[3].RSS <= 0 || i.Alone <= 0 {
				t.Errorf("%+v", i)
			}
		},
	} {
		t.Run(strings.Fields(name)[0], func(t *testing.T) {
			t.Parallel()
			check(t, runJSON(t, program, append(strings.Fields(name), common...)...))
		})
	}
}

// Clients of every dialect get what they are due, prove it, and come back to all of it.
func TestRunDialects(t *testing.T) {
	t.Parallel()
	program := build(t)
	for name, check := range map[string]func(t *testing.T, r *RunReport){
		"watchlist --clients 20 --tokens 5 --of 20 --rate 4000 --seconds 1 --dialects text,json,json-ltp,bin,bin-ltp": checkDialectsRun,
		"storm --clients 100 --rate 5000 --seconds 6 --dialects json,bin-ltp":                                         checkResumed,
		"idle --clients 40 --seconds 6 --dialect bin": func(t *testing.T, r *RunReport) {
			i := r.Targets[0].Trials[0].Idle
			if i.Beats < 0.1 || i.Beats > 0.3 || i.Faults.wrong() != 0 ||
				strings.Contains(strings.Join(r.Notes, ""), "WRONG") {
				t.Errorf("%+v: %q", i, r.Notes)
			}
		},
		"slow --clients 40 --rate 20000 --seconds 1 --share 0.25 --pairs 1 --stall 4 --dialect json": func(
			t *testing.T, r *RunReport) {
			for _, w := range r.Targets[0].Trials[0].windows() {
				sound(t, w)
			}
		},
	} {
		t.Run(strings.Fields(name)[0], func(t *testing.T) {
			t.Parallel()
			check(t, runJSON(t, program, append(strings.Fields(name), "--rounds", "1", "--json", "-")...))
		})
	}
}

// checkDialectsRun says that clients of every dialect got all, and how many bytes it
// took: the ticks of a text frame are 110 and a few digits.
func checkDialectsRun(t *testing.T, r *RunReport) {
	t.Helper()
	if len(r.Targets) != len(Dialects) {
		t.Fatalf("%+v", r.Targets)
	}
	for i, most := range []float64{112, 200, 90, 24, 24} {
		x := &r.Targets[i]
		if x.Name != "azira "+Dialects[i] {
			t.Errorf("%s is not %s", x.Name, Dialects[i])
		}
		w := x.Trials[0].Window
		sound(t, w)
		if w.Wire > most || w.Wire < most/2 {
			t.Errorf("%s: %g bytes per tick", x.Name, w.Wire)
		}
	}
}

// checkResumed says that who was cut off missed nothing, and that heartbeats prove it.
func checkResumed(t *testing.T, r *RunReport) {
	t.Helper()
	for i := range r.Targets {
		x := r.Targets[i].Trials[0]
		sound(t, x.Window)
		if b := x.Back; b.Clients != 100 || b.P99 <= 0 || b.Faults.wrong() != 0 || b.Resume == nil ||
			b.Resume.Missed+b.Resume.Doubled+b.Resume.Gaps != 0 {
			t.Errorf("%+v", b)
		}
		if x.Window.Told.Proved < 100 {
			t.Errorf("%d heartbeats", x.Window.Told.Proved)
		}
	}
}

// checkSlow says that clients stalled in the middle window, and in no other.
func checkSlow(t *testing.T, r *RunReport) {
	t.Helper()
	s := r.Targets[0].Trials[0].Stall
	if s.Clients != 10 || s.Seconds < 4 || s.Silent != 0 || s.Again <= 0 || s.Allowed != 4<<10+20*8 || len(s.Pairs) != 1 {
		t.Fatalf("%+v", s)
	}
	if n := s.Pairs[0].After.Slow.Frames; n < 900 {
		t.Errorf("clients that were slow got %d of 1,000 frames after", n)
	}
	for i, w := range []*Window{s.Pairs[0].Before, s.Pairs[0].Stalled, s.Pairs[0].After} {
		sound(t, w)
		stalled := i == 1
		if w.Slow.Clients != 10 || w.Slow.Closed != 0 || (w.Slow.Frames == 0) != stalled {
			t.Errorf("window %d: %+v", i, w.Slow)
		}
	}
}

// The files asked for are written, and a profile is one.
func TestRunFiles(t *testing.T) {
	t.Parallel()
	program, dir := build(t), t.TempDir()
	page := filepath.Join(dir, "page.html")
	runJSON(t, program, "hot", "--clients", "10", "--rate", "100", "--seconds", "1", "--rounds", "1",
		"--json", "-", "--html", page, "--profile", dir)
	if text, err := os.ReadFile(page); err != nil || !strings.Contains(string(text), "<svg ") {
		t.Error(err)
	}
	for _, k := range append(profilesDuring, profilesAfter...) {
		f, err := os.Open(filepath.Join(dir, "hot-"+k.name+".pb.gz"))
		if err != nil {
			t.Error(err)
			continue
		}
		defer f.Close()
		zr, err := gzip.NewReader(f)
		if err != nil {
			t.Errorf("%s: %v", k.name, err)
			continue
		}
		text, err := io.ReadAll(zr)
		if err != nil || k.name == "block" && !strings.Contains(string(text), "azira/") {
			t.Errorf("%s: %v, %d bytes", k.name, err, len(text))
		}
	}
}
