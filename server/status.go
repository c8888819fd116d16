package server

import (
	"net/http"
	"strconv"
	"time"

	"azira/proto"
)

// A Status is the answer of GET /status at the admin port: what azira top shows.
// Counters are since the start.
type Status struct {
	Time    int64         `json:"time_us"` // Unix µs
	UptimeS float64       `json:"uptime_s"`
	Ready   bool          `json:"ready"`
	Unready string        `json:"unready,omitempty"` // what readyz says, if it is 503
	Streams StreamStatus  `json:"streams"`
	Ticks   TickStatus    `json:"ticks"`
	Out     OutStatus     `json:"out"`
	Rings   RingStatus    `json:"rings"`
	Loops   []LoopStatus  `json:"loops"`
	Fanout  Buckets       `json:"fanout"`
	First   Buckets       `json:"first_write"`
	Last    Buckets       `json:"last_write"`
	Feed    string        `json:"feed"` // live, stale or down
	Feeds   []FeedStatus  `json:"feeds"`
	Store   StoreStatus   `json:"store"`
	Process ProcessStatus `json:"process"`
	Busiest []TokenRate   `json:"busiest"` // tokens
	Parked  []ParkedRow   `json:"parked"`  // streams, those parked longest
}

// A StreamStatus is about all streams.
type StreamStatus struct {
	Open     int               `json:"open"`
	Max      int               `json:"max"`
	Dialects map[string]int    `json:"dialects"`
	Parked   int               `json:"parked"`
	Parks    uint64            `json:"parks"`
	Opened   uint64            `json:"opened"`
	Refused  uint64            `json:"refused"`
	Requests uint64            `json:"requests"`
	Closes   map[string]uint64 `json:"closes"` // by code
}

// A TickStatus is about ticks on their way in, and those left out.
type TickStatus struct {
	In       uint64            `json:"in"`
	Gaps     uint64            `json:"ingress_gaps"`
	Unplaced uint64            `json:"unplaced"`
	Skipped  map[string]uint64 `json:"skipped"` // by reason
	Tokens   int               `json:"tokens"`
}

// An OutStatus is about what streams were sent.
type OutStatus struct {
	Frames map[string]uint64 `json:"frames"` // by encoding
	Bytes  uint64            `json:"bytes"`
	Writes uint64            `json:"writes"`
}

// A RingStatus is about the rings.
type RingStatus struct {
	Lag     uint64  `json:"lag"` // records the slowest loop has still to drain
	Laps    uint64  `json:"laps"`
	WaitedS float64 `json:"waited_s"` // writers, for loops
}

// A LoopStatus is about one loop.
type LoopStatus struct {
	Streams int     `json:"streams"`
	Parked  int     `json:"parked"`
	Lag     uint64  `json:"lag"`
	Turns   uint64  `json:"turns"`
	BusyS   float64 `json:"busy_s"`
}

// Buckets are a histogram: Counts[i] of at most BoundsS[i] seconds, the last of more.
type Buckets struct {
	BoundsS []float64 `json:"bounds_s"`
	Counts  []uint64  `json:"counts"`
}

// A FeedStatus is about one endpoint.
type FeedStatus struct {
	Endpoint  string `json:"endpoint"`
	Connected bool   `json:"connected"`
	Ticks     uint64 `json:"ticks"`
	Bytes     uint64 `json:"bytes"`
	Bad       uint64 `json:"bad"`
	Connects  uint64 `json:"connects"`
	AgeMs     int64  `json:"age_ms"` // of the last tick; -1 = none yet
}

// A StoreStatus is about the database.
type StoreStatus struct {
	Writable bool   `json:"writable"`
	Reason   string `json:"reason,omitempty"`
}

// A ParkedRow is a stream that takes no bytes.
type ParkedRow struct {
	Account string `json:"account"`
	ID      string `json:"id"`
	Address string `json:"address"`
	Dialect string `json:"dialect"`
	Tokens  int    `json:"tokens"`
	Opened  string `json:"opened"` // RFC 3339
	Since   string `json:"since"`  // parked
	ForS    int64  `json:"for_s"`
}

// A statusPage answers at the admin port what is going on.
type statusPage struct {
	// Fixed.
	server *server
	began  time.Time

	rates tokenRates
}

// statusTo adds the pages to the admin port.
func (s *server) statusTo(mux *http.ServeMux) {
	p := &statusPage{server: s, began: time.Now()}
	mux.HandleFunc("GET /status", p.status)
	mux.HandleFunc("GET /parked", p.parked)
}

func (p *statusPage) status(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	object(p.now()).send(w, r, began)
}

// parked lists the streams that are parked longest, ?limit= of them.
func (p *statusPage) parked(w http.ResponseWriter, r *http.Request) {
	began, limit := time.Now(), parkedRows
	if text := r.FormValue("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > parkedRowsMax {
			limitFault(parkedRowsMax).send(w, r, began)
			return
		}
		limit = n
	}
	object(map[string]any{"parked": p.rows(limit)}).send(w, r, began)
}

func (p *statusPage) now() Status {
	n := p.server.sample()
	st := Status{
		Time: time.Now().UnixMicro(), UptimeS: time.Since(p.began).Seconds(),
		Ready: n.unready == "", Unready: n.unready,
		Streams: streamStatus(&n),
		Ticks: TickStatus{n.engine.TicksIn, n.engine.FeedHoles, n.engine.Unplaced,
			map[string]uint64{"slow": n.engine.Conflated, "max_rate": n.engine.HeldBack}, n.tokens},
		Out:     OutStatus{map[string]uint64{}, n.engine.BytesOut, n.engine.Writes},
		Rings:   RingStatus{n.engine.RingLag, n.engine.Laps, n.engine.RingWaited.Seconds()},
		Fanout:  Buckets{n.engine.Turns.Bounds, n.engine.Turns.Counts},
		First:   Buckets{latencyBounds, n.latencies.First.Counts[:]},
		Last:    Buckets{latencyBounds, n.latencies.Last.Counts[:]},
		Feed:    string(n.state),
		Feeds:   feedStatus(&n),
		Store:   StoreStatus{n.store.Writable, n.store.Reason},
		Process: processStatus(),
		Busiest: p.rates.busiest(p.server.engine.Survey),
		Parked:  p.rows(parkedRows),
	}
	for e, frames := range n.engine.FramesBy {
		st.Out.Frames[proto.Encoding(e).String()] = frames
	}
	for _, l := range n.loads {
		st.Loops = append(st.Loops,
			LoopStatus{l.Streams, l.Parked, l.Lag, l.Turns, l.Busy.Seconds()})
	}
	return st
}

func streamStatus(n *sample) StreamStatus {
	s := StreamStatus{
		Open: n.engine.Streams, Max: n.budget.streamsMax, Dialects: map[string]int{},
		Parked: n.engine.Parked, Parks: n.engine.Parks, Opened: n.engine.Opened,
		Refused: n.budget.refusals(), Requests: n.engine.Requests,
		Closes: map[string]uint64{},
	}
	for i, d := range dialects {
		s.Dialects[d.name] = n.dialects[i]
	}
	for code, k := range n.engine.Closes {
		if k > 0 {
			s.Closes[codeLabel(code)] = k
		}
	}
	return s
}

func feedStatus(n *sample) []FeedStatus {
	list := []FeedStatus{}
	for _, f := range n.feeds {
		s := FeedStatus{Endpoint: f.Endpoint, Connected: f.Connected, Ticks: f.Ticks,
			Bytes: f.Bytes, Connects: f.Connects, AgeMs: -1}
		for _, bad := range f.Bad {
			s.Bad += bad
		}
		if f.LastTick > 0 {
			s.AgeMs = max(0, time.Since(time.UnixMicro(f.LastTick)).Milliseconds())
		}
		list = append(list, s)
	}
	return list
}

func (p *statusPage) rows(n int) []ParkedRow {
	now, list := time.Now().Unix(), []ParkedRow{}
	for _, st := range p.server.auth.ParkedLongest(n) {
		list = append(list, ParkedRow{
			Account: st.Username(), ID: strconv.FormatUint(st.ID, 10), Address: st.Addr().String(),
			Dialect: dialects[st.Dialect].name, Tokens: st.Tokens(),
			Opened: timeText(st.Stream.Since()), Since: timeText(st.Since),
			ForS: max(0, now-st.Since),
		})
	}
	return list
}

func timeText(unix int64) string { return time.Unix(unix, 0).UTC().Format(time.RFC3339) }
