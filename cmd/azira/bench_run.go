package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"azira/bench"
)

const benchRunHelp = `Plays a scenario to a server pinned to one processor, with clients and
feed on the others, and shows what it costs: processor time per delivered tick, latency,
memory. With --against the same is played to other servers in turn.

Usage: azira bench run SCENARIO [flags]

Scenarios:
`

// runBenchRun takes a scenario's row and lets flags change it.
func runBenchRun(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		if len(args) > 0 && isHelp(args[0]) {
			benchRunUsage(stdout)
			return nil
		}
		return fmt.Errorf("%w: expected a scenario", errUsage)
	}
	c, err := bench.Scenario(args[0])
	if err != nil {
		return benchError(ctx, err)
	}
	c.Progress = stderr
	c.Command = commandLine("azira bench run", args)
	var against, dialects, jsonFile, htmlFile string
	f := feedFlags("bench run", "", stdout)
	f.Usage = func() {
		benchRunUsage(stdout)
		fmt.Fprintf(stdout, "\nFlags of %s:\n", c.Name)
		f.SetOutput(stdout)
		f.PrintDefaults()
	}
	benchLoadFlags(f, &c)
	f.BoolVar(&c.Calm, "calm", false, "try again, up to 3 times, what other programs disturb")
	f.StringVar(&against, "against", strings.Join(c.Against, ","), "`peers` to measure too, like "+
		"floor,nats,gorilla; all is every one there is")
	f.StringVar(&dialects, "dialects", "text", "`dialects` of azira's clients, each measured in "+
		"turn: "+strings.Join(bench.Dialects, ","))
	f.StringVar(&dialects, "dialect", "text", "the same, with one `dialect`")
	f.Func("also", "measure azira with these `settings` too, like '--batch-window 5ms' or "+
		"'GOGC=400'; may be given several times", func(s string) error {
		c.Also = append(c.Also, s)
		return nil
	})
	f.StringVar(&c.Peers, "peers", "", "`program` they are in; default: built from bench/peers")
	f.StringVar(&c.Profile, "profile", "", "`directory` for profiles of azira's first window")
	f.StringVar(&jsonFile, "json", "", "`file` for the report as JSON; - is the standard output")
	f.StringVar(&htmlFile, "html", "", "`file` for the report as a page with plots")
	if err := parseFeedFlags(f, args[1:], noEnvironment); err != nil {
		return err
	}
	c.Against, c.Dialects = splitNames(against), splitNames(dialects)
	if err := c.Check(); err != nil {
		return benchError(ctx, err)
	}
	if err := checkAlso(c.Also); err != nil {
		return err
	}
	if err := checkReports(jsonFile, htmlFile, c.Profile); err != nil {
		return err
	}
	if c.Executable, err = os.Executable(); err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	r, err := bench.Run(ctx, c)
	if err != nil {
		return benchError(ctx, err)
	}
	return writeReports(r, stdout, jsonFile, htmlFile)
}

// benchLoadFlags let all of a scenario's row be changed that means something to its kind.
func benchLoadFlags(f *flag.FlagSet, c *bench.RunConfig) {
	f.IntVar(&c.Clients, "clients", c.Clients, "`number` of clients")
	f.IntVar(&c.Servers, "servers", c.Servers, "`number` of processes of azira")
	f.IntVar(&c.Tokens, "tokens", c.Tokens, "`number` of tokens of each client")
	f.IntVar(&c.Of, "of", c.Of, "`number` of tokens there are")
	f.Float64Var(&c.Same, "same", c.Same, "`share` of the clients that hold one and the same list")
	f.BoolVar(&c.Zipf, "zipf", c.Zipf, "some tokens are in more lists and tick more often")
	f.Float64Var(&c.Seconds, "seconds", c.Seconds, "length of each counted window")
	f.IntVar(&c.Rounds, "rounds", c.Rounds, "`number` of rounds")
	if c.Kind != bench.KindIdle {
		f.Float64Var(&c.Rate, "rate", c.Rate, "deliveries per second; of saturate, the first")
	}
	if c.Kind != bench.KindIdle && c.Kind != bench.KindTLS { // the floor has no TLS
		f.IntVar(&c.PerSend, "per-send", c.PerSend, "`frames` in a send of the floor")
	}
	switch c.Kind {
	case bench.KindWindow:
		f.Float64Var(&c.ChurnRate, "churn", c.ChurnRate, "`clients` per second that come anew")
	case bench.KindTLS:
		f.BoolVar(&c.Hybrid, "hybrid", c.Hybrid,
			"clients offer X25519MLKEM768 in their handshake too, as browsers do")
	case bench.KindSaturate:
		f.Float64Var(&c.BoundMs, "bound", c.BoundMs, "p99 at the knee, in `ms`")
	case bench.KindSlow:
		f.Float64Var(&c.Share, "share", c.Share, "`share` of the clients that are slow")
		f.IntVar(&c.Pairs, "pairs", c.Pairs,
			"`number` of windows before, during and after the stall")
		f.Float64Var(&c.Stall, "stall", c.Stall, "`seconds` that it lasts at least")
		f.Float64Var(&c.SlowRate, "slow-rate", c.SlowRate,
			"`bytes` that slow clients read per second")
	}
}

func benchRunUsage(w io.Writer) {
	fmt.Fprint(w, benchRunHelp)
	for _, c := range bench.Scenarios {
		fmt.Fprintf(w, "  %-10s %s\n", c.Name, c.About)
	}
	fmt.Fprint(w, "\nazira bench run SCENARIO --help lists its flags.\n")
}

func isHelp(word string) bool {
	switch word {
	case "help", "-h", "-help", "--help":
		return true
	}
	return false
}

func splitNames(list string) (names []string) {
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// writeReports writes the table, unless JSON takes its place, and the files asked for.
func writeReports(r *bench.RunReport, stdout io.Writer, jsonFile, htmlFile string) error {
	var errs []error
	switch jsonFile {
	case "":
	case "-":
		errs = append(errs, bench.Write(stdout, r, true))
	default:
		errs = append(errs, writeFile(jsonFile, func(w io.Writer) error {
			return bench.Write(w, r, true)
		}))
	}
	if htmlFile != "" {
		errs = append(errs, writeFile(htmlFile, func(w io.Writer) error {
			return bench.WritePage(w, r)
		}))
	}
	if jsonFile != "-" {
		errs = append(errs, bench.Write(stdout, r, false))
	}
	return errors.Join(errs...)
}

func writeFile(name string, write func(io.Writer) error) error {
	f, err := os.Create(filepath.Clean(name))
	if err != nil {
		return fmt.Errorf("make report: %w", err)
	}
	return errors.Join(write(f), f.Close())
}

// benchError is what the caller is told.
func benchError(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, bench.ErrConfig):
		words := strings.TrimPrefix(err.Error(), bench.ErrConfig.Error()+": ")
		return fmt.Errorf("%w: %s", errUsage, words)
	case ctx.Err() != nil:
		return errInterrupted
	}
	return errors.New(strings.TrimPrefix(err.Error(), "bench: "))
}
