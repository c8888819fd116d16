package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"azira/bench"
)

const benchHelp = `Measures a server of its own: starts one, feeds it, opens streams, and shows
what they cost.

Usage: azira bench SCENARIO [flags]

Scenarios:
  streams   memory per stream, allocations and encodings per tick
  virtual   the engine alone, with clients that have no sockets: cohorts, scale
  intake    ticks taken from a ZeroMQ publisher that sends as fast as it is let
  run       hot, watch, flood, idle, storm, tls and others, alone or beside other servers

azira bench SCENARIO --help lists a scenario's flags.
`

// runBench runs a scenario: progress goes to stderr, its report to stdout.
func runBench(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		return fmt.Errorf("%w: expected a scenario: streams, virtual, intake, run", errUsage)
	}
	switch args[0] {
	case "streams":
		return benchStreams().play(ctx, args[1:], stdout, stderr)
	case "virtual":
		return benchVirtual().play(ctx, args[1:], stdout, stderr)
	case "intake":
		return benchIntake().play(ctx, args[1:], stdout, stderr)
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

func noEnvironment(string) (string, bool) { return "", false }
