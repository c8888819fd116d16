package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
)

const keyHelp = `Shows which key signs the bearers of a running server, or has it make another one.
That is for keys kept with the data; those of --jwt-key-file are files to put there.

Usage: azira key show [flags]
       azira key rotate [--at-once] [flags]

rotate: the new key signs from now on, and the old one verifies until the last bearer
that it signed has expired: nobody is logged out.

  --at-once          no old key verifies any more, for one that leaked: clients refresh,
                     or log in again
` + adminHelp

func runKey(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var a adminFlags
	f := flag.NewFlagSet("key", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	a.add(f)
	atOnce := f.Bool("at-once", false, "")
	words, err := parseMixed(f, args)
	switch {
	case err == flag.ErrHelp:
		fmt.Fprint(stdout, keyHelp)
		return err
	case err != nil:
		return fmt.Errorf("%w: %v", errUsage, err)
	case len(words) != 1 || words[0] != "show" && words[0] != "rotate":
		return fmt.Errorf("%w: expected show or rotate", errUsage)
	case words[0] == "show" && *atOnce:
		return fmt.Errorf("%w: --at-once is for rotate", errUsage)
	}
	method, path := http.MethodGet, "/api/v1/keys"
	if words[0] == "rotate" {
		method, path = http.MethodPost, fmt.Sprintf("/api/v1/keys/rotate?at_once=%v", *atOnce)
	}
	p, err := a.ask(ctx, method, path, http.StatusOK)
	if err != nil {
		return err
	}
	var k struct {
		Signs  string
		Verify int
		Stored bool
	}
	if err := json.Unmarshal(p, &k); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	kept := "with the data"
	if !k.Stored {
		kept = "in --jwt-key-file"
	}
	_, err = fmt.Fprintf(stdout, "signs   %s\nverify  %d\nkept    %s\n", k.Signs, k.Verify, kept)
	return err
}
