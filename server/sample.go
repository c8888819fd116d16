package server

import (
	"azira/auth"
	"azira/engine"
	"azira/feed"
	"azira/inbox"
	"azira/presence"
	"azira/store"

	"github.com/prometheus/client_golang/prometheus"
)

// A sample is what the parts counted, read at one moment.
type sample struct {
	engine    engine.Stats
	loads     []engine.Load
	latencies engine.Latencies
	dialects  [len(dialects)]int // streams of each
	echoes    int                // echo streams
	auth      auth.Stats
	inbox     inbox.Stats
	people    presence.Stats
	feeds     []feed.Status
	state     feed.State
	tokens    int
	unready   string // as readyz says it; empty = ready
	store     store.State
	budget    *budget
	limits    *limiter
	counts    *counts
	memory    *pressure
	pair      *certificate // nil = clear text
}

func (s *server) sample() sample {
	now := sample{
		engine:    s.engine.Stats(),
		loads:     s.engine.Loads(),
		latencies: s.engine.Latencies(),
		echoes:    s.engine.StreamsOf(engine.Echo),
		auth:      s.auth.Stats(),
		inbox:     s.inbox.Stats(),
		people:    s.people.Stats(),
		tokens:    s.engine.TokenCount(),
		unready:   s.admin.unready(),
		store:     s.store.State(),
		budget:    s.public.budget,
		limits:    &s.public.limiter,
		counts:    s.public.counts,
		memory:    s.memory,
		pair:      s.certificate,
	}
	for i, d := range dialects {
		now.dialects[i] = s.engine.StreamsOf(d.kind)
	}
	for _, f := range s.feeds {
		now.feeds = append(now.feeds, f.Status())
	}
	now.state = feed.StateOf(now.feeds, s.config.StaleAfter)
	return now
}

// sampleRows are the numbers without labels.
var sampleRows = []struct {
	name, help string
	kind       prometheus.ValueType
	value      func(sample) float64
}{
	{"connections_max", "Streams there are file descriptors for.", prometheus.GaugeValue,
		func(n sample) float64 { return float64(n.budget.streamsMax) }},
	{"descriptor_shortages_total", "Times the system had no file descriptor to give.",
		prometheus.CounterValue,
		func(n sample) float64 { return float64(n.budget.short.Load()) }},
	{"memory_used_bytes", "Memory that no collection would free.", prometheus.GaugeValue,
		func(n sample) float64 { return float64(n.memory.last.Load()) }},
	{"memory_limit_bytes", "Memory there may be; near it new streams are refused.",
		prometheus.GaugeValue,
		func(n sample) float64 { return float64(n.memory.limit) }},
	{"limited_total", "Requests beyond a caller's rate or pause, answered 429.",
		prometheus.CounterValue,
		func(n sample) float64 { return float64(n.limits.limited.Load()) }},
	{"storm_refused_total", "Streams told to come back later, since too many came at once.",
		prometheus.CounterValue,
		func(n sample) float64 { return float64(n.limits.stormy.Load()) }},
	{"http_connections", "Connections that are no streams.", prometheus.GaugeValue,
		func(n sample) float64 { return float64(n.budget.conns.Load()) }},
	{"accounts_connected", "Accounts with open streams.", prometheus.GaugeValue,
		func(n sample) float64 { return float64(n.auth.Accounts) }},
	{"presence_online", "Accounts said to be online, those gone for a moment included.",
		prometheus.GaugeValue,
		func(n sample) float64 { return float64(n.people.Online) }},
	{"presence_watches", "Streams that are told of their roster.", prometheus.GaugeValue,
		func(n sample) float64 { return float64(n.people.Watches) }},
	{"presence_changes_total", "Accounts that came or went.", prometheus.CounterValue,
		func(n sample) float64 { return float64(n.people.Changes) }},
	{"presence_events_total", "Presence events handed to streams.", prometheus.CounterValue,
		func(n sample) float64 { return float64(n.people.Events) }},
	{"tickets", "Tickets not used yet.", prometheus.GaugeValue,
		func(n sample) float64 { return float64(n.auth.Tickets) }},
	{"password_hashes_total", "Passwords hashed.", prometheus.CounterValue,
		func(n sample) float64 { return float64(n.auth.Hashes) }},
	{"password_hashes_refused_total", "Requests refused since too many hashes waited.",
		prometheus.CounterValue,
		func(n sample) float64 { return float64(n.auth.HashesRefused) }},
	{"password_hashes_waiting", "Requests waiting for a hash.", prometheus.GaugeValue,
		func(n sample) float64 { return float64(n.auth.HashesWaiting) }},
	{"bearer_cache_hits_total", "Bearers verified from memory.", prometheus.CounterValue,
		func(n sample) float64 { return float64(n.auth.CacheHits) }},
	{"bearer_cache_misses_total", "Bearers verified in full.", prometheus.CounterValue,
		func(n sample) float64 { return float64(n.auth.CacheMiss) }},
	{"connections_opened_total", "Streams ever opened.", prometheus.CounterValue,
		func(n sample) float64 { return float64(n.engine.Opened) }},
	{"streams_parked", "Streams that take no bytes now.", prometheus.GaugeValue,
		func(n sample) float64 { return float64(n.engine.Parked) }},
	{"parks_total", "Times a stream was parked.", prometheus.CounterValue,
		func(n sample) float64 { return float64(n.engine.Parks) }},
	{"ticks_published_total", "Ticks published into the rings.", prometheus.CounterValue,
		func(n sample) float64 { return float64(n.engine.TicksIn) }},
	{"frames_encoded_total", "Frames made of ticks, of all encodings.", prometheus.CounterValue,
		func(n sample) float64 { return float64(n.engine.Encoded) }},
	{"ticks_unplaced_total", "Ticks of tokens beyond --tokens-max, dropped.",
		prometheus.CounterValue,
		func(n sample) float64 { return float64(n.engine.Unplaced) }},
	{"ingress_gap_total", "Ticks that the feed's own numbers (--feed-seq-field) say are missing.",
		prometheus.CounterValue,
		func(n sample) float64 { return float64(n.engine.FeedHoles) }},
	{"conflations_total", "Times a slow stream was given last values.", prometheus.CounterValue,
		func(n sample) float64 { return float64(n.engine.Conflates) }},
	{"bytes_out_total", "Bytes the kernel took from loops.", prometheus.CounterValue,
		func(n sample) float64 { return float64(n.engine.BytesOut) }},
	{"writes_total", "Writes of tick frames and heartbeats.", prometheus.CounterValue,
		func(n sample) float64 { return float64(n.engine.Writes) }},
	{"requests_total", "Requests of streams.", prometheus.CounterValue,
		func(n sample) float64 { return float64(n.engine.Requests) }},
	{"requests_refused_total", "Requests of streams beyond the rate.", prometheus.CounterValue,
		func(n sample) float64 { return float64(n.engine.Refused) }},
	{"loop_panics_total", "Panics inside loops, each of which ended one stream.",
		prometheus.CounterValue,
		func(n sample) float64 { return float64(n.engine.Panics) }},
	{"ring_lag", "Records the slowest loop has still to drain.", prometheus.GaugeValue,
		func(n sample) float64 { return float64(n.engine.RingLag) }},
	{"ring_laps_total", "Times a ring went past a loop.", prometheus.CounterValue,
		func(n sample) float64 { return float64(n.engine.Laps) }},
	{"ring_waits_total", "Times a writer waited for a loop.", prometheus.CounterValue,
		func(n sample) float64 { return float64(n.engine.RingWaits) }},
	{"ring_waited_seconds_total", "How long writers waited for loops.", prometheus.CounterValue,
		func(n sample) float64 { return n.engine.RingWaited.Seconds() }},
	{"messages_accepted_total", "Messages accepted.", prometheus.CounterValue,
		func(n sample) float64 { return float64(n.inbox.Accepted) }},
	{"messages_repeated_total", "Retries known by their Idempotency-Key.", prometheus.CounterValue,
		func(n sample) float64 { return float64(n.inbox.Repeated) }},
	{"messages_delivered_total", "Messages handed to streams.", prometheus.CounterValue,
		func(n sample) float64 { return float64(n.inbox.Delivered) }},
	{"messages_redelivered_total", "Of them, those that may have been delivered before.",
		prometheus.CounterValue,
		func(n sample) float64 { return float64(n.inbox.Redelivered) }},
	{"messages_dropped_total", "Messages that made room for others, or were too old.",
		prometheus.CounterValue,
		func(n sample) float64 { return float64(n.inbox.Dropped) }},
	{"message_acks_total", "Acknowledgements that moved an inbox on.", prometheus.CounterValue,
		func(n sample) float64 { return float64(n.inbox.Acks) }},
	{"message_commits_total", "Commits of messages and acknowledgements.", prometheus.CounterValue,
		func(n sample) float64 { return float64(n.inbox.Commits) }},
	{"message_streams", "Streams that get messages.", prometheus.GaugeValue,
		func(n sample) float64 { return float64(n.inbox.Seats) }},
	{"tokens", "Tokens known.", prometheus.GaugeValue,
		func(n sample) float64 { return float64(n.tokens) }},
	{"feed_live", "1 while every endpoint delivers ticks.", prometheus.GaugeValue,
		func(n sample) float64 { return oneIf(n.state == feed.Live) }},
	{"store_writable", "1 while the database can be written.", prometheus.GaugeValue,
		func(n sample) float64 { return oneIf(n.store.Writable) }},
	{"store_reopened_total", "Times the database was opened anew after the disk failed.",
		prometheus.CounterValue,
		func(n sample) float64 { return float64(n.store.Reopened) }},
	{"ready", "1 while /readyz is 200.", prometheus.GaugeValue,
		func(n sample) float64 { return oneIf(n.unready == "") }},
}

func oneIf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
