package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"azira/server"
)

const topHelp = `Shows what a running server does, from its admin port, once a second: streams,
ticks in and frames out, what was skipped, loops, latency, feed, memory, the tokens
that tick most often, and the streams that are parked longest. Where the output is no
terminal, one block after the other. q or Ctrl-C ends it.

Usage: azira top [flags]

  --admin URL          the server's admin port (http://127.0.0.1:8001; AZIRA_ADMIN_URL,
                       else AZIRA_ADMIN, as azira serve has it)
  --token-file FILE    holds its --admin-token (else AZIRA_ADMIN_TOKEN)
  --once               one look, a second long, and end
  --json               each look as one line of JSON
`

// A topConfig is what the flags of azira top say.
type topConfig struct {
	admin      adminFlags
	once, json bool
	every      time.Duration
}

func runTop(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	c, err := parseTop(args, stdout)
	if err != nil {
		return err
	}
	return c.run(ctx, newTerminal(os.Stdin, stdout, stderr))
}

func parseTop(args []string, stdout io.Writer) (topConfig, error) {
	c := topConfig{every: topEvery}
	f := flag.NewFlagSet("top", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	c.admin.add(f)
	f.BoolVar(&c.once, "once", false, "")
	f.BoolVar(&c.json, "json", false, "")
	switch err := f.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, topHelp)
		return c, err
	case err != nil:
		return c, fmt.Errorf("%w: %v", errUsage, err)
	case f.NArg() > 0:
		return c, fmt.Errorf("%w: unexpected %q", errUsage, f.Arg(0))
	}
	return c, nil
}

// look is one look at the server.
func look(ctx context.Context, port *adminPort) (st server.Status, err error) {
	ctx, cancel := context.WithTimeout(ctx, topTimeout)
	defer cancel()
	p, err := port.call(ctx, http.MethodGet, "/status", nil, http.StatusOK)
	if err != nil {
		return st, err
	}
	if err := json.Unmarshal(p, &st); err != nil {
		return st, fmt.Errorf("%w: %s: %w", errNoAdminPort, port.base, err)
	}
	return st, nil
}

// run looks once a second until ctx ends or q is pressed. A server that went away is
// asked again: it may come back.
func (c topConfig) run(ctx context.Context, tm *terminal) error {
	port, err := c.admin.open()
	if err != nil {
		return err
	}
	defer port.close()
	before, err := look(ctx, port)
	if err != nil {
		return err
	}
	d := &topDisplay{c: c, base: port.base, tm: tm}
	keys, back, err := d.open()
	if err != nil {
		return err
	}
	defer back()
	d.show(topReport{Status: before}, nil)
	t := time.NewTicker(c.every)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case k := <-keys:
			if k == 'q' || k == 'Q' || k == ctrlC {
				return nil
			}
			continue
		case <-t.C:
		}
		now, err := look(ctx, port)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && c.once:
			return err
		case err != nil:
			d.show(topReport{Status: before}, err)
			continue
		}
		r := topReport{Status: now, Rates: topRatesOf(&before, &now)}
		if err := d.show(r, nil); err != nil {
			return err // nobody reads any more
		}
		if c.once {
			return nil
		}
		before = now
	}
}

const ctrlC = 3

// A topDisplay draws looks: over each other on a terminal, else one after the other.
type topDisplay struct {
	c    topConfig
	base string // of the admin port
	tm   *terminal
}

// over says that looks are drawn over each other.
func (d *topDisplay) over() bool { return d.tm.screen != nil && !d.c.once && !d.c.json }

// open takes the terminal over; back gives it back.
func (d *topDisplay) open() (keys <-chan byte, back func(), err error) {
	if !d.over() {
		return nil, func() {}, nil
	}
	keys, restore, err := d.tm.keys()
	if err != nil {
		return nil, nil, err
	}
	fmt.Fprint(d.tm.out, "\x1b[?1049h\x1b[?25l") // the other screen, no cursor
	return keys, func() {
		fmt.Fprint(d.tm.out, "\x1b[?25h\x1b[?1049l")
		restore()
	}, nil
}

// show draws a look, the first of which has no rates and is for terminals only; trouble
// is why there is no newer one.
func (d *topDisplay) show(r topReport, trouble error) (err error) {
	width, height := d.tm.size()
	switch {
	case d.over():
		lines := r.lines(d.base, trouble)
		var b strings.Builder
		b.WriteString("\x1b[H")
		for i, line := range lines[:min(len(lines), height)] {
			if i > 0 {
				b.WriteString("\r\n")
			}
			b.WriteString(clip(line, width) + "\x1b[K")
		}
		b.WriteString("\x1b[J")
		_, err = io.WriteString(d.tm.out, b.String())
	case trouble != nil:
		fmt.Fprintln(d.tm.err, "azira top:", trouble)
	case r.Rates == nil: // the next look has them
	case d.c.json:
		err = json.NewEncoder(d.tm.out).Encode(r)
	default:
		_, err = fmt.Fprintln(d.tm.out, strings.Join(r.lines(d.base, nil), "\n")+"\n")
	}
	return err
}
