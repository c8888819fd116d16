package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

const vendorHelp = `azira vendor manages the vendors of a running server, through its admin port:
accounts that have API keys and a group of client accounts.

Usage: azira vendor list [flags]                   all vendors, by name
       azira vendor show NAME [flags]              one: its limits and what it uses
       azira vendor set NAME [limits] [flags]      make an account a vendor, or change limits
       azira vendor remove NAME [flags]            a plain account again: its keys and its
                                                   group are gone, its clients' accounts stay
       azira vendor clients NAME [flags]           its group
       azira vendor join NAME CLIENT [flags]       put a client into the group
       azira vendor leave NAME CLIENT [flags]      take it out

Limits are N, or none; those not given stay as they are, and are none at first.
  --streams N      open streams of all accounts that it created together
  --tokens N       tokens of each of these streams
  --messages N     messages a second
  --bytes N        bytes of their content a second

  --tickets             join: the vendor may open streams as the client (=false: no more)
  --admin URL           the admin port (http://127.0.0.1:8001; AZIRA_ADMIN_URL,
                        else AZIRA_ADMIN, as azira serve has it)
  --token-file FILE     holds its --admin-token (else AZIRA_ADMIN_TOKEN)
  --yes                 remove: do not ask
  --json                print the server's answer; list, clients: a line for each
`

// A vendorConfig is what the flags of azira vendor say.
type vendorConfig struct {
	admin     adminFlags
	limits    [len(vendorLimitFlags)]string
	tickets   *bool
	yes, json bool
}

// vendorLimitFlags are the flags of limits, and their names in the calls.
var vendorLimitFlags = [...]struct{ flag, field string }{
	{"streams", "streams"}, {"tokens", "tokens"},
	{"messages", "messages_per_s"}, {"bytes", "bytes_per_s"},
}

var vendorVerbs = []verb[*vendorCall]{
	{"list", 0, vendorList},
	{"show", 1, vendorShow},
	{"set", 1, vendorSet},
	{"remove", 1, vendorRemove},
	{"clients", 1, vendorClients},
	{"join", 2, vendorJoin},
	{"leave", 2, vendorLeave},
}

// A vendorCall is a verb on its way: what it is about, and where it asks and talks.
type vendorCall struct {
	vendorConfig
	names []string // of the vendor, and of the client
	port  *adminPort
	tm    *terminal
}

func runVendor(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	return vendorCommand(ctx, args, newTerminal(os.Stdin, stdout, stderr))
}

func vendorCommand(ctx context.Context, args []string, tm *terminal) error {
	c, words, err := parseVendor(args, tm.out)
	if err != nil {
		return err
	}
	v, names, err := pickVerb(vendorVerbs, words,
		[]string{"", "one name", "the names of vendor and client"})
	if err != nil {
		return err
	}
	port, err := c.admin.open()
	if err != nil {
		return err
	}
	defer port.close()
	return v.run(ctx, &vendorCall{c, names, port, tm})
}

func parseVendor(args []string, help io.Writer) (c vendorConfig, words []string, err error) {
	fs := flag.NewFlagSet("vendor", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	c.admin.add(fs)
	for i := range vendorLimitFlags {
		fs.StringVar(&c.limits[i], vendorLimitFlags[i].flag, "", "")
	}
	tickets := fs.Bool("tickets", false, "")
	fs.BoolVar(&c.yes, "yes", false, "")
	fs.BoolVar(&c.json, "json", false, "")
	words, err = parseMixed(fs, args)
	fs.Visit(func(f *flag.Flag) {
		if f.Name == "tickets" {
			c.tickets = tickets
		}
	})
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(help, vendorHelp)
		return c, nil, err
	case err != nil:
		return c, nil, fmt.Errorf("%w: %v", errUsage, err)
	}
	return c, words, nil
}
