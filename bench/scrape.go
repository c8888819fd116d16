package bench

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// A scraper reads a server's admin port.
type scraper struct {
	base string // http://host:port
	http *http.Client
}

func newScraper(addr string) *scraper {
	return &scraper{base: "http://" + addr, http: &http.Client{
		Transport: &http.Transport{DisableCompression: true}, Timeout: scrapeTimeout,
	}}
}

func (s *scraper) close() { s.http.CloseIdleConnections() }

// A page is what /metrics said: each metric's sum over its labels.
type page map[string]float64

// metrics reads the page as it is now.
func (s *scraper) metrics(ctx context.Context) (page, error) {
	var p page
	err := s.get(ctx, "/metrics", func(r io.Reader) (err error) {
		p, err = parsePage(io.LimitReader(r, pageBytesMax))
		return err
	})
	return p, err
}

// settled reads the page behind two collections: the second frees what pools
// kept over the first. A collection also makes Go's counts of allocations exact.
func (s *scraper) settled(ctx context.Context) (page, error) {
	for range 2 {
		if err := s.get(ctx, "/debug/pprof/heap?gc=1", discard); err != nil {
			return nil, err
		}
	}
	return s.metrics(ctx)
}

func discard(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}

func (s *scraper) get(ctx context.Context, path string, read func(io.Reader) error) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base+path, nil)
	if err != nil {
		return fmt.Errorf("ask for %s: %w", path, err)
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return fmt.Errorf("ask for %s: %w", path, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%w: %s answered %s", errStatus, path, resp.Status)
	}
	if err := read(resp.Body); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

// parsePage reads the text format of Prometheus, of which only names and values
// are looked at.
//
//	azira_ticks_in_total{endpoint="tcp://…"} 123
func parsePage(r io.Reader) (page, error) {
	sums := make(page)
	sc := bufio.NewScanner(r)
	for sc.Scan() {
		line := sc.Text()
		if line == "" || line[0] == '#' {
			continue
		}
		end := strings.IndexAny(line, "{ ")
		if end <= 0 {
			return nil, fmt.Errorf("%w: %.80q", errMetrics, line)
		}
		rest := line[end:]
		if i := strings.LastIndexByte(rest, '}'); i >= 0 {
			rest = rest[i+1:]
		}
		words := strings.Fields(rest) // the value, perhaps a time after it
		if len(words) == 0 {
			return nil, fmt.Errorf("%w: %.80q", errMetrics, line)
		}
		v, err := strconv.ParseFloat(words[0], 64)
		if err != nil {
			return nil, fmt.Errorf("%w: %.80q", errMetrics, line)
		}
		sums[line[:end]] += v
	}
	if err := sc.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", errMetrics, err)
	}
	return sums, nil
}

// needs is an error if the page lacks one of the metrics.
func (p page) needs(names ...string) error {
	for _, name := range names {
		if _, ok := p[name]; !ok {
			return fmt.Errorf("%w %s", errNoMetric, name)
		}
	}
	return nil
}

// since is how much a counter has grown.
func (p page) since(before page, name string) float64 { return p[name] - before[name] }
