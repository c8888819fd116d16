package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
)

// runVersion prints the module's version, Go's, and the commit where the build knows it.
func runVersion(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) > 0 && args[0] != "--help" && args[0] != "-h" {
		return fmt.Errorf("%w: expected no arguments", errUsage)
	}
	version, commit := "unknown", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		version, commit = info.Main.Version, commitOf(info)
	}
	fmt.Fprintf(stdout, "azira %s %s %s/%s%s\n",
		version, runtime.Version(), runtime.GOOS, runtime.GOARCH, commit)
	return nil
}

// commitOf is " commit HASH", with a mark for changes not committed, or empty.
func commitOf(info *debug.BuildInfo) string {
	var hash, mark string
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			hash = " commit " + s.Value
		case "vcs.modified":
			if s.Value == "true" {
				mark = " (modified)"
			}
		}
	}
	if hash == "" {
		return ""
	}
	return hash + mark
}
