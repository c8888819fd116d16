package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"azira/proto"
)

// served are the names of what a running server's page has, and what would be there
// under load: names that have no value yet are known from their descriptions.
func served(t *testing.T, page []byte) (names []string) {
	t.Helper()
	for _, m := range regexp.MustCompile(`(?m)^# HELP (\S+) `).FindAllSubmatch(page, -1) {
		names = append(names, string(m[1]))
	}
	ch := make(chan *prometheus.Desc, 1000)
	newCollector(nil).Describe(ch)
	close(ch)
	name := regexp.MustCompile(`fqName: "([^"]+)"`)
	for d := range ch {
		names = append(names, name.FindStringSubmatch(d.String())[1])
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func metricsPage(t *testing.T) []byte {
	t.Helper()
	s, _ := startWithFeed(t)
	s.account("ann")
	return s.adminCall("/metrics").body
}

// metric is the value of one series.
func (s *running) metric(series string) float64 {
	s.t.Helper()
	for line := range strings.Lines(string(s.adminCall("/metrics").body)) {
		if text, ok := strings.CutPrefix(line, "azira_"+series+" "); ok {
			n, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
			if err != nil {
				s.t.Fatal(err)
			}
			return n
		}
	}
	s.t.Fatalf("there is no azira_%s", series)
	return 0
}

// What a stream gets, and what it does not for its max_rate, is what the metrics say;
// so is how long the loops took.
func TestMetricsOfTicks(t *testing.T) {
	const ticks = 200
	began := time.Now()
	s, f := startWithFeed(t)
	ann := s.account("ann")
	f.tick("A", `{"ltp":0}`)
	s.known(ann, "A")
	p := s.typed(ann, proto.ProtocolJSON, "?hb_ms=500")
	p.ask(`{"op":"subscribe","tokens":["A"],"snapshot":false,"max_rate":5}`)
	for n := range ticks {
		f.tick("A", fmt.Sprintf(`{"ltp":%d}`, n))
		time.Sleep(time.Millisecond)
	}
	got, skipped := 0.0, 0.0
	for got+skipped < ticks {
		switch e := p.next(); e["type"] {
		case "tick":
			got++
		case "skip":
			skipped += e.number("count")
		}
	}
	for series, want := range map[string]float64{
		`ticks_skipped_total{reason="max_rate"}`: skipped,
		`ticks_skipped_total{reason="slow"}`:     0,
		`frames_out_total{encoding="json"}`:      got,
		`ticks_published_total`:                  1 + ticks,
		`frames_encoded_total`:                   1 + 2*ticks, // text is always made
		`ring_lag`:                               0,
	} {
		if n := s.metric(series); n != want || skipped == 0 {
			t.Errorf("%s: %v, want %v", series, n, want)
		}
	}
	turns, took := s.metric("fanout_seconds_count"), s.metric("fanout_seconds_sum")
	if turns < got || took <= 0 || took > time.Since(began).Seconds()*float64(s.config.Loops+1) {
		t.Errorf("%v turns took %v s", turns, took)
	}
}

// Names keep to the conventions, as Prometheus' own linter sees them.
func TestMetricsLint(t *testing.T) {
	problems, err := promlint.New(bytes.NewReader(metricsPage(t))).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// The page of docs, the dashboard and the rules name what the server serves; the page,
// all of it.
func TestMetricsAreDocumented(t *testing.T) {
	names := served(t, metricsPage(t))
	if len(names) < 80 {
		t.Fatalf("%d names", len(names))
	}
	var documented []string
	row := regexp.MustCompile("(?m)^\\| `(azira_[a-z_]+)(?:\\{[a-z,]+\\})?` \\|")
	for _, m := range row.FindAllStringSubmatch(page(t, "metrics.md"), -1) {
		documented = append(documented, m[1])
	}
	for _, name := range names {
		if strings.HasPrefix(name, "azira_") && !slices.Contains(documented, name) {
			t.Errorf("docs/metrics.md does not have %s", name)
		}
	}
	for i, name := range documented {
		if !slices.Contains(names, name) || slices.Contains(documented[:i], name) {
			t.Errorf("docs/metrics.md has %s, which is not served, or has it twice", name)
		}
	}
	for _, file := range []string{"docs/metrics.md", "docs/operation.md", "docs/architecture.md",
		"deploy/alerts.yml", "deploy/grafana/azira.json"} {
		text, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(file)))
		if err != nil {
			t.Fatal(err)
		}
		asked := regexp.MustCompile(`\b(azira|process|go)_[a-z_]*[a-z]\b`).FindAllString(string(text), -1)
		for _, name := range asked {
			if !slices.Contains(names, name) && !slices.Contains(names, histogramName(name)) {
				t.Errorf("%s: %s is not served", file, name)
			}
		}
	}
}

// histogramName is the metric that a series of a histogram or summary belongs to.
func histogramName(series string) string {
	for _, end := range []string{"_bucket", "_sum", "_count"} {
		if name, ok := strings.CutSuffix(series, end); ok {
			return name
		}
	}
	return series
}

// The dashboard can be read, its panels lie in rows without overlap, and each asks for
// something of the instance that was chosen.
func TestDashboard(t *testing.T) {
	text, err := os.ReadFile("../deploy/grafana/azira.json")
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Panels []struct {
			ID      int
			Type    string
			Title   string
			GridPos struct{ H, W, X, Y int }
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	ids, taken, rows := map[int]bool{}, map[[2]int]string{}, 0
	for _, p := range d.Panels {
		if p.Type == "row" {
			rows++
		} else if len(p.Targets) == 0 {
			t.Errorf("%s asks for nothing", p.Title)
		}
		for _, q := range p.Targets {
			if strings.Count(q.Expr, "(") != strings.Count(q.Expr, ")") ||
				!strings.Contains(q.Expr, `instance=~"$instance"`) {
				t.Errorf("%s: %s", p.Title, q.Expr)
			}
		}
		for x := range p.GridPos.W {
			for y := range p.GridPos.H {
				at := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
				if taken[at] != "" || at[0] >= 24 {
					t.Fatalf("%s lies on %s", p.Title, taken[at])
				}
				taken[at] = p.Title
			}
		}
		if ids[p.ID] {
			t.Errorf("%s: id %d is there twice", p.Title, p.ID)
		}
		ids[p.ID] = true
	}
	if rows != 9 {
		t.Errorf("%d rows", rows)
	}
}

// wantMetric waits for a line of the page.
func (s *running) wantMetric(line string) {
	s.t.Helper()
	eventually(s.t, line, func() bool {
		return strings.Contains(string(s.adminCall("/metrics").body), "\n"+line+"\n")
	})
}

// Answers count by the route that is served, whatever the caller put into the path.
func TestMetricsOfAnswers(t *testing.T) {
	s := start(t)
	bearer := s.account("ann")
	s.call("POST", "/api/v1/users/login", credentials("ann", "wrong wrong"))
	for _, path := range []string{"X", "Y", "%00"} {
		s.call("GET", "/api/v1/ticks/"+path, nil, as(bearer)...)
	}
	for _, path := range []string{"/secret", "/.env", "/api/v1/users/login"} {
		s.call("GET", path, nil)
	}
	s.refused("/api/v1/stream", "")
	for _, line := range []string{
		`azira_http_requests_total{code="200",route="/api/v1/users/login"} 1`,
		`azira_http_requests_total{code="400",route="/api/v1/users/login"} 1`,
		`azira_http_requests_total{code="404",route="/api/v1/ticks/{token...}"} 3`,
		`azira_http_requests_total{code="404",route="other"} 2`,
		`azira_http_requests_total{code="405",route="other"} 1`,
		`azira_http_requests_total{code="401",route="/api/v1/stream"} 1`,
	} {
		s.wantMetric(line)
	}
	if page := s.adminCall("/metrics").body; bytes.Contains(page, []byte("secret")) {
		t.Error("a caller's path is in the metrics")
	}
}

func TestMetricsOfTLS(t *testing.T) {
	s, trust := startTLS(t)
	bearer := s.accountTLS(trust, "ann") // connections of its own, closed behind it
	s.openTLS(trust, bearer)
	s.raw("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	s.raw("")
	s.wantMetric(`azira_tls_handshakes_total{result="failed"} 2`)
	eventually(t, "handshakes are counted", func() bool {
		page := string(s.adminCall("/metrics").body)
		return strings.Contains(page, `azira_tls_handshakes_total{result="ok"} `) &&
			!strings.Contains(page, `azira_tls_handshakes_total{result="ok"} 0`)
	})
	s.wantMetric(`azira_connections{dialect="text"} 1`)
}

// The log says in a line each that a server serves, where, and why it stopped.
func TestLogOfALife(t *testing.T) {
	s := start(t)
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	log := s.log.String()
	for _, want := range []string{
		"msg=serving listen=" + s.addrs.Public + " admin=" + s.addrs.Admin,
		`msg=draining reason="asked to"`, `msg=stopped reason="asked to"`,
	} {
		if strings.Count(log, want) != 1 {
			t.Errorf("%q is not once in the log:\n%s", want, log)
		}
	}
}
