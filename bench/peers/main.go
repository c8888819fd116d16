package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/signal"
	"syscall"
)

// options are the flags of a peer.
type options struct {
	Listen  string
	Feed    string
	Clients int    // floor: room for so many, others are refused
	PerSend int    // floor: frames in a send
	WSDir   string // ws: where its node_modules are
	TLSCert string // gorilla, lean: PEM files for TLS; empty is clear text
	TLSKey  string

	Stderr io.Writer // what a peer has to say
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errUsage), errors.Is(err, errUnknown), errors.Is(err, errNoTLS):
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		return errUsage
	}
	if args[0] == "list" {
		return list(stdout)
	}
	p, err := find(args[0])
	if err != nil {
		return err
	}
	o, err := parse(p.name, args[1:], stderr)
	if err != nil {
		return err
	}
	if err := p.missing(); err != nil {
		return fmt.Errorf("%w: %s: %w", errMissing, p.name, err)
	}
	collectOnSignal()
	err = p.run(ctx, o, func(addr string) {
		fmt.Fprintf(stdout, "ready %s %s\n", addr, p.dialect)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	return nil
}

// parse reads the flags of a peer. All peers know all flags, so that a harness
// may start them alike.
func parse(name string, args []string, stderr io.Writer) (options, error) {
	o := options{Stderr: stderr}
	f := flag.NewFlagSet("peers "+name, flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.Listen, "listen", "127.0.0.1:0", "`address` to serve on; port 0: any free one")
	f.StringVar(&o.Feed, "feed", "tcp://127.0.0.1:5556", "ZeroMQ PUB `endpoint`")
	f.IntVar(&o.Clients, "clients", clientsDefault, "floor: clients to have room for")
	f.IntVar(&o.PerSend, "per-send", 1, "floor: frames in a send")
	f.StringVar(&o.TLSCert, "tls-cert", "", "gorilla, lean: PEM `file` of a certificate, for TLS")
	f.StringVar(&o.TLSKey, "tls-key", "", "gorilla, lean: PEM `file` of its key")
	f.StringVar(&o.WSDir, "ws-dir", "", "ws: `directory` of package.json and node_modules")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("%w: what is %q?", errUsage, f.Arg(0))
	}
	if _, err := netip.ParseAddrPort(o.Listen); err != nil {
		return o, fmt.Errorf("%w, not %q", errListen, o.Listen)
	}
	if o.PerSend < 1 || o.PerSend > perSendMax {
		return o, fmt.Errorf("%w: 1 to %d", errPerSend, perSendMax)
	}
	if o.TLSCert != "" && name != gorillaName && name != leanName {
		return o, fmt.Errorf("%w: %s", errNoTLS, name)
	}
	if o.Clients < 1 || o.Clients > clientsMax {
		return o, fmt.Errorf("%w: 1 to %d", errClients, clientsMax)
	}
	return o, nil
}
