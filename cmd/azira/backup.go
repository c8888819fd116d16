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
	"os"
	"strings"

	"azira/server"
	"azira/store"
)

const backupHelp = `Makes a checkpoint of a running server's database and prints its directory. What
was answered before is in it. It is made by the server, on the server's machine,
inside of --backup-dir, and never writes over anything. azira restore puts it back.

Usage: azira backup [flags]

  --admin URL          the server's admin port (http://127.0.0.1:8001; AZIRA_ADMIN_URL)
  --token-file FILE    holds its --admin-token (else AZIRA_ADMIN_TOKEN)
  --name NAME          of the new directory (the time, as in 20261128T120000.000Z)
`

const restoreHelp = `Makes a data directory of a checkpoint, after checking every file of it. The
checkpoint stays as it is. Sessions that were ended since are open again, and
passwords are those of then: see docs/operation.md.

Usage: azira restore --from CHECKPOINT --data DIR

  --from DIR   what azira backup made, here or copied from elsewhere
  --data DIR   the new data directory: not there yet, or empty
`

func runBackup(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f := flag.NewFlagSet("backup", flag.ContinueOnError)
	admin := f.String("admin", envOr("AZIRA_ADMIN_URL", "http://127.0.0.1:8001"), "")
	tokenFile := f.String("token-file", "", "")
	name := f.String("name", "", "")
	if err := parsePlain(f, args, backupHelp, stdout); err != nil {
		return err
	}
	token := os.Getenv("AZIRA_ADMIN_TOKEN")
	if *tokenFile != "" {
		p, err := os.ReadFile(*tokenFile)
		if err != nil {
			return fmt.Errorf("read token: %w", err)
		}
		token = strings.TrimSpace(string(p))
	}
	made, err := askBackup(ctx, *admin, token, *name)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(stdout, made.Dir)
	return err
}

func askBackup(ctx context.Context, admin, token, name string) (b server.Backup, err error) {
	at := strings.TrimSuffix(admin, "/") + "/checkpoint?name=" + url.QueryEscape(name)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, at, nil)
	if err != nil {
		return b, fmt.Errorf("%w: --admin: expected a URL such as http://127.0.0.1:8001", errUsage)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return b, fmt.Errorf("ask the admin port: %w", err)
	}
	defer resp.Body.Close()
	p, err := io.ReadAll(io.LimitReader(resp.Body, answerBytesMax))
	if err != nil {
		return b, fmt.Errorf("read the answer: %w", err)
	}
	if resp.StatusCode != http.StatusCreated {
		var told struct{ Detail string }
		if json.Unmarshal(p, &told) != nil || told.Detail == "" {
			told.Detail = strings.TrimSpace(string(p))
		}
		return b, fmt.Errorf("%w: %s: %.300s", errRefused, resp.Status, told.Detail)
	}
	return b, json.Unmarshal(p, &b)
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
		return fmt.Errorf("%w: expected none but flags, got %q", errUsage, f.Arg(0))
	}
	return nil
}
