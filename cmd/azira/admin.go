package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

const adminHelp = `
  --admin URL        the server's admin port (http://127.0.0.1:8001; AZIRA_ADMIN_URL,
                     else AZIRA_ADMIN, as azira serve has it)
  --token-file FILE  holds its --admin-token (else AZIRA_ADMIN_TOKEN)
`

const healthHelp = `Asks a running server how it does: ends with 0 if all is well, else with
1 and the reason. Without --ready a server that drains, or is full, is well.

Usage: azira health [--ready] [flags]
` + adminHelp

// adminFlags say where a running server's admin port is, and what opens it.
type adminFlags struct{ url, tokenFile string }

func (a *adminFlags) add(f *flag.FlagSet) {
	f.StringVar(&a.url, "admin", adminAt(), "")
	f.StringVar(&a.tokenFile, "token-file", "", "")
}

// adminAt is where the admin port is, unless --admin says: in a container it is where the
// same environment told azira serve to open it.
func adminAt() string {
	return cmp.Or(os.Getenv("AZIRA_ADMIN_URL"), os.Getenv("AZIRA_ADMIN"), adminDefault)
}

// open prepares calls of the admin port.
func (a *adminFlags) open() (*adminPort, error) {
	token := os.Getenv("AZIRA_ADMIN_TOKEN")
	if a.tokenFile != "" {
		p, err := os.ReadFile(a.tokenFile)
		if err != nil {
			return nil, fmt.Errorf("read token: %w", err)
		}
		token = strings.TrimSpace(string(p))
	}
	return newAdminPort(a.url, token)
}

// ask makes one request and returns the answer's body if its status is want.
func (a *adminFlags) ask(ctx context.Context, method, path string, want int) ([]byte, error) {
	port, err := a.open()
	if err != nil {
		return nil, err
	}
	defer port.close()
	return port.call(ctx, method, path, nil, want)
}

func runHealth(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var a adminFlags
	f := flag.NewFlagSet("health", flag.ContinueOnError)
	a.add(f)
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
