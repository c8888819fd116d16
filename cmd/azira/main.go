// Azira takes live ticks from a ZeroMQ bus and fans them out over WebSocket.
//
// Every subcommand follows one line: flags ▶ Config ▶ Run. Nothing is decided
// here; main only finds the subcommand, stops it on SIGINT or SIGTERM and
// turns its error into one line and an exit status.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// A command is one subcommand: its name, a line for the overview, and what it runs.
//
// run returns nil for success, flag.ErrHelp when help was asked for, errUsage
// (wrapped) for words that do not fit, and anything else for what went wrong.
type command struct {
	name, brief string
	run         func(ctx context.Context, args []string, stdout, stderr io.Writer) error
}

var commands = []command{
	{"serve", "take ticks from ZeroMQ endpoints and serve them over WebSocket", runServe},
	{"feed", "publish simulated or recorded ticks on ZeroMQ", runFeed},
	{"demo", "serve and feed in one process, with a live table", runDemo},
	{"client", "register, log in, watch tokens, send messages, look at the bus", runClient},
	{"user", "list, limit, disable, kick and delete accounts of a running server", runUser},
	{"key", "show and rotate the signing key of a running server", runKey},
	{"vendor", "make accounts vendors, limit them, see and change their groups", runVendor},
	{"top", "watch a running server from its admin port", runTop},
	{"bench", "measure what a server costs, alone or beside others", runBench},
	{"health", "ask a running server how it does", runHealth},
	{"backup", "make a checkpoint of a running server's database", runBackup},
	{"restore", "make a data directory of a checkpoint", runRestore},
	{"checkconfig", "check a configuration file", runCheckConfig},
	{"version", "print the version", runVersion},
}

// errUsage marks an error made by the caller's words: exit status 2.
var errUsage = errors.New("usage")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal kills who hangs at the first
	code := dispatch(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func dispatch(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		usage(stderr)
		return 2
	}
	if args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
		usage(stdout)
		return 0
	}
	for _, c := range commands {
		if c.name == args[0] {
			return exitCode(c.name, c.run(ctx, args[1:], stdout, stderr), stderr)
		}
	}
	fmt.Fprintf(stderr, "azira: unknown command %q; azira help lists them\n", args[0])
	return 2
}

func exitCode(name string, err error, stderr io.Writer) int {
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errUsage):
		fmt.Fprintf(stderr, "azira %s: %v (azira %s --help)\n", name, err, name)
		return 2
	}
	fmt.Fprintf(stderr, "azira %s: %s\n", name, plain(err))
	return 1
}

// plain is an error's text without the name of the package that it comes from.
func plain(err error) string {
	text := err.Error()
	for _, p := range []string{"feed: ", "server: ", "store: ", "auth: ", "engine: "} {
		if rest, ok := strings.CutPrefix(text, p); ok {
			return rest
		}
	}
	return text
}

func usage(w io.Writer) {
	fmt.Fprint(w, "Azira: live ticks from ZeroMQ to WebSocket.\n\nUsage: azira COMMAND [flags]\n\n")
	for _, c := range commands {
		fmt.Fprintf(w, "  %-12s %s\n", c.name, c.brief)
	}
	fmt.Fprint(w, "\nazira COMMAND --help lists a command's flags.\n")
}
