package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// A coordinator and its swarms, each a process, talk in lines of JSON: a command
// to the swarm's standard input, one result from its standard output, in turn.
// The end of its input ends a swarm.
const (
	doOpen   = "open"   // open streams until there are Clients
	doHeard  = "heard"  // how many tokens of how many clients have not ticked yet
	doBegin  = "begin"  // begin a window
	doEnd    = "end"    // end it: a tally
	doFinal  = "final"  // how many of the ticks published did not come
	doSlow   = "slow"   // Share of the clients read Rate bytes/s from now on, or nothing
	doHealed = "healed" // all read again
	doAgain  = "again"  // how many of those that were slow have nothing new yet
	doChurn  = "churn"  // Rate clients per second come back anew
	doStorm  = "storm"  // all come back at once: how long it took each
)

// A swarmCommand is one line to a swarm.
type swarmCommand struct {
	Do      string     `json:"do"`
	Setup   *swarmLoad `json:"setup,omitempty"` // with the first open
	Clients int        `json:"clients,omitempty"`
	Share   float64    `json:"share,omitempty"`
	Rate    float64    `json:"rate,omitempty"`
	Last    []uint32   `json:"last,omitempty"` // of final: ticks published, by token
}

// A swarmLoad is what a swarm has to know from the start.
type swarmLoad struct {
	Load    load          `json:"load"`
	Addr    string        `json:"addr"` // host:port of the server
	Bearer  string        `json:"bearer,omitempty"`
	Dialect string        `json:"dialect"`
	Trust   string        `json:"trust,omitempty"` // the server's certificate, PEM; empty is clear text
	Hybrid  bool          `json:"hybrid"`          // handshakes offer X25519MLKEM768 too
	Count   bool          `json:"count"`           // frames are counted and not looked at
	First   int           `json:"first"`           // number of this swarm's first client
	Source  byte          `json:"source"`          // clients connect from 127.0.SOURCE.x
	Epoch   time.Duration `json:"epoch"`           // the run's first instant, on the monotonic clock
}

// A swarmResult is one line from a swarm.
type swarmResult struct {
	Error string `json:"error,omitempty"`
	Left  uint64 `json:"left"` // of heard: not yet; of final: missing
	Tally *Tally `json:"tally,omitempty"`
	Back  *back  `json:"back,omitempty"`
}

// A back is how clients that came back fared.
type back struct {
	Clients int     `json:"clients"` // that are back
	Waiting int     `json:"waiting"` // that are on their way
	Refused int     `json:"refused"` // attempts, tried again after a pause
	Took    buckets `json:"took"`    // µs from the order to all that was asked for

	// Of a storm.
	Resumed bool   `json:"resumed"` // they asked for what they missed
	Faults  Faults `json:"faults"`  // since it began
	Told    Told   `json:"told"`
}

func (b *back) add(o *back) {
	b.Clients += o.Clients
	b.Waiting += o.Waiting
	b.Refused += o.Refused
	b.Resumed = b.Resumed || o.Resumed
	b.Faults.add(&o.Faults)
	b.Told.add(&o.Told)
	var h histogram
	h.add(b.Took)
	h.add(o.Took)
	b.Took = h.buckets()
}

// readCommands hands on what comes in until the input or ctx ends; it closes the channel.
func readCommands(ctx context.Context, in io.Reader, out chan<- swarmCommand) error {
	defer close(out)
	rd := json.NewDecoder(bufio.NewReader(in))
	for {
		var c swarmCommand
		if err := rd.Decode(&c); err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("read command: %w", err)
		}
		select {
		case out <- c:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
