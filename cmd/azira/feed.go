package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"azira/feed"
)

const feedHelp = `Publishes ticks on a ZeroMQ PUB socket, simulated or recorded ones, and takes
requests on a REP socket: {"function":"addto_Feed","payload":{"tokens":["NSE:1"]}}
and {"function":"terminate"}.

Usage: azira feed [flags]
       azira feed --replay FILE [--speed X] [--loop]
       azira feed record --from ENDPOINT --out FILE [--duration D] [--count N]

`

const feedRecordHelp = `Records the ticks of a ZeroMQ PUB socket with their times of arrival, for
azira feed --replay. Ends with the duration, the count, or SIGINT.

Usage: azira feed record --from ENDPOINT --out FILE [--duration D] [--count N]

`

const feedEnvironment = `
Each flag has a twin in the environment, AZIRA_ and its name in capitals
(AZIRA_RATE=1000); a flag wins over its twin.
`

func runFeed(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) > 0 && args[0] == "record" {
		return runFeedRecord(ctx, args[1:], stdout, stderr)
	}
	c := feed.FeedConfig{Logger: feedLogger(stderr)}
	tokens := ""
	f := feedFlags("feed", feedHelp, stdout)
	f.StringVar(&c.Pub, "pub", feed.DefaultPub, "`endpoint` of the PUB socket")
	f.StringVar(&c.Control, "control", feed.DefaultControl, "`endpoint` of the REP socket")
	f.StringVar(&tokens, "tokens", strings.Join(feed.DefaultTokens, ","),
		"`A,B,C` to simulate, or how many")
	f.IntVar(&c.Rate, "rate", feed.DefaultRate, "`ticks` per second over all tokens, 1 to 1000000")
	f.Uint64Var(&c.Seed, "seed", 1, "`number` that the prices follow from")
	f.StringVar(&c.Replay, "replay", "", "`file` of azira feed record to publish instead")
	f.Float64Var(&c.Speed, "speed", 1, "`times` as fast as recorded")
	f.BoolVar(&c.Loop, "loop", false, "begin again at the recording's end")
	if err := parseFeedFlags(f, args, os.LookupEnv); err != nil {
		return err
	}
	switch {
	case c.Rate == 0:
		return fmt.Errorf("%w: --rate 0: expected 1 to 1000000 ticks/s", errUsage)
	case c.Speed == 0:
		return fmt.Errorf("%w: --speed 0: expected more", errUsage)
	case c.Loop && c.Replay == "":
		return fmt.Errorf("%w: --loop without --replay", errUsage)
	}
	var err error
	if c.Tokens, err = feed.ParseTokens(tokens); err != nil {
		return feedError(err)
	}
	what := fmt.Sprintf("%d tokens, %d ticks/s", len(c.Tokens), c.Rate)
	if c.Replay != "" {
		what = fmt.Sprintf("replay of %s at speed %g", c.Replay, c.Speed)
	}
	c.Ready = func(pub, control string) {
		fmt.Fprintf(stdout, "azira feed: ready, pub %s, control %s, %s\n", pub, control, what)
	}
	return feedError(feed.RunFeed(ctx, c))
}

func runFeedRecord(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	c := feed.RecordConfig{Logger: feedLogger(stderr), Progress: stderr}
	f := feedFlags("feed record", feedRecordHelp, stdout)
	f.StringVar(&c.From, "from", feed.DefaultPub, "`endpoint` of the PUB socket to record")
	f.StringVar(&c.Out, "out", "", "`file` to make")
	f.DurationVar(&c.Duration, "duration", 0, "`time` to record, like 90s (default: until stopped)")
	f.Uint64Var(&c.Count, "count", 0, "`ticks` to record (default: until stopped)")
	if err := parseFeedFlags(f, args, os.LookupEnv); err != nil {
		return err
	}
	if c.Out == "" {
		return fmt.Errorf("%w: --out FILE is missing", errUsage)
	}
	if c.Duration < 0 {
		return fmt.Errorf("%w: --duration %v: expected more than 0", errUsage, c.Duration)
	}
	began := time.Now()
	ticks, err := feed.Record(ctx, c)
	if err != nil {
		return feedError(err)
	}
	fmt.Fprintf(stdout, "azira feed record: %d ticks in %v, %s\n", ticks,
		time.Since(began).Round(time.Millisecond), c.Out)
	return nil
}

func feedLogger(stderr io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(stderr, nil))
}

// feedFlags makes a flag set whose help goes to stdout; what is wrong is said once, by main.
func feedFlags(name, help string, stdout io.Writer) *flag.FlagSet {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.Usage = func() {
		fmt.Fprint(stdout, help, "Flags:\n")
		f.SetOutput(stdout)
		f.PrintDefaults()
		fmt.Fprint(stdout, feedEnvironment)
		f.SetOutput(io.Discard)
	}
	return f
}

// parseFeedFlags takes each flag from its twin in the environment, then from args.
func parseFeedFlags(f *flag.FlagSet, args []string, env func(string) (string, bool)) error {
	var failed error
	f.VisitAll(func(fl *flag.Flag) {
		twin := "AZIRA_" + strings.ToUpper(strings.ReplaceAll(fl.Name, "-", "_"))
		value, set := env(twin)
		if !set || value == "" || failed != nil {
			return
		}
		if err := f.Set(fl.Name, value); err != nil {
			failed = fmt.Errorf("%w: %s=%q: %v", errUsage, twin, value, err)
		}
	})
	usage := f.Usage
	f.Usage = func() {} // package flag would print it for every mistake
	err := f.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		usage()
		return err
	case err != nil:
		return fmt.Errorf("%w: %v", errUsage, err)
	case f.NArg() > 0:
		return fmt.Errorf("%w: unexpected %q", errUsage, f.Arg(0))
	}
	return failed
}

// feedError marks what the caller's words are to blame for.
func feedError(err error) error {
	if errors.Is(err, feed.ErrConfig) || errors.Is(err, feed.ErrEndpoint) {
		return fmt.Errorf("%w: %s", errUsage, plain(err))
	}
	return err
}
