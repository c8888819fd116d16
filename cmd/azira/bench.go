package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"azira/bench"
)

const benchHelp = `Measures a server of its own: starts one, feeds it, opens streams, and shows
what they cost.

Usage: azira bench SCENARIO [flags]

Scenarios:
  streams   memory per stream, allocations and encodings per tick
  virtual   the engine alone, with clients that have no sockets: cohorts, scale
  intake    ticks taken from a ZeroMQ publisher that sends as fast as it is let
  run       hot, watch, flood, idle, storm and others, alone or beside other servers

azira bench SCENARIO --help lists a scenario's flags.
`

const benchStreamsHelp = `Opens streams in four steps and shows the server's memory per
stream; then sends ticks and shows how many allocations and encodings each costs,
from the bytes of ZeroMQ to send(2).

Usage: azira bench streams [flags]

Flags:
`

// runBench runs a scenario: progress goes to stderr, its report to stdout.
func runBench(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		return fmt.Errorf("%w: expected a scenario: streams, virtual, intake, run", errUsage)
	}
	switch args[0] {
	case "streams":
		return runBenchStreams(ctx, args[1:], stdout, stderr)
	case "virtual":
		return runBenchVirtual(ctx, args[1:], stdout, stderr)
	case "intake":
		return runBenchIntake(ctx, args[1:], stdout, stderr)
	case "run":
		return runBenchRun(ctx, args[1:], stdout, stderr)
	case "swarm": // not for users: the clients of a run
		return bench.RunSwarm(ctx, os.Stdin, stdout)
	case "help", "-h", "-help", "--help":
		fmt.Fprint(stdout, benchHelp)
		return nil
	}
	return fmt.Errorf("%w: unknown scenario %q: expected streams, virtual, intake or run",
		errUsage, args[0])
}

func runBenchStreams(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	c := bench.StreamsConfig{Progress: stderr,
		Command: strings.Join(append([]string{"azira bench streams"}, args...), " ")}
	var asJSON bool
	f := feedFlags("bench streams", "", stdout)
	f.Usage = func() {
		fmt.Fprint(stdout, benchStreamsHelp)
		f.SetOutput(stdout)
		f.PrintDefaults()
	}
	f.IntVar(&c.Streams, "streams", 10_000, "`number` of streams")
	f.IntVar(&c.Tokens, "tokens", 20, "`number` of tokens of each stream")
	f.IntVar(&c.Universe, "universe", 1000, "`number` of tokens to choose from")
	f.IntVar(&c.Rate, "rate", 2000, "`ticks` per second over all tokens")
	f.Float64Var(&c.Seconds, "seconds", 10, "`length` of the windows with and without ticks")
	f.BoolVar(&c.Shared, "shared", false, "all streams hold the same tokens")
	f.BoolVar(&asJSON, "json", false, "the report as JSON")
	// Of the flags alone: a report names its command, and the same one runs the same load.
	if err := parseFeedFlags(f, args, noEnvironment); err != nil {
		return err
	}
	var err error
	if c.Executable, err = os.Executable(); err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	r, err := bench.RunStreams(ctx, c)
	if err != nil {
		return benchError(ctx, err)
	}
	return bench.Write(stdout, r, asJSON)
}

func noEnvironment(string) (string, bool) { return "", false }
