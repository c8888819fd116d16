package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

const userHelp = `azira user manages the accounts of a running server, through its admin port.

Usage: azira user list [flags]           all accounts, by name
       azira user show NAME [flags]      one, with its open streams
       azira user disable NAME [flags]   end its sessions and streams, refuse its logins
       azira user enable NAME [flags]    take that back
       azira user limits NAME --streams N|none|default [flags]
                                         how many streams it may have open at once
       azira user kick NAME [flags]      close its open streams (3501)
       azira user logout NAME [flags]    end its sessions and streams; it may log in again
       azira user password NAME [flags]  give it another password, end its sessions
       azira user delete NAME [flags]    remove it; its name is free again

Users of an issuer (--jwt-issuer of azira serve) are named HOST/NAME. They are listed
while they have streams, and once they were disabled or limited.

  --admin URL           the admin port (http://127.0.0.1:8001; AZIRA_ADMIN_URL,
                        else AZIRA_ADMIN, as azira serve has it)
  --token-file FILE     holds its --admin-token (else AZIRA_ADMIN_TOKEN)
  --password-file FILE  password: holds the new one; - is standard input
                        (else AZIRA_PASSWORD, else asked for)
  --yes                 delete: do not ask
  --json                print the server's answer; list: a line for each account
`

const adminDefault = "http://127.0.0.1:8001"

// A userConfig is what the flags of azira user say.
type userConfig struct {
	admin                 adminFlags
	streams, passwordFile string
	yes, json             bool
}

var userVerbs = []verb[*userCall]{
	{"list", 0, userList},
	{"show", 1, userShow},
	{"disable", 1, userDeed("POST", "/disable")},
	{"enable", 1, userDeed("POST", "/enable")},
	{"limits", 1, userLimits},
	{"kick", 1, userDeed("POST", "/kick")},
	{"logout", 1, userDeed("POST", "/logout")},
	{"password", 1, userPassword},
	{"delete", 1, userDelete},
}

// A userCall is a verb on its way: what it is about, and where it asks and talks.
type userCall struct {
	userConfig
	name string // of the account; empty for list
	port *adminPort
	tm   *terminal
}

func runUser(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	return userCommand(ctx, args, newTerminal(os.Stdin, stdout, stderr))
}

func userCommand(ctx context.Context, args []string, tm *terminal) error {
	c, words, err := parseUser(args, tm.out)
	if err != nil {
		return err
	}
	v, names, err := pickVerb(userVerbs, words, []string{"", "one name"})
	if err != nil {
		return err
	}
	port, err := c.admin.open()
	if err != nil {
		return err
	}
	defer port.close()
	return v.run(ctx, &userCall{c, strings.Join(names, ""), port, tm})
}

func parseUser(args []string, help io.Writer) (c userConfig, words []string, err error) {
	fs := flag.NewFlagSet("user", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	c.admin.add(fs)
	fs.StringVar(&c.streams, "streams", "", "")
	fs.StringVar(&c.passwordFile, "password-file", "", "")
	fs.BoolVar(&c.yes, "yes", false, "")
	fs.BoolVar(&c.json, "json", false, "")
	words, err = parseMixed(fs, args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(help, userHelp)
		return c, nil, err
	case err != nil:
		return c, nil, fmt.Errorf("%w: %v", errUsage, err)
	}
	return c, words, nil
}
