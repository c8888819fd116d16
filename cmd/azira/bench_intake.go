package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"azira/bench"
)

const benchIntakeHelp = `Starts a server on one processor, without clients, and has publishers
send to it as fast as they are let: one in C on libzmq, where that can be built, and
azira feed. Shows how many ticks a second go into the rings, and what each costs.

Usage: azira bench intake [flags]

Flags:
`

func runBenchIntake(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	c := bench.IntakeConfig{Progress: stderr,
		Command: strings.Join(append([]string{"azira bench intake"}, args...), " ")}
	var asJSON bool
	f := feedFlags("bench intake", "", stdout)
	f.Usage = func() {
		fmt.Fprint(stdout, benchIntakeHelp)
		f.SetOutput(stdout)
		f.PrintDefaults()
	}
	f.IntVar(&c.Tokens, "tokens", 1000, "`number` of tokens")
	f.IntVar(&c.Rounds, "rounds", 5, "`number` of rounds")
	f.Float64Var(&c.Seconds, "seconds", 5, "`length` of each measurement")
	f.BoolVar(&asJSON, "json", false, "the report as JSON")
	if err := parseFeedFlags(f, args, noEnvironment); err != nil {
		return err
	}
	var err error
	if c.Executable, err = os.Executable(); err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	r, err := bench.RunIntake(ctx, c)
	if err != nil {
		return benchError(ctx, err)
	}
	return bench.Write(stdout, r, asJSON)
}
