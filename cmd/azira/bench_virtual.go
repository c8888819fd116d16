package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"azira/bench"
)

const benchVirtualHelp = `Measures the engine alone, in this process, with clients whose sockets
take everything and cost nothing: what a delivered tick costs outside the kernel with a list
for each client and with one for all, and what clients cost whose tokens do not tick.

Usage: azira bench virtual [flags]

Flags:
`

func runBenchVirtual(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	c := bench.VirtualConfig{Progress: stderr,
		Command: strings.Join(append([]string{"azira bench virtual"}, args...), " ")}
	var asJSON bool
	f := feedFlags("bench virtual", "", stdout)
	f.Usage = func() {
		fmt.Fprint(stdout, benchVirtualHelp)
		f.SetOutput(stdout)
		f.PrintDefaults()
	}
	f.IntVar(&c.Clients, "clients", 10_000, "`number` of clients")
	f.IntVar(&c.Tokens, "tokens", 20, "`number` of tokens of each client")
	f.IntVar(&c.Of, "of", 1000, "`number` of tokens to choose from")
	f.IntVar(&c.Bystanders, "bystanders", 90_000,
		"`number` of further clients whose tokens do not tick")
	f.IntVar(&c.Burst, "burst", 10, "`ticks` published at a time")
	f.Float64Var(&c.Seconds, "seconds", 3, "`length` of each measurement")
	f.BoolVar(&c.Check, "check", false, "play the same ticks to real clients, too, and compare")
	f.BoolVar(&asJSON, "json", false, "the report as JSON")
	if err := parseFeedFlags(f, args, noEnvironment); err != nil {
		return err
	}
	var err error
	if c.Executable, err = os.Executable(); err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	r, err := bench.RunVirtual(ctx, c)
	if err != nil {
		return benchError(ctx, err)
	}
	return bench.Write(stdout, r, asJSON)
}
