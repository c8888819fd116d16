package server

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"
)

// A certificate is the key pair of the public port. It is read again when one of its
// files has changed, so that a renewed one is served without a restart; one that can't
// be read leaves the old in use.
type certificate struct {
	// Fixed.
	cert, key string // files
	log       *slog.Logger

	// Owned by watch.
	stamp [2]fileStamp
	told  string // the last trouble

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
	if err := c.load(); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *certificate) load() error {
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return fmt.Errorf("%w: %s, %s: %v", errCertificate, c.cert, c.key, err)
	}
	c.pair.Store(&pair) // Hand the pair to handshakes.
	return nil
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
	c.log.Info("certificate renewed", "file", c.cert)
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
