package client

import (
	"encoding/json"
	"fmt"
	"time"
)

// A Tick is one price change of one token. It belongs to whoever received it.
type Tick struct {
	// Token is the instrument. The text dialect carries no topic, so there it
	// is the data's own "token" field, and empty if the data has none.
	Token string

	// Data is the publisher's JSON object, unchanged.
	Data []byte

	// Seq counts the token's ticks within the server's run, without holes. It
	// is 0 where the dialect carries none, as in text and on the bus.
	Seq uint64

	// Time is when the server took the tick in, or the Bus did; zero where the
	// dialect does not say.
	Time time.Time

	// Missed counts the ticks of this token that were conflated away since the
	// one before: by a slow consumer here and, where the dialect tells, by the
	// server.
	Missed uint64
}

// A Quote is what nearly every feed says of a token: decimals as the publisher
// wrote them, empty where it did not.
type Quote struct {
	Last json.Number `json:"ltp"`
	Bid  json.Number `json:"bestbidprice"`
	Ask  json.Number `json:"bestaskprice"`
}

// Quote reads the original's price fields out of the data.
func (t Tick) Quote() (Quote, error) {
	var q Quote
	if err := json.Unmarshal(t.Data, &q); err != nil {
		return Quote{}, fmt.Errorf("read quote of %q: %w", t.Token, err)
	}
	return q, nil
}
