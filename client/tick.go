package client

import (
	"encoding/json"
	"fmt"
	"time"
)

// A Tick is one price change of one token. It belongs to whoever received it.
//
// In the typed dialects what was published of a token, from its subscribe on, is
// what was received plus every Skipped, Missed and Gap.
type Tick struct {
	// Token is the instrument. The text dialect carries no topic, so there it
	// is the data's own "token" field, and empty if the data has none.
	Token string

	// Data is the publisher's JSON object, unchanged; nil where the wire has
	// only prices: in Binary and in mode ltp.
	Data []byte

	// Value is what mode ltp in JSON has in place of Data: the publisher's ltp as
	// it is, null if there was none.
	Value []byte

	// Seq counts the token's ticks within the server's run, without holes. It
	// is 0 where the dialect carries none, as in text and on the bus.
	Seq uint64

	// Time is when the server took the tick in, or the Bus did; zero where the
	// dialect does not say.
	Time time.Time

	// Snap says that this is the state to begin with, after a subscribe or a
	// gap, and not news.
	Snap bool

	// Priced says that LTP is set, Quoted that Bid and Ask are: exactly as
	// published, where the wire has prices in place of Data.
	Priced, Quoted bool
	LTP, Bid, Ask  Decimal

	// Missed counts the ticks of this token that were received and dropped
	// since the one before, because the consumer here was slow.
	Missed uint64

	// Skipped counts those that the server conflated since the one before, as
	// max_rate asks or because the connection was slow.
	Skipped uint64

	// Gap, if not nil, is what is missing before this tick for good.
	Gap *Gap

	again bool // a snap of a tick that was counted before
}

// follow takes over what an older tick of the token, now dropped, had to tell.
func (t *Tick) follow(old *Tick) {
	t.Missed += old.Missed
	if !old.again {
		t.Missed++
	}
	t.Skipped += old.Skipped
	switch {
	case t.Gap == nil:
		t.Gap = old.Gap
	case old.Gap != nil:
		t.Gap = joined(old.Gap, *t.Gap)
	}
}

// A Quote is what nearly every feed says of a token: decimals as the publisher
// wrote them, empty where it did not.
type Quote struct {
	Last json.Number `json:"ltp"`
	Bid  json.Number `json:"bestbidprice"`
	Ask  json.Number `json:"bestaskprice"`
}

// Quote gives the original's price fields, in whatever form the tick has them.
func (t Tick) Quote() (Quote, error) {
	var q Quote
	if t.Data != nil {
		if err := json.Unmarshal(t.Data, &q); err != nil {
			return Quote{}, fmt.Errorf("read quote of %q: %w", t.Token, err)
		}
		return q, nil
	}
	switch {
	case t.Value != nil && t.Priced:
		q.Last = json.Number(t.Value)
	case t.Priced:
		q.Last = json.Number(t.LTP.String())
	}
	if t.Quoted {
		q.Bid, q.Ask = json.Number(t.Bid.String()), json.Number(t.Ask.String())
	}
	return q, nil
}
