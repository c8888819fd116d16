package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"azira/server"
)

const checkConfigHelp = `Prints ok, or every fault of a file of settings with its line, as a
server would take it in this environment: AZIRA_ variables win over it. The certificate
and keys that it names are read. Warnings, of what is no fault, go to standard error.
With --example it prints such a file instead: every setting with what it does and its
default.

Usage: azira checkconfig FILE
       azira checkconfig --example
`

func runCheckConfig(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) != 1 {
		return fmt.Errorf("%w: expected one file", errUsage)
	}
	switch args[0] {
	case "--help", "-h":
		_, err := io.WriteString(stdout, checkConfigHelp)
		return err
	case "--example":
		return server.WriteExample(stdout)
	}
	warnings, err := server.CheckFile(args[0], os.Environ())
	for _, w := range warnings {
		fmt.Fprintln(stderr, "warning: "+w)
	}
	var faults *server.ConfigError
	if !errors.As(err, &faults) {
		if err == nil {
			fmt.Fprintln(stdout, "ok")
		}
		return err
	}
	for _, f := range faults.Faults {
		fmt.Fprintln(stdout, f)
	}
	if n := len(faults.Faults); n > 1 {
		return fmt.Errorf("%s, in this environment, has %d faults", args[0], n)
	}
	return fmt.Errorf("%s, in this environment, has a fault", args[0])
}
