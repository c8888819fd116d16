package bench

import (
	"context"
	"fmt"
)

// Names of what a run of KindTLS measures, beside peers.
const (
	wssName   = "azira wss"   // TLS on Azira's own loops
	clearName = "azira ws"    // clear text
	frontName = "nginx+azira" // nginx does TLS in front of clear text
)

// allTargets are those of the scenario.
func (c *RunConfig) allTargets(ctx context.Context, temp string) ([]target, error) {
	if c.Kind == KindTLS {
		return c.tlsTargets(ctx, temp)
	}
	return c.findTargets(ctx, temp), nil
}

// tlsTargets are Azira with TLS built in, which the others are set beside, Azira in
// clear text, and Azira behind nginx. Settings of --also and peers have TLS too.
func (c *RunConfig) tlsTargets(ctx context.Context, temp string) ([]target, error) {
	cert, err := makeCertificate(temp)
	if err != nil {
		return nil, err
	}
	all := c.findTargets(ctx, temp)
	for i := range all {
		all[i].cert = cert
	}
	own := all[0]
	plain, front := own, own
	plain.own, plain.cert, plain.name = false, nil, clearName
	front.own, front.front, front.name = false, true, frontName
	if _, err := findNginx(); err != nil {
		front.missing = err.Error()
	}
	all[0].name = wssName
	return append([]target{all[0], plain, front}, all[1:]...), nil
}

// trust is what clients believe of the target; empty is clear text.
func (t *target) trust() string {
	if t.cert == nil {
		return ""
	}
	return t.cert.pem
}

// ownTrust is what is believed of Azira itself, which has no TLS behind nginx.
func (t *target) ownTrust() string {
	if t.front {
		return ""
	}
	return t.trust()
}

// tlsFlags are what the target needs for it.
func (t *target) tlsFlags() []string {
	switch {
	case t.cert == nil:
		return nil
	case t.front:
		return []string{"--trusted-proxies", "127.0.0.1"}
	}
	return []string{"--tls-cert", t.cert.cert, "--tls-key", t.cert.key}
}

// tls opens the streams in steps, weighs the server at each, and counts a window.
func (t *trial) tls(ctx context.Context, r *Trial) error {
	r.Idle = &Idle{}
	if err := t.open(ctx, r.Idle); err != nil {
		return err
	}
	if err := t.fleet.hear(ctx, t.source); err != nil {
		return err
	}
	var err error
	r.Window, err = t.window(ctx, t.c.Rate)
	return err
}

func (s *RunSettings) tlsWords() string {
	keys := "X25519"
	if s.Hybrid {
		keys = "X25519MLKEM768 where the server knows it, else X25519"
	}
	return "1.3, " + keys + ", a certificate of ECDSA on P-256, no session resumed; " +
		frontName + " is both together"
}

// checkTLS refuses what a run of KindTLS can't do.
func (c *RunConfig) checkTLS() error {
	if len(c.dialects()) > 1 {
		return fmt.Errorf("%w: --dialects: %s measures one", ErrConfig, c.Name)
	}
	return checkDescriptors(frontFiles((c.Clients+c.Servers-1)/c.Servers), "clients")
}
