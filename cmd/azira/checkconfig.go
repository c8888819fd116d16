package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"azira/server"
)

// runCheckConfig prints ok, or every fault of a configuration file in a line of its own.
func runCheckConfig(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 1 && (args[0] == "--help" || args[0] == "-h") {
		fmt.Fprint(stdout, "Usage: azira checkconfig FILE\n\n"+
			"Prints ok, or every fault of the file with its line.\n")
		return nil
	}
	if len(args) != 1 {
		return fmt.Errorf("%w: expected one file", errUsage)
	}
	err := server.CheckFile(args[0])
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
		return fmt.Errorf("%s has %d faults", args[0], n)
	}
	return fmt.Errorf("%s has a fault", args[0])
}
