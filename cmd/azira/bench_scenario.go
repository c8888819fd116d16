package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"

	"azira/bench"
)

// A benchScenario is one with settings and a report of its own.
type benchScenario struct {
	name, help string
	flags      func(f *flag.FlagSet)
	run        func(ctx context.Context, h benchHead) (bench.Report, error)
}

// A benchHead is what every scenario is told besides its flags.
type benchHead struct {
	executable string // azira
	command    string // as it was called, for the report
	progress   io.Writer
}

// play reads flags, of the command line alone: a report names its command, and the
// same one plays the same load.
func (s benchScenario) play(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var asJSON bool
	f := feedFlags("bench "+s.name, "", stdout)
	f.Usage = func() {
		fmt.Fprintf(stdout, "%s\nUsage: azira bench %s [flags]\n\nFlags:\n", s.help, s.name)
		f.SetOutput(stdout)
		f.PrintDefaults()
	}
	s.flags(f)
	f.BoolVar(&asJSON, "json", false, "the report as JSON")
	if err := parseFeedFlags(f, args, noEnvironment); err != nil {
		return err
	}
	executable, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	command := commandLine("azira bench "+s.name, args)
	r, err := s.run(ctx, benchHead{executable, command, stderr})
	if err != nil {
		return benchError(ctx, err)
	}
	return bench.Write(stdout, r, asJSON)
}

func benchStreams() benchScenario {
	var c bench.StreamsConfig
	return benchScenario{
		name: "streams",
		help: `Opens streams in four steps and shows the server's memory per stream; then sends
ticks at two rates and shows how many allocations and encodings each costs, from the
bytes of ZeroMQ to send(2).
`,
		flags: func(f *flag.FlagSet) {
			f.IntVar(&c.Streams, "streams", 10_000, "`number` of streams")
			f.IntVar(&c.Tokens, "tokens", 20, "`number` of tokens of each stream")
			f.IntVar(&c.Universe, "universe", 1000, "`number` of tokens to choose from")
			f.IntVar(&c.Rate, "rate", 500, "`ticks` per second over all tokens, then 4 times")
			f.Float64Var(&c.Seconds, "seconds", 10,
				"`length` of the windows with and without ticks")
			f.BoolVar(&c.Shared, "shared", false, "all streams hold the same tokens")
		},
		run: func(ctx context.Context, h benchHead) (bench.Report, error) {
			c.Executable, c.Command, c.Progress = h.executable, h.command, h.progress
			return bench.RunStreams(ctx, c)
		},
	}
}

func benchVirtual() benchScenario {
	var c bench.VirtualConfig
	return benchScenario{
		name: "virtual",
		help: `Measures the engine alone, in this process, with clients whose sockets take
everything and cost nothing: what a delivered tick costs outside the kernel with a list
for each client and with one for all, and what clients cost whose tokens do not tick.
`,
		flags: func(f *flag.FlagSet) {
			f.IntVar(&c.Clients, "clients", 10_000, "`number` of clients")
			f.IntVar(&c.Tokens, "tokens", 20, "`number` of tokens of each client")
			f.IntVar(&c.Of, "of", 1000, "`number` of tokens to choose from")
			f.IntVar(&c.Bystanders, "bystanders", 90_000,
				"`number` of further clients whose tokens do not tick")
			f.IntVar(&c.Burst, "burst", 10, "`ticks` published at a time")
			f.Float64Var(&c.Seconds, "seconds", 3, "`length` of each measurement")
			f.BoolVar(&c.Check, "check", false,
				"play the same ticks to real clients, too, and compare")
		},
		run: func(ctx context.Context, h benchHead) (bench.Report, error) {
			c.Executable, c.Command, c.Progress = h.executable, h.command, h.progress
			return bench.RunVirtual(ctx, c)
		},
	}
}

func benchIntake() benchScenario {
	var c bench.IntakeConfig
	return benchScenario{
		name: "intake",
		help: `Starts a server on one processor, without clients, and has publishers send to it as
fast as they are let: one in C on libzmq, where that can be built, and azira feed.
Shows how many ticks a second go into the rings, and what each costs.
`,
		flags: func(f *flag.FlagSet) {
			f.IntVar(&c.Tokens, "tokens", 1000, "`number` of tokens")
			f.IntVar(&c.Rounds, "rounds", 5, "`number` of rounds")
			f.Float64Var(&c.Seconds, "seconds", 5, "`length` of each measurement")
		},
		run: func(ctx context.Context, h benchHead) (bench.Report, error) {
			c.Executable, c.Command, c.Progress = h.executable, h.command, h.progress
			return bench.RunIntake(ctx, c)
		},
	}
}
