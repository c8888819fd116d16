package server

import (
	"net/http"
	"strconv"
	"time"

	"azira/engine"
	"azira/feed"
	"azira/proto"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics is the page of /metrics: what the parts count anyway, read when asked.
func (s *server) metrics() http.Handler {
	reg := prometheus.NewRegistry()
	reg.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		buildRow(),
		newCollector(s),
	)
	return promhttp.HandlerFor(reg, promhttp.HandlerOpts{})
}

// buildRow is always 1: its labels say what program this is.
func buildRow() prometheus.Collector {
	b := BuildInfo()
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "azira_build_info", Help: "What program this is; always 1.",
		ConstLabels: prometheus.Labels{"version": b.Version, "commit": b.Commit, "go": b.Go},
	}, func() float64 { return 1 })
}

// A collector reads the server's counters at each scrape. Rows without labels
// have a function; rows of the feed are filled in by endpoint.
type collector struct {
	// Fixed.
	server *server
	rows   []row

	ticks, bad, bytes, connects, up, last *prometheus.Desc // by endpoint
	frames, skipped, closes, turns        *prometheus.Desc
}

// A row is one number without labels.
type row struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(sample) float64
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("azira_"+name, help, labels, nil)
}

func newCollector(s *server) *collector {
	c := &collector{
		server:   s,
		ticks:    desc("ticks_in_total", "Good ticks taken from an endpoint.", "endpoint"),
		bytes:    desc("feed_bytes_total", "Bytes read from an endpoint.", "endpoint"),
		bad:      desc("feed_bad_total", "Messages dropped, by reason.", "endpoint", "reason"),
		connects: desc("feed_connects_total", "Connections made to an endpoint.", "endpoint"),
		up:       desc("feed_connected", "1 while an endpoint is connected.", "endpoint"),
		frames:   desc("frames_out_total", "Tick frames the kernel took.", "encoding"),
		skipped:  desc("ticks_skipped_total", "Ticks replaced by newer ones, by why.", "reason"),
		closes:   desc("close_total", "Streams ended, by close code.", "code"),
		turns:    desc("fanout_seconds", "How long the turns of loops took."),
		last: desc("feed_last_tick_timestamp_seconds",
			"When the last tick of an endpoint came; 0 = none yet.", "endpoint"),
	}
	for _, r := range sampleRows {
		c.rows = append(c.rows, row{desc(r.name, r.help), r.kind, r.value})
	}
	return c
}

func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, r := range c.rows {
		ch <- r.desc
	}
	for _, d := range []*prometheus.Desc{
		c.ticks, c.bytes, c.bad, c.connects, c.up, c.last, c.frames, c.skipped, c.closes, c.turns,
	} {
		ch <- d
	}
}

func (c *collector) Collect(ch chan<- prometheus.Metric) {
	now := c.server.sample()
	for _, r := range c.rows {
		ch <- prometheus.MustNewConstMetric(r.desc, r.kind, r.value(now))
	}
	c.loops(ch, &now.engine)
	for i := range now.feeds {
		c.endpoint(ch, &now.feeds[i])
	}
}

func (c *collector) loops(ch chan<- prometheus.Metric, st *engine.Stats) {
	for e, n := range st.FramesBy {
		ch <- prometheus.MustNewConstMetric(c.frames, prometheus.CounterValue,
			float64(n), proto.Encoding(e).String())
	}
	ch <- prometheus.MustNewConstMetric(c.skipped, prometheus.CounterValue,
		float64(st.Conflated), "slow")
	ch <- prometheus.MustNewConstMetric(c.skipped, prometheus.CounterValue,
		float64(st.HeldBack), "max_rate")
	for code, n := range st.Closes {
		label := "other"
		if code != 0 {
			label = strconv.Itoa(code)
		}
		ch <- prometheus.MustNewConstMetric(c.closes, prometheus.CounterValue, float64(n), label)
	}
	all, buckets := uint64(0), make(map[float64]uint64, len(st.Turns.Bounds))
	for i, n := range st.Turns.Counts {
		all += n
		if i < len(st.Turns.Bounds) {
			buckets[st.Turns.Bounds[i]] = all
		}
	}
	ch <- prometheus.MustNewConstHistogram(c.turns, all, st.Turns.Sum.Seconds(), buckets)
}

func (c *collector) endpoint(ch chan<- prometheus.Metric, f *feed.Status) {
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	gauge := func(d *prometheus.Desc, v float64) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, f.Endpoint)
	}
	counter(c.ticks, f.Ticks, f.Endpoint)
	counter(c.bytes, f.Bytes, f.Endpoint)
	counter(c.connects, f.Connects, f.Endpoint)
	for reason, n := range f.Bad {
		counter(c.bad, n, f.Endpoint, reason)
	}
	up := 0.0
	if f.Connected {
		up = 1
	}
	gauge(c.up, up)
	gauge(c.last, time.UnixMicro(f.LastTick).Sub(time.UnixMicro(0)).Seconds())
}
