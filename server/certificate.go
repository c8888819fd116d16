package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// A certificate is the key pair of the public port. It is read again when one of its
// files has changed, so that a renewed one is served without a restart; one that can't
// be read, or that has expired, leaves the old in use.
type certificate struct {
	// Fixed.
	cert, key string // files
	log       *slog.Logger

	// Owned by watch.
	stamp  [2]fileStamp
	told   string // the last trouble with the files
	warned string // the last remark on the time it is good for

	// Shared.
	pair atomic.Pointer[tls.Certificate]
}

// A fileStamp changes when a file does.
type fileStamp struct {
	changed time.Time
	size    int64
}

// openCertificate reads a key pair, or says in one line why it can't.
func openCertificate(cert, key string, log *slog.Logger) (*certificate, error) {
	c := &certificate{cert: cert, key: key, log: log}
	c.stamp = c.stamps()
	pair, err := readPair(cert, key)
	if err != nil {
		return nil, err
	}
	c.pair.Store(pair)
	c.remark(time.Now())
	return c, nil
}

// readPair reads a key pair and the certificate's own words.
func readPair(cert, key string) (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err == nil && pair.Leaf == nil { // by a GODEBUG of old
		pair.Leaf, err = x509.ParseCertificate(pair.Certificate[0])
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s, %s: %s", errCertificate, cert, key, pairFault(err))
	}
	return &pair, nil
}

// pairFault adds what to do to what crypto/tls says.
func pairFault(err error) string {
	text := strings.TrimPrefix(err.Error(), "tls: ")
	switch {
	case strings.Contains(text, "found a certificate rather than a key"):
		text += ": give the key's file with tls-key"
	case strings.Contains(text, "failed to parse private key"):
		text += ": it must not be encrypted (openssl pkey -in KEY -out PLAIN)"
	case strings.Contains(text, "private key does not match"):
		text += ": the two are not of one pair"
	}
	return text
}

// load reads the files again. A pair that has expired is not taken for one that has not.
func (c *certificate) load() error {
	pair, err := readPair(c.cert, c.key)
	if err != nil {
		return err
	}
	now := time.Now()
	if pair.Leaf.NotAfter.Before(now) && c.expires().After(now) {
		return fmt.Errorf("%w: %s %s", errCertificate, c.cert, validity(pair.Leaf, now))
	}
	c.pair.Store(pair) // Hand the pair to handshakes.
	return nil
}

// expires is until when the pair in use is good.
func (c *certificate) expires() time.Time { return c.pair.Load().Leaf.NotAfter }

// validity says why a certificate is not good at an instant, or not for long; empty if
// neither.
func validity(leaf *x509.Certificate, now time.Time) string {
	const form = "2006-01-02 15:04 UTC"
	switch {
	case now.Before(leaf.NotBefore):
		return "is not good before " + leaf.NotBefore.UTC().Format(form)
	case now.After(leaf.NotAfter):
		return "has expired, on " + leaf.NotAfter.UTC().Format(form)
	case now.Add(certificateWarn).After(leaf.NotAfter):
		return "expires soon, on " + leaf.NotAfter.UTC().Format(form)
	}
	return ""
}

// remark logs, once, that the pair in use is not good, or not for long.
func (c *certificate) remark(now time.Time) {
	why := validity(c.pair.Load().Leaf, now)
	if why != c.warned && why != "" {
		c.log.Warn("the certificate "+why, "file", c.cert)
	}
	c.warned = why
}

func (c *certificate) stamps() (s [2]fileStamp) {
	for i, name := range []string{c.cert, c.key} {
		if info, err := os.Stat(name); err == nil {
			s[i] = fileStamp{info.ModTime(), info.Size()}
		}
	}
	return s
}

// watch looks for changes until ctx ends.
func (c *certificate) watch(ctx context.Context) { every(ctx, certificateLook, c.look) }

// look reads the files again if they have changed. Both are written one after the
// other: a pair that does not match is tried again at the next look.
func (c *certificate) look() {
	defer func() { c.remark(time.Now()) }()
	now := c.stamps()
	if now == c.stamp {
		return
	}
	if err := c.load(); err != nil {
		if c.told != err.Error() {
			c.told = err.Error()
			c.log.Warn("the new certificate is not used", "err", err)
		}
		return
	}
	c.stamp, c.told = now, ""
	c.log.Info("certificate renewed", "file", c.cert, "until", c.expires().UTC())
}

// config is that of a server of wss and https.
func (c *certificate) config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"http/1.1"}, // a WebSocket is no stream of HTTP/2 here
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return c.pair.Load(), nil
		},
		DynamicRecordSizingDisabled: true, // the loop makes as few records as fit
	}
}
