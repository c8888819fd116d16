package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"azira/server"

	"golang.org/x/term"
)

// runServe serves until ctx ends. It prints one line with the addresses as
// soon as connections are taken; logs go to standard error.
func runServe(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	c, err := server.LoadConfig(args, os.Environ(), stdout)
	var faults *server.ConfigError
	if errors.As(err, &faults) {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	if err != nil {
		return err
	}
	c.LogTo = stderr
	signal.Ignore(syscall.SIGPIPE) // whoever took the log away does not end the server
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		// It asks to read again what is read unasked; only a terminal that closes is an end.
		signal.Ignore(syscall.SIGHUP)
	}
	return server.Run(ctx, c, func(a server.Addresses) {
		line := "azira ready: http://" + a.Public
		if c.TLSCert != "" {
			line = "azira ready: https://" + a.Public
		}
		if a.Admin != "" {
			line += " admin http://" + a.Admin
		}
		if len(c.Feed) > 0 {
			line += " feed " + strings.Join(c.Feed, ",")
		}
		fmt.Fprintln(stdout, line)
	})
}
