package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The server's metrics that the demo shows.
const (
	metricStreams   = "azira_connections"
	metricTicksIn   = "azira_ticks_in_total"
	metricFramesOut = "azira_frames_out_total"
)

// A gauge reads a server's metrics page about once a second.
type gauge struct {
	url         string
	http        *http.Client
	at          time.Time
	now, before map[string]float64
	elapsed     time.Duration // between before and now
}

func newGauge(url string) *gauge {
	return &gauge{url: url, http: &http.Client{
		Timeout:   gaugeTimeout,
		Transport: http.DefaultTransport.(*http.Transport).Clone(),
	}}
}

func (g *gauge) close() { g.http.CloseIdleConnections() }

// header is one line on the server as a whole.
func (g *gauge) header(now time.Time) string {
	if now.Sub(g.at) >= gaugeEvery {
		if fresh, err := g.read(); err == nil {
			g.before, g.now, g.elapsed = g.now, fresh, now.Sub(g.at)
		}
		g.at = now
	}
	streams := g.total(metricStreams) + " streams"
	if streams == "1 streams" {
		streams = "1 stream"
	}
	return fmt.Sprintf("%s   ticks in %s   frames out %s",
		streams, g.flow(metricTicksIn), g.flow(metricFramesOut))
}

func (g *gauge) read() (map[string]float64, error) {
	resp, err := g.http.Get(g.url)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return parseMetrics(io.LimitReader(resp.Body, gaugeBytesMax))
}

func (g *gauge) total(name string) string {
	v, ok := g.now[name]
	if !ok {
		return "-"
	}
	return thousands(v)
}

// flow is a counter and its rate.
func (g *gauge) flow(name string) string {
	v, ok := g.now[name]
	if !ok {
		return "-"
	}
	before, ok := g.before[name]
	if !ok || v < before || g.elapsed <= 0 {
		return thousands(v)
	}
	return fmt.Sprintf("%s (%s/s)", thousands(v), thousands((v-before)/g.elapsed.Seconds()))
}

// parseMetrics reads Prometheus' text format and sums each metric over its labels.
func parseMetrics(r io.Reader) (map[string]float64, error) {
	sums := make(map[string]float64)
	sc := bufio.NewScanner(r)
	for sc.Scan() {
		line := sc.Text()
		if line == "" || line[0] == '#' {
			continue
		}
		end := strings.IndexAny(line, "{ ")
		rest := line[max(end, 0):]
		if close := strings.LastIndexByte(rest, '}'); close >= 0 {
			rest = rest[close+1:]
		}
		fields := strings.Fields(rest) // the value, perhaps a time after it
		if end <= 0 || len(fields) == 0 {
			return nil, fmt.Errorf("read metrics: %.80q is no sample", line)
		}
		v, err := strconv.ParseFloat(fields[0], 64)
		if err != nil {
			return nil, fmt.Errorf("read metrics: %.80q has no number", line)
		}
		sums[line[:end]] += v
	}
	return sums, sc.Err()
}

// thousands writes 1234567 as 1,234,567.
func thousands(v float64) string {
	s := strconv.FormatFloat(v, 'f', 0, 64)
	for i := len(s) - 3; i > 0 && s[i-1] >= '0' && s[i-1] <= '9'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
