package client

import (
	"encoding/json"
	"errors"
	"time"
)

// A frame is what a typed dialect says, all kinds in one: a field that its kind
// does not have is zero.
type frame struct {
	Type string `json:"type"`

	// Answers.
	ID      json.RawMessage `json:"id"`
	Op      verb            `json:"op"`
	OK      []Held          `json:"ok"`
	Failed  []Failure       `json:"failed"`
	Count   int             `json:"count"` // skip: of ticks
	Limit   int             `json:"limit"`
	More    bool            `json:"more"`
	Expires *float64        `json:"expires_in"` // s; also welcome
	Code    int             `json:"code"`
	Error   string          `json:"error"`
	RetryMS float64         `json:"retry_ms"`

	// Ticks and what is beside them.
	Token  string          `json:"token"`
	Seq    uint64          `json:"seq"`
	TS     int64           `json:"ts"` // µs
	Data   json.RawMessage `json:"data"`
	LTP    json.RawMessage `json:"ltp"`
	To     int64           `json:"to"`
	Reason GapReason       `json:"reason"`

	// Messages; of a gap too, where it begins, and how many messages are gone.
	letter
	Redelivered bool   `json:"redelivered"`
	Dropped     uint64 `json:"dropped"`

	// Who is online.
	Clients []listed `json:"clients"`
	Total   int      `json:"total"`
	Client  string   `json:"client"`
	Online  bool     `json:"online"`
	Left    bool     `json:"left"`

	// Heartbeat and drain.
	Sum      uint64    `json:"sum"`
	Pending  uint64    `json:"pending"`
	Feed     FeedState `json:"feed"`
	AgeMS    *float64  `json:"age_ms"`
	AgainMS  float64   `json:"reconnect_after_ms"`
	EndingMS float64   `json:"deadline_ms"`

	// Welcome.
	Conn     string  `json:"conn"`
	Username string  `json:"username"`
	Epoch    uint64  `json:"epoch"`
	BeatMS   float64 `json:"hb_ms"`
	ResumeS  float64 `json:"resume_s"`
	Limits   Limits  `json:"limits"`
}

var kinds = map[string]eventKind{
	"welcome": eventWelcome, "ack": eventAnswer, "pong": eventAnswer, "error": eventAnswer,
	"tick": eventTick, "snap": eventTick, "skip": eventSkip, "gap": eventGap,
	"hb": eventBeat, "drain": eventDrain, "msg": eventMessage, "roster": eventRoster,
	"presence": eventPresence,
}

// parseFrame reads any frame. A type we do not know is eventNone, whatever its
// fields are.
func parseFrame(p []byte) (*frame, eventKind) {
	var f frame
	err := json.Unmarshal(p, &f)
	kind, known := kinds[f.Type]
	var misfit *json.UnmarshalTypeError
	switch {
	case err != nil && (known || !errors.As(err, &misfit)):
		return nil, eventBad
	case f.Type == "", kind == eventGap && f.From.name != "",
		kind == eventMessage && f.From.name == "":
		return nil, eventBad
	}
	return &f, kind
}

// id is that of a request of ours, or "".
func (f *frame) id() string {
	var s string
	if json.Unmarshal(f.ID, &s) != nil {
		return ""
	}
	return s
}

// expires is when the stream's bearer ends; zero if the server did not say.
func (f *frame) expires(now time.Time) time.Time {
	if f.Expires == nil {
		return time.Time{}
	}
	return now.Add(seconds(*f.Expires))
}

func (f *frame) welcome(now time.Time) Welcome {
	return Welcome{Conn: clean(f.Conn), Username: clean(f.Username), Epoch: f.Epoch,
		Beat: millis(f.BeatMS), Resume: seconds(f.ResumeS), Limits: f.Limits,
		Expires: f.expires(now)}
}

// seconds and millis take what a server says of durations, within a year.
func seconds(n float64) time.Duration {
	return time.Duration(max(0, min(n, 365*24*3600)) * float64(time.Second))
}

func millis(n float64) time.Duration { return seconds(n / 1000) }
