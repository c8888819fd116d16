package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

const adminHelp = `
  --admin URL        the server's admin port (http://127.0.0.1:8001; AZIRA_ADMIN_URL)
  --token-file FILE  holds its --admin-token (else AZIRA_ADMIN_TOKEN)
`

const healthHelp = `Asks a running server how it does: ends with 0 if all is well, else with
1 and the reason. Without --ready a server that drains, or is full, is well.

Usage: azira health [--ready] [flags]
` + adminHelp

// An adminPort is where a running server is asked about itself.
type adminPort struct{ url, tokenFile string }

func (a *adminPort) flags(f *flag.FlagSet) {
	f.StringVar(&a.url, "admin", envOr("AZIRA_ADMIN_URL", "http://127.0.0.1:8001"), "")
	f.StringVar(&a.tokenFile, "token-file", "", "")
}

// ask makes one request and returns the answer's body if its status is want.
func (a *adminPort) ask(ctx context.Context, method, path string, want int) ([]byte, error) {
	at := strings.TrimSuffix(a.url, "/") + path
	req, err := http.NewRequestWithContext(ctx, method, at, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: --admin: expected a URL as in --help", errUsage)
	}
	token := os.Getenv("AZIRA_ADMIN_TOKEN")
	if a.tokenFile != "" {
		p, err := os.ReadFile(a.tokenFile)
		if err != nil {
			return nil, fmt.Errorf("read token: %w", err)
		}
		token = strings.TrimSpace(string(p))
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask the admin port: %w", err)
	}
	defer resp.Body.Close()
	p, err := io.ReadAll(io.LimitReader(resp.Body, answerBytesMax))
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	if resp.StatusCode == want {
		return p, nil
	}
	var told struct{ Detail string }
	if json.Unmarshal(p, &told) != nil || told.Detail == "" {
		told.Detail = strings.TrimSpace(string(p))
	}
	return nil, fmt.Errorf("%w: %s: %.300s", errRefused, resp.Status, told.Detail)
}

func runHealth(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var a adminPort
	f := flag.NewFlagSet("health", flag.ContinueOnError)
	a.flags(f)
	ready := f.Bool("ready", false, "")
	if err := parsePlain(f, args, healthHelp, stdout); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	path := "/livez"
	if *ready {
		path = "/readyz"
	}
	p, err := a.ask(ctx, http.MethodGet, path, http.StatusOK)
	if err != nil {
		return err
	}
	_, err = stdout.Write(p)
	return err
}
