package bench

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// A RunConfig sets up a run: a scenario with its load, and the servers it is played to.
type RunConfig struct {
	Name    string // of the row of Scenarios it began as
	Kind    Kind
	About   string
	Clients int
	Servers int // processes of Azira; peers are one
	Tokens  int // of each client
	Of      int // tokens there are
	Same    float64
	Zipf    bool
	Rate    float64 // deliveries per second; of saturate, where the sweep begins
	Seconds float64 // of each counted window
	Rounds  int
	Calm    bool // what other programs disturb is tried again
	PerSend int  // frames in a send of the floor

	Share     float64 // slow: of the clients that stall
	Pairs     int     // slow: windows before, during and after the stall, each
	Stall     float64 // slow: seconds that it lasts at least
	SlowRate  float64 // slow: bytes per second that these read
	ChurnRate float64 // churn: clients per second that come back anew
	BoundMs   float64 // saturate: p99 at the knee
	Hybrid    bool    // tls: clients offer X25519MLKEM768 too

	Dialects []string // of Azira's clients, each a target of its own; none is text alone

	Also    []string // Azira with other settings, each a target of its own
	Against []string // peers
	Peers   string   // the program they are in; empty is found or built
	Profile string   // directory for profiles of Azira; empty is none

	Executable string    // azira, for server and clients
	Command    string    // what was called, for the report
	Progress   io.Writer // a line for each step
}

// A Kind is what is done with a load.
type Kind string

// The kinds of scenario.
const (
	KindWindow   Kind = "window"   // ticks at a rate, counted for a time
	KindIdle     Kind = "idle"     // memory at four sizes, then time without ticks
	KindStorm    Kind = "storm"    // all clients come back at once
	KindSlow     Kind = "slow"     // windows before, during and after a stall of some clients
	KindSaturate Kind = "saturate" // rates rising to the knee
	KindTLS      Kind = "tls"      // memory at four sizes, then a window; with TLS and without
)

// Scenarios are what can be run by name. Those of the same names as rows of the
// table of targets are these rows.
var Scenarios = []RunConfig{
	{Name: "hot", About: "1 token, all clients", Kind: KindWindow,
		Clients: 1000, Tokens: 1, Of: 1, Rate: 50_000},
	{Name: "watch", About: "50 of 1,000 tokens each, moderate rate", Kind: KindWindow,
		Clients: 1000, Tokens: 50, Of: 1000, Rate: 100_000},
	{Name: "busy", About: "50 of 1,000 tokens each, high rate", Kind: KindWindow,
		Clients: 500, Tokens: 50, Of: 1000, Rate: 500_000, PerSend: 10},
	{Name: "flood", About: "250 of 500 tokens each, very high rate", Kind: KindWindow,
		Clients: 200, Tokens: 250, Of: 500, Rate: 2_000_000, PerSend: 32},
	{Name: "torrent", About: "the same, more than any server can", Kind: KindWindow,
		Clients: 200, Tokens: 250, Of: 500, Rate: 8_000_000, PerSend: 100},
	{Name: "watchlist", About: "--tokens of --of each: lists and rates to choose",
		Kind: KindWindow, Clients: 1000, Tokens: 20, Of: 1000, Rate: 100_000},
	{Name: "firehose", About: "all tokens, few clients", Kind: KindWindow,
		Clients: 50, Tokens: 1000, Of: 1000, Rate: 500_000, PerSend: 10},
	// 2,500 ticks/s for 41 s are 100,000 and some, at a rate that one frame per write can keep.
	{Name: "fair", About: "over 100,000 ticks of 1 token: is any client served later than others?",
		Kind: KindWindow, Clients: 50, Tokens: 1, Of: 1, Rate: 125_000, Seconds: 41},
	// The server pings every 25 s, some sooner after the start: two whole periods.
	{Name: "idle", About: "memory and processor time of a connection", Kind: KindIdle,
		Clients: 10_000, Tokens: 20, Of: 1000, Seconds: 50},
	{Name: "storm", About: "all clients come back at once", Kind: KindStorm,
		Clients: 15_000, Tokens: 20, Of: 1000, Rate: 20_000},
	{Name: "churn", About: "clients come and go while ticks flow", Kind: KindWindow,
		Clients: 1000, Tokens: 20, Of: 1000, Rate: 50_000, ChurnRate: 100},
	{Name: "slow", About: "some clients stall or read slowly", Kind: KindSlow,
		Clients: 1000, Tokens: 20, Of: 1000, Rate: 100_000, Share: 0.1,
		Pairs: 5, Stall: 60, Seconds: 10},
	// Below half of a core, so that no loop waits for more ticks.
	{Name: "tls", About: "TLS built in, clear text, nginx in front, goroutines: memory, CPU",
		Kind: KindTLS, Clients: 2000, Tokens: 20, Of: 1000, Rate: 20_000, Rounds: 3, Hybrid: true,
		Against: []string{"gorilla", "lean"}},
	{Name: "saturate", About: "rates rising to the knee", Kind: KindSaturate,
		Clients: 500, Tokens: 50, Of: 1000, Rate: 100_000, BoundMs: 50},
}

// Scenario is the row of that name, with what all have in common.
func Scenario(name string) (RunConfig, error) {
	i := slices.IndexFunc(Scenarios, func(c RunConfig) bool { return c.Name == name })
	if i < 0 {
		var names []string
		for _, c := range Scenarios {
			names = append(names, c.Name)
		}
		return RunConfig{}, fmt.Errorf("%w: unknown scenario %q: expected %s", ErrConfig, name,
			strings.Join(names, ", "))
	}
	c := Scenarios[i]
	c.Servers, c.Rounds, c.Seconds = 1, cmp.Or(c.Rounds, 5), cmp.Or(c.Seconds, 5)
	c.PerSend, c.Pairs = max(c.PerSend, 1), max(c.Pairs, 1)
	return c, nil
}

func (c *RunConfig) dialects() []string {
	if len(c.Dialects) == 0 {
		return []string{dialectText}
	}
	return c.Dialects
}

func (c *RunConfig) load() load {
	return load{Universe: c.Of, Tokens: c.Tokens, Same: c.Same, Zipf: c.Zipf}
}

// Check refuses settings that do not fit, before anything is started.
func (c *RunConfig) Check() error {
	least := 1.0
	if c.Kind == KindIdle || c.Kind == KindTLS {
		least = sizes // one more at each
	}
	for _, s := range []struct {
		name        string
		v, min, max float64
	}{
		{"clients", float64(c.Clients), least, streamsMax},
		{"servers", float64(c.Servers), 1, serversMax},
		{"tokens", float64(c.Tokens), 1, tokensMax},
		{"of", float64(c.Of), 1, universeMax},
		{"same", c.Same, 0, 1},
		{"rate", c.Rate, 0, deliveriesMax},
		{"seconds", c.Seconds, secondsMin, secondsMax},
		{"rounds", float64(c.Rounds), 1, roundsMax},
		{"per-send", float64(c.PerSend), 1, perSendMax},
		{"share", c.Share, 0, 1},
		{"pairs", float64(c.Pairs), 1, pairsMax},
		{"stall", c.Stall, 0, stallMax},
		{"slow-rate", c.SlowRate, 0, deliveriesMax},
		{"churn", c.ChurnRate, 0, churnMax},
		{"bound", c.BoundMs, 0, boundMax},
	} {
		if !(s.v >= s.min && s.v <= s.max) { // NaN is neither
			return fmt.Errorf("%w: --%s %s: expected %s to %s", ErrConfig,
				s.name, plain(s.v), plain(s.min), plain(s.max))
		}
	}
	switch {
	case c.Tokens > c.Of:
		return fmt.Errorf("%w: --tokens %d out of --of %d: there are not so many", ErrConfig,
			c.Tokens, c.Of)
	case c.Rate == 0 && c.Kind != KindIdle:
		return fmt.Errorf("%w: --rate 0: only idle runs without ticks", ErrConfig)
	case c.Kind == KindSaturate && c.BoundMs < boundMin:
		return fmt.Errorf("%w: --bound %g: expected at least %d ms", ErrConfig, c.BoundMs, boundMin)
	case c.Kind == KindSlow && (c.slow() == 0 || c.slow() == c.Clients):
		return fmt.Errorf("%w: --share %g of %d clients: expected some, and not all", ErrConfig,
			c.Share, c.Clients)
	case c.Profile != "" && c.Kind == KindIdle:
		return fmt.Errorf("%w: --profile: %s has no window to profile", ErrConfig, c.Name)
	case slices.Contains(c.Against, aziraName):
		return fmt.Errorf("%w: --against %s: it is measured anyway", ErrConfig, aziraName)
	}
	if err := checkDialects(c.Dialects); err != nil {
		return err
	}
	if c.Kind == KindTLS {
		if err := c.checkTLS(); err != nil {
			return err
		}
	}
	return checkDescriptors(min(c.Clients/c.Servers, swarmStreams)+fdSpare, "clients")
}

// slow is how many clients stall.
func (c *RunConfig) slow() int { return int(float64(c.Clients) * c.Share) }

// plain writes a setting as one would.
func plain(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
