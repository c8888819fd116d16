package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestGauge(t *testing.T) {
	ticks := 1000
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "# HELP azira_connections open\nazira_connections 3\n"+
			"azira_ticks_in_total{endpoint=\"tcp://a b}:1\"} %d\n"+
			"azira_ticks_in_total{endpoint=\"tcp://c\"} 5e+06 1700000000\n", ticks)
	}))
	defer srv.Close()
	g := newGauge(srv.URL)
	defer g.close()
	now := time.Now()
	want := "3 streams   ticks in 5,001,000   frames out -"
	if got := g.header(now); got != want {
		t.Errorf("first: %q", got)
	}
	ticks += 2500
	if got := g.header(now.Add(time.Second / 2)); got != want {
		t.Errorf("too early: %q", got)
	}
	want = "3 streams   ticks in 5,003,500 (1,250/s)   frames out -"
	if got := g.header(now.Add(2 * time.Second)); got != want {
		t.Errorf("later: %q", got)
	}
	srv.Close()
	if got := g.header(now.Add(4 * time.Second)); got != want {
		t.Errorf("server gone: %q", got)
	}
}

func FuzzParseMetrics(f *testing.F) {
	f.Add("azira_connections 3\nx{a=\"}\"} 1e3 7\n")
	f.Add("{ 1")
	f.Fuzz(func(t *testing.T, page string) {
		sums, err := parseMetrics(strings.NewReader(page))
		for name := range sums {
			if err == nil && (name == "" || !strings.Contains(page, name)) {
				t.Fatalf("metric %q out of %q", name, page)
			}
		}
	})
}
