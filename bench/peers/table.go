package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
)

// A dialect is how a client of a peer subscribes; see the package comment.
type dialect string

const (
	dialectText dialect = "text"
	dialectNATS dialect = "nats"
	dialectURL  dialect = "url"
)

// A peer is one server to measure.
type peer struct {
	name    string
	dialect dialect
	about   string
	// missing is nil if the peer can run here, else it says what is wanted.
	missing func() error
	// run serves until ctx ends. It calls ready once, when it can accept.
	run func(ctx context.Context, o options, ready func(addr string)) error
}

func peers() []peer {
	return []peer{
		{"floor", dialectText, "send(2) of prebuilt frames, nothing else", missingFloor, runFloor},
		{gorillaName, dialectText, "hub on gorilla/websocket v1.5.3", present, runGorilla},
		{leanName, dialectText, "a goroutine per connection that reads, one for all that writes",
			present, runLean},
		{"nats", dialectNATS, "nats-server v2.15.2, embedded", present, runNATS},
		{"ws", dialectText, "npm ws 8.23.0 in Node", missingWS, runWS},
		{"nchan", dialectURL, "nginx with the module nchan (Debian)", missingNchan, runNchan},
	}
}

// present is the missing of what is built in.
func present() error { return nil }

func find(name string) (peer, error) {
	for _, p := range peers() {
		if p.name == name {
			return p, nil
		}
	}
	return peer{}, fmt.Errorf("%w: %q", errUnknown, name)
}

// list writes a line for every peer: its name, `ready` or `missing`, its dialect,
// and what it is or what it wants.
func list(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, p := range peers() {
		state, about := "ready", p.about
		if err := p.missing(); err != nil {
			state, about = "missing", err.Error()
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\n", p.name, state, p.dialect, about)
	}
	return tw.Flush()
}
