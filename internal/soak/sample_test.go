package soak

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A page is what /metrics said: each line's value, and each name's sum over its labels.
type page map[string]float64

// A sample is the server at an instant, its heap behind a collection.
type sample struct {
	at         time.Duration
	heap       float64 // bytes
	objects    float64 // in it
	rss        float64
	fds        float64 // all
	beyond     float64 // of them those that are no connection of a client
	goroutines float64
	streams    float64
	cpu        float64 // seconds so far
	own        float64 // likewise, of this process
	ownHeap    float64 // behind a collection
	ownRoutine float64 // goroutines
	page       page
}

// An admin calls the server's admin port.
type admin struct {
	base string
	http *http.Client
}

func newAdmin(base string) *admin {
	return &admin{base: base, http: &http.Client{
		Transport: &http.Transport{DisableCompression: true}, Timeout: answerTimeout}}
}

// call asks and returns what is answered, if that has the status wanted.
func (a *admin) call(method, path, body string, want int) ([]byte, error) {
	req, err := http.NewRequestWithContext(context.Background(), method, a.base+path,
		strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := a.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	p, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != want {
		err = fmt.Errorf("%s %s: %s: %.300s", method, path, resp.Status, p)
	}
	return p, err
}

func (a *admin) metrics() (page, error) {
	text, err := a.call("GET", "/metrics", "", 200)
	if err != nil {
		return nil, err
	}
	p := make(page)
	sc := bufio.NewScanner(strings.NewReader(string(text)))
	for sc.Scan() {
		line := sc.Text()
		at := strings.LastIndexByte(line, ' ')
		if line == "" || line[0] == '#' || at < 0 {
			continue
		}
		v, err := strconv.ParseFloat(line[at+1:], 64)
		if err != nil {
			return nil, fmt.Errorf("metrics: %q: %w", line, err)
		}
		name, _, labelled := strings.Cut(line[:at], "{")
		p[name] += v
		if labelled {
			p[line[:at]] = v
		}
	}
	return p, sc.Err()
}

// look takes a sample. Two collections: the second frees what pools kept over the first.
func (w *world) look() (s sample, err error) {
	var text []byte
	for range 2 {
		if text, err = w.admin.call("GET", "/debug/pprof/heap?gc=1&debug=1", "", 200); err != nil {
			return s, err
		}
	}
	s.heap, s.objects = field(text, "HeapAlloc"), field(text, "HeapObjects")
	if s.page, err = w.admin.metrics(); err != nil {
		return s, err
	}
	fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", w.serve.pid()))
	if err != nil {
		return s, err
	}
	s.at, s.fds = time.Since(w.began), float64(len(fds))
	s.rss = s.page["process_resident_memory_bytes"]
	s.goroutines, s.streams = s.page["go_goroutines"], s.page["azira_connections"]
	s.beyond = s.fds - s.streams - s.page["azira_http_connections"]
	s.cpu, s.own = s.page["process_cpu_seconds_total"], ownCPU()
	var own runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&own)
	s.ownHeap, s.ownRoutine = float64(own.HeapAlloc), float64(runtime.NumGoroutine())
	if s.heap == 0 || s.goroutines == 0 || s.fds == 0 {
		return s, fmt.Errorf("no heap, goroutines or descriptors were said")
	}
	return s, nil
}

// field reads a number of a profile's text: it is taken before the profile is written,
// which leaves garbage of its own.
func field(profile []byte, name string) float64 {
	_, rest, _ := strings.Cut(string(profile), "\n# "+name+" = ")
	word, _, _ := strings.Cut(rest, "\n")
	v, _ := strconv.ParseFloat(word, 64)
	return v
}

// ownCPU is this process's user and system time, in seconds.
func ownCPU() float64 {
	text, _ := os.ReadFile("/proc/self/stat")
	_, rest, _ := strings.Cut(string(text), ") ")
	words := strings.Fields(rest)
	if len(words) < 13 {
		return 0
	}
	user, _ := strconv.ParseFloat(words[11], 64)
	system, _ := strconv.ParseFloat(words[12], 64)
	return (user + system) / 100 // USER_HZ
}

// sampler takes samples until the unrest is over.
func (w *world) sampler(every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-w.unrest.Done():
			return
		}
		s, err := w.look()
		if err != nil {
			w.fault("sample: %v", err)
			continue
		}
		w.samples = append(w.samples, s)
		w.t.Log(w.line(s))
		w.check(s.page)
	}
}

// line is a sample in words.
func (w *world) line(s sample) string {
	before := sample{}
	if n := len(w.samples); n > 1 {
		before = w.samples[n-2]
	}
	passed := (s.at - before.at).Seconds() / 100
	return fmt.Sprintf("%6s heap %6.2f MiB of %5.0f  rss %5.1f MiB  fds %3.0f (%2.0f beyond %3.0f streams)  "+
		"goroutines %3.0f  cpu %2.0f%%+%2.0f%%  ticks %.0f  parked %.0f  %s", s.at.Round(time.Second),
		s.heap/(1<<20), s.objects, s.rss/(1<<20), s.fds, s.beyond, s.streams, s.goroutines,
		(s.cpu-before.cpu)/passed, (s.own-before.own)/passed,
		s.page["azira_ticks_published_total"], s.page["azira_streams_parked"], &w.did)
}

// check holds what must be so at every moment.
func (w *world) check(p page) {
	for name, want := range map[string]float64{
		"azira_loop_panics_total": 0, "azira_store_writable": 1, "azira_store_reopened_total": 0,
		"azira_ticks_unplaced_total": 0, "azira_feed_bad_total": 0, "azira_ready": 1,
		"azira_descriptor_shortages_total": 0, "azira_connections_refused_total": 0,
	} {
		if p[name] != want {
			w.fault("%s is %v", name, p[name])
		}
	}
	for line, v := range p {
		name, labels, _ := strings.Cut(line, "{")
		bad := name == "azira_http_requests_total" && strings.Contains(labels, `code="500"`) ||
			name == "azira_close_total" && strings.Contains(labels, `"1011"`)
		if bad && v > 0 {
			w.fault("%s is %v", line, v)
		}
	}
}

// A growth is how much a series may have grown from the second sixth of the time to the
// last, by their medians.
type growth struct {
	name  string
	of    func(*sample) float64
	share float64 // of what it was
	more  float64 // and so much
	unit  float64
}

var growths = []growth{
	{"heap, MiB", func(s *sample) float64 { return s.heap }, 0.05, 512 << 10, 1 << 20},
	{"heap objects", func(s *sample) float64 { return s.objects }, 0.05, 1000, 1},
	{"rss, MiB", func(s *sample) float64 { return s.rss }, 0.1, 32 << 20, 1 << 20}, // hashes come and go
	{"fds beyond connections", func(s *sample) float64 { return s.beyond }, 0, 4, 1},
	{"goroutines", func(s *sample) float64 { return s.goroutines }, 0, 6, 1},
	{"clients' heap, MiB", func(s *sample) float64 { return s.ownHeap }, 0.25, 4 << 20, 1 << 20},
	{"clients' goroutines", func(s *sample) float64 { return s.ownRoutine }, 0.05, 10, 1},
}

// grown compares: early is from 1/6 to 1/3 of all samples, late the last sixth.
func (g *growth) grown(all []sample) (early, late float64, flat bool) {
	n := len(all)
	early = median(all[n/6:n/3], g.of)
	late = median(all[n-n/6:], g.of)
	return early, late, late <= early*(1+g.share)+g.more
}

func median(s []sample, of func(*sample) float64) float64 {
	v := make([]float64, len(s))
	for i := range s {
		v[i] = of(&s[i])
	}
	slices.Sort(v)
	return v[len(v)/2]
}

// growthMin is how long a run must be for growth to be more than its warming up.
const growthMin = 10 * time.Minute

// judge tells of each series how it began, was and ended, and whether that is flat.
func (w *world) judge(calm, last sample) {
	n := len(w.samples)
	if n < 12 {
		w.fault("%d samples say nothing", n)
		return
	}
	for _, g := range growths {
		early, late, flat := g.grown(w.samples)
		middle := median(w.samples[n/2-n/12:n/2+n/12], g.of)
		w.t.Logf("%-22s before clients %7.2f, early %7.2f, middle %7.2f, late %7.2f, clients gone %7.2f",
			g.name, g.of(&calm)/g.unit, early/g.unit, middle/g.unit, late/g.unit, g.of(&last)/g.unit)
		if !flat && w.lasts >= growthMin {
			w.fault("%s grew from %.2f to %.2f: more than %.0f %% and %.1f", g.name, early/g.unit,
				late/g.unit, 100*g.share, g.more/g.unit)
		}
	}
	for _, g := range growths[3:5] { // with clients gone nothing of them is left
		if was, is := g.of(&calm), g.of(&last); is > was+g.more {
			w.fault("%s: %.0f before there were clients, %.0f when they are gone", g.name, was, is)
		}
	}
}

// TestGrowth holds that a leak of a few is seen among noise.
func TestGrowth(t *testing.T) {
	g := growths[3]
	for _, leak := range []int{0, 10} {
		var all []sample
		for i := range 120 {
			all = append(all, sample{beyond: float64(40 + i%3 + 30*(i%7/6) + leak*i/120)})
		}
		if early, late, flat := g.grown(all); flat != (leak == 0) {
			t.Errorf("leak of %d: %v to %v is flat: %v", leak, early, late, flat)
		}
	}
}
