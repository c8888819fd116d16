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

// A collector reads the server's counters at each scrape. What has no labels is in
// sampleRows; families have a function each.
type collector struct {
	// Fixed.
	server   *server
	rows     []row
	families []familyDesc
}

// A row is one number without labels.
type row struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(sample) float64
}

// A family is a metric with labels, or a histogram.
type family struct {
	name, help string
	labels     []string
	fill       func(f filler, now *sample)
}

type familyDesc struct {
	family
	desc *prometheus.Desc
}

// A filler takes the values of one family.
type filler struct {
	desc *prometheus.Desc
	to   chan<- prometheus.Metric
}

func (f filler) counter(n uint64, labels ...string) {
	f.to <- prometheus.MustNewConstMetric(f.desc, prometheus.CounterValue, float64(n), labels...)
}

func (f filler) gauge(v float64, labels ...string) {
	f.to <- prometheus.MustNewConstMetric(f.desc, prometheus.GaugeValue, v, labels...)
}

func (f filler) histogram(h histogram) { f.to <- h.metric(f.desc) }

func newCollector(s *server) *collector {
	c := &collector{server: s}
	for _, r := range sampleRows {
		d := prometheus.NewDesc("azira_"+r.name, r.help, nil, nil)
		c.rows = append(c.rows, row{d, r.kind, r.value})
	}
	for _, f := range families {
		d := prometheus.NewDesc("azira_"+f.name, f.help, f.labels, nil)
		c.families = append(c.families, familyDesc{f, d})
	}
	return c
}

func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, r := range c.rows {
		ch <- r.desc
	}
	for _, f := range c.families {
		ch <- f.desc
	}
}

func (c *collector) Collect(ch chan<- prometheus.Metric) {
	now := c.server.sample()
	for _, r := range c.rows {
		ch <- prometheus.MustNewConstMetric(r.desc, r.kind, r.value(now))
	}
	for _, f := range c.families {
		f.fill(filler{f.desc, ch}, &now)
	}
}

// families are the metrics with labels, and the histograms.
var families = []family{
	{"connections", "Open streams, by dialect.", []string{"dialect"},
		func(f filler, now *sample) {
			for i, d := range dialects {
				f.gauge(float64(now.dialects[i]), d.name)
			}
			f.gauge(float64(now.echoes), "echo")
		}},
	{"connections_refused_total", "Connections and streams there was no room for, by why.",
		[]string{"reason"}, func(f filler, now *sample) {
			for why := range now.budget.refused {
				f.counter(now.budget.refused[why].Load(), refusedNames[why])
			}
		}},
	{"frames_out_total", "Tick frames the kernel took.", []string{"encoding"},
		func(f filler, now *sample) {
			for e, n := range now.engine.FramesBy {
				f.counter(n, proto.Encoding(e).String())
			}
		}},
	{"ticks_skipped_total", "Ticks replaced by newer ones, by why.", []string{"reason"},
		func(f filler, now *sample) {
			f.counter(now.engine.Conflated, "slow")
			f.counter(now.engine.HeldBack, "max_rate")
		}},
	{"presence_coalesced_total", "Comings and goings that made no event, by why.",
		[]string{"reason"},
		func(f filler, now *sample) {
			f.counter(now.people.Returns, "reconnect")
			f.counter(now.people.Behind, "slow")
		}},
	{"close_total", "Streams ended, by close code.", []string{"code"},
		func(f filler, now *sample) {
			for code, n := range now.engine.Closes {
				f.counter(n, codeLabel(code))
			}
		}},
	{"fanout_seconds", "How long the turns of loops took.", nil,
		func(f filler, now *sample) {
			h := now.engine.Turns
			f.histogram(histogram{h.Bounds, h.Counts, h.Sum.Seconds()})
		}},
	{"first_write_seconds", "From a tick's ingress to the first write of its turn.", nil,
		func(f filler, now *sample) { f.histogram(histogramOf(&now.latencies.First)) }},
	{"last_write_seconds", "From a tick's ingress to the last write of its turn.", nil,
		func(f filler, now *sample) { f.histogram(histogramOf(&now.latencies.Last)) }},

	loopFamily("loop_connections", "Open streams of a loop.",
		func(f filler, l *engine.Load, id string) { f.gauge(float64(l.Streams), id) }),
	loopFamily("loop_lag", "Records a loop has still to drain.",
		func(f filler, l *engine.Load, id string) { f.gauge(float64(l.Lag), id) }),
	loopFamily("loop_busy_seconds_total", "What a loop's turns took.",
		func(f filler, l *engine.Load, id string) {
			f.to <- prometheus.MustNewConstMetric(f.desc, prometheus.CounterValue,
				l.Busy.Seconds(), id)
		}),

	{"http_requests_total", "Requests of the public port, by route and status.",
		[]string{"route", "code"},
		func(f filler, now *sample) {
			now.counts.each(func(path string, code int, n uint64) {
				f.counter(n, path, codeLabel(code))
			})
		}},
	{"http_request_seconds", "How long requests of the public port took.", nil,
		func(f filler, now *sample) { f.histogram(now.counts.histogram()) }},
	{"tls_certificate_expiry_timestamp_seconds",
		"Until when the certificate in use is good; absent without one.", nil,
		func(f filler, now *sample) {
			if now.pair != nil {
				f.gauge(float64(now.pair.expires().Unix()))
			}
		}},
	{"tls_handshakes_total", "TLS handshakes of connections that have left net/http.",
		[]string{"result"},
		func(f filler, now *sample) {
			f.counter(now.budget.secured.Load(), "ok")
			f.counter(now.budget.unsecured.Load(), "failed")
		}},

	feedFamily("ticks_in_total", "Good ticks taken from an endpoint.",
		func(f filler, s *feed.Status) { f.counter(s.Ticks, s.Endpoint) }),
	feedFamily("feed_bytes_total", "Bytes read from an endpoint.",
		func(f filler, s *feed.Status) { f.counter(s.Bytes, s.Endpoint) }),
	feedFamily("feed_connects_total", "Connections made to an endpoint.",
		func(f filler, s *feed.Status) { f.counter(s.Connects, s.Endpoint) }),
	feedFamily("feed_connected", "1 while an endpoint is connected.",
		func(f filler, s *feed.Status) { f.gauge(oneIf(s.Connected), s.Endpoint) }),
	feedFamily("feed_last_tick_timestamp_seconds",
		"When the last tick of an endpoint came; 0 = none yet.",
		func(f filler, s *feed.Status) {
			f.gauge(float64(s.LastTick)/float64(time.Second/time.Microsecond), s.Endpoint)
		}),
	{"feed_bad_total", "Messages dropped, by reason.", []string{"endpoint", "reason"},
		func(f filler, now *sample) {
			for i := range now.feeds {
				for reason, n := range now.feeds[i].Bad {
					f.counter(n, now.feeds[i].Endpoint, reason)
				}
			}
		}},
}

// feedFamily has a value for each endpoint.
func feedFamily(name, help string, fill func(filler, *feed.Status)) family {
	return family{name, help, []string{"endpoint"}, func(f filler, now *sample) {
		for i := range now.feeds {
			fill(f, &now.feeds[i])
		}
	}}
}

// loopFamily has a value for each loop.
func loopFamily(name, help string, fill func(filler, *engine.Load, string)) family {
	return family{name, help, []string{"loop"}, func(f filler, now *sample) {
		for i := range now.loads {
			fill(f, &now.loads[i], strconv.Itoa(i))
		}
	}}
}

// codeLabel is a code as a label; 0 stands for all that are not named.
func codeLabel(code int) string {
	if code == 0 {
		return "other"
	}
	return strconv.Itoa(code)
}

// metric is the histogram as Prometheus has them: each bucket counts those below it in.
func (h histogram) metric(d *prometheus.Desc, labels ...string) prometheus.Metric {
	all, buckets := uint64(0), make(map[float64]uint64, len(h.bounds))
	for i, n := range h.counts {
		all += n
		if i < len(h.bounds) {
			buckets[h.bounds[i]] = all
		}
	}
	return prometheus.MustNewConstHistogram(d, all, h.sum, buckets, labels...)
}
