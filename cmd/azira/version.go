package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"azira/server"
)

const versionHelp = `Prints the module's version, Go's, and the commit where the build knows it.

Usage: azira version [--json]
`

func runVersion(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	switch {
	case len(args) == 0:
		_, err := fmt.Fprintln(stdout, server.BuildInfo())
		return err
	case len(args) > 1:
	case args[0] == "--json":
		return json.NewEncoder(stdout).Encode(server.BuildInfo())
	case args[0] == "--help", args[0] == "-h":
		_, err := io.WriteString(stdout, versionHelp)
		return err
	}
	return fmt.Errorf("%w: expected nothing or --json", errUsage)
}
