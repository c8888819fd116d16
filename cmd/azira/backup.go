package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"

	"azira/server"
	"azira/store"
)

const backupHelp = `Makes a checkpoint of a running server's database and prints its directory. What
was answered before is in it. It is made by the server, on the server's machine,
inside of --backup-dir, and never writes over anything. azira restore puts it back.

Usage: azira backup [flags]

  --name NAME        of the new directory (the time, as in 20261128T120000.000Z)
` + adminHelp

const restoreHelp = `Makes a data directory of a checkpoint, after checking every file of it. The
checkpoint stays as it is. Sessions that were ended since are open again, and
passwords are those of then: see docs/operation.md.

Usage: azira restore --from CHECKPOINT --data DIR

  --from DIR   what azira backup made, here or copied from elsewhere
  --data DIR   the new data directory: not there yet, or empty
`

func runBackup(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var a adminFlags
	f := flag.NewFlagSet("backup", flag.ContinueOnError)
	a.add(f)
	name := f.String("name", "", "")
	if err := parsePlain(f, args, backupHelp, stdout); err != nil {
		return err
	}
	port, err := a.open()
	if err != nil {
		return err
	}
	defer port.close()
	port.http.Timeout = backupTimeout
	path := "/checkpoint?name=" + url.QueryEscape(*name)
	p, err := port.call(ctx, http.MethodPost, path, nil, http.StatusCreated)
	if err != nil {
		return err
	}
	var made server.Backup
	if err := json.Unmarshal(p, &made); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	_, err = fmt.Fprintln(stdout, made.Dir)
	return err
}

func runRestore(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f := flag.NewFlagSet("restore", flag.ContinueOnError)
	from := f.String("from", "", "")
	data := f.String("data", "", "")
	if err := parsePlain(f, args, restoreHelp, stdout); err != nil {
		return err
	}
	if *from == "" || *data == "" {
		return fmt.Errorf("%w: --from and --data are needed", errUsage)
	}
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	r, err := store.Restore(*from, *data, store.Options{Logger: log})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "ok: %s holds %d commits of %s\n", *data, r.Commits, *from)
	return err
}

// parsePlain takes flags and no words.
func parsePlain(f *flag.FlagSet, args []string, help string, stdout io.Writer) error {
	f.SetOutput(io.Discard)
	switch err := f.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, help)
		return err
	case err != nil:
		return fmt.Errorf("%w: %v", errUsage, err)
	case f.NArg() > 0:
		return fmt.Errorf("%w: expected flags alone, got %q", errUsage, f.Arg(0))
	}
	return nil
}
