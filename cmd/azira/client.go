package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"azira/client"
)

const clientHelp = `azira client speaks to a server as its users do.

Usage: azira client [flags]               a menu
       azira client register [flags]      make an account
       azira client login [flags]         print a bearer; nothing is stored
       azira client watch TOKENS [flags]  log in and print ticks, and messages
       azira client send TEXT [flags]     send a message to a user; - is standard input
       azira client inbox [flags]         print the messages to an account
       azira client bus [TOKENS] [flags]  print ticks of the ZeroMQ bus itself

TOKENS are names with commas between them: NSE:26009,NSE:26000.

  --server URL          the server (http://127.0.0.1:8000; AZIRA_SERVER)
  --user NAME           the account (AZIRA_USER; else asked for)
  --password-file FILE  holds the password; - is standard input
                        (else AZIRA_PASSWORD, else asked for)
  --json                register, login: print the server's whole answer
  --register            watch: make the account first, unless there is one
  --dialect D           watch: text, json or bin (text). json and bin have numbered
                        ticks and resume; what else they tell, the feed's state
                        and whether anything is missing, goes to standard error.
                        They bring messages to the account too
  --mode ltp            watch, json or bin: the last price alone (full)
  --max-rate N          watch, json or bin: N ticks per token and second, 0.1 to
                        1000 (all)
  --table               watch, bus: a live table
  --raw                 watch, bus: print the publisher's JSON
  --count N             watch, bus: end after N ticks
  --to NAME             send: to whom
  --type KIND           send: what kind of message it is (text)
  --reply-to ID         send: the message that it answers
  --ttl DURATION        send: after which it is delivered no more: 90s, 2h
  --key KEY             send: sent again with the same key within a day it is the same
                        message (a new one)
  --limit N             inbox: so many messages, 0 is all (100)
  --newest              inbox: the newest first
  --ack                 inbox, watch: acknowledge what is printed, for all streams of
                        the account; else it comes again with the next stream
  --endpoint ENDPOINT   bus: the publisher (tcp://127.0.0.1:5556)
`

const (
	serverDefault   = "http://127.0.0.1:8000"
	endpointDefault = "tcp://127.0.0.1:5556"
)

// A clientConfig is what the flags of azira client say.
type clientConfig struct {
	server, user, passwordFile, endpoint string
	json, register                       bool
	show                                 showOptions
	dialect                              client.Dialect
	subscribe                            client.SubscribeOptions
	message                              messageConfig
}

// runClient does one thing, or shows the menu if none is named.
func runClient(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	return clientCommand(ctx, args, newTerminal(os.Stdin, stdout, stderr))
}

func clientCommand(ctx context.Context, args []string, tm *terminal) error {
	verb := "menu"
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		verb, args = args[0], args[1:]
	}
	run, known := map[string]func(context.Context, clientConfig, []string, *terminal) error{
		"menu": clientMenu, "register": clientRegister, "login": clientLogin,
		"watch": clientWatch, "bus": clientBus, "send": clientSend, "inbox": clientInbox,
	}[verb]
	if !known {
		return fmt.Errorf("%w: %q is none of register, login, watch, send, inbox, bus",
			errUsage, verb)
	}
	c, words, err := parseClient(args, tm.out)
	if err != nil {
		return err
	}
	if len(words) > 0 && verb != "watch" && verb != "bus" && verb != "send" {
		return fmt.Errorf("%w: %s takes no words but flags, got %q", errUsage, verb, words[0])
	}
	return explain(run(ctx, c, words, tm), c)
}

// parseClient reads flags and words in any order.
func parseClient(args []string, help io.Writer) (c clientConfig, words []string, err error) {
	fs := flag.NewFlagSet("client", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.StringVar(&c.server, "server", envOr("AZIRA_SERVER", serverDefault), "")
	fs.StringVar(&c.user, "user", os.Getenv("AZIRA_USER"), "")
	fs.StringVar(&c.passwordFile, "password-file", "", "")
	fs.StringVar(&c.endpoint, "endpoint", endpointDefault, "")
	fs.BoolVar(&c.json, "json", false, "")
	fs.BoolVar(&c.register, "register", false, "")
	fs.BoolVar(&c.show.table, "table", false, "")
	fs.BoolVar(&c.show.raw, "raw", false, "")
	dialect := fs.String("dialect", "text", "")
	mode := fs.String("mode", "full", "")
	fs.Float64Var(&c.subscribe.MaxRate, "max-rate", 0, "")
	fs.Uint64Var(&c.show.count, "count", 0, "")
	c.message.flags(fs)
	for _, a := range args {
		// Not by package flag, whose error would repeat what was given.
		name, _, _ := strings.Cut(strings.TrimLeft(a, "-"), "=")
		if name == "password" && strings.HasPrefix(a, "-") {
			return c, nil, fmt.Errorf("%w: a password on the command line is seen by everybody; "+
				"use --password-file or AZIRA_PASSWORD, or wait to be asked", errUsage)
		}
	}
	words, err = parseMixed(fs, args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(help, clientHelp)
		return c, nil, err
	case err != nil:
		return c, nil, fmt.Errorf("%w: %v", errUsage, err)
	case c.show.table && c.show.raw:
		return c, nil, fmt.Errorf("%w: --table and --raw exclude each other", errUsage)
	}
	return c, words, c.setDialect(*dialect, *mode)
}

// parseMixed lets flags stand behind words too, which package flag does not.
func parseMixed(fs *flag.FlagSet, args []string) (words []string, err error) {
	for {
		if err := fs.Parse(args); err != nil {
			return nil, err
		}
		if fs.NArg() == 0 {
			return words, nil
		}
		words = append(words, fs.Arg(0))
		args = fs.Args()[1:]
	}
}

func envOr(name, def string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return def
}

// tokensOf splits words at commas; empty names go.
func tokensOf(words []string) []string {
	var out []string
	for _, t := range strings.Split(strings.Join(words, ","), ",") {
		if t = strings.TrimSpace(t); t != "" {
			out = append(out, t)
		}
	}
	return out
}

// explain adds to an error what can be done about it.
func explain(err error, c clientConfig) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled):
		return errInterrupted
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("nobody listens at %s: start azira serve or azira demo, or give --server",
			c.server)
	case errors.Is(err, client.ErrUnknownToken):
		return fmt.Errorf("%w: the feed has not carried it yet", err)
	case errors.Is(err, client.ErrConnectionLimit):
		return fmt.Errorf("%w: end one of the account's streams first", err)
	case errors.Is(err, client.ErrTaken):
		return fmt.Errorf("%w: log in, or choose another --user", err)
	}
	return err
}
