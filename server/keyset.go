package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"azira/auth"
)

// A keySet keeps the issuer's keys fresh: from a file, looked at as often as own keys
// are, or from a URL, asked for now and then and, within limits, when a bearer names a
// key that is not known. It works on a goroutine of its own; no request waits for it. What
// can't be had or used leaves the old keys in use.
type keySet struct {
	// Fixed.
	from  string // file or URL
	http  *http.Client
	log   *slog.Logger
	every time.Duration // between two fetches of a URL
	pause time.Duration // at least, whatever happens

	// Owned by run.
	auth *auth.Service
	last []byte
	told string // the last trouble

	// Shared.
	wanted chan struct{} // a key is
}

func newKeySet(from string, log *slog.Logger) *keySet {
	return &keySet{
		from: from, log: log, every: keySetEvery, pause: keySetPause,
		http: &http.Client{
			Timeout: keySetTimeout,
			CheckRedirect: func(*http.Request, []*http.Request) error {
				return http.ErrUseLastResponse
			},
			Transport: &http.Transport{
				Proxy: http.ProxyFromEnvironment, MaxResponseHeaderBytes: headerBytesMax,
				DisableKeepAlives: true, TLSHandshakeTimeout: keySetTimeout,
			},
		},
		wanted: make(chan struct{}, 1),
	}
}

// want asks for a fetch soon. It never waits.
func (k *keySet) want() {
	select {
	case k.wanted <- struct{}{}:
	default:
	}
}

// run keeps the keys fresh until ctx ends.
func (k *keySet) run(ctx context.Context) {
	wait := k.pause
	for {
		err := k.refresh(ctx)
		switch {
		case !isURL(k.from):
			wait = keyLook
		case err == nil:
			wait = k.every
		default:
			wait = min(2*wait, k.every)
		}
		if !k.sleep(ctx, wait) {
			return
		}
	}
}

// sleep waits, less long if a key is wanted, but never less than the pause; false when
// ctx has ended.
func (k *keySet) sleep(ctx context.Context, wait time.Duration) bool {
	least := min(k.pause, wait)
	return pass(ctx, least, nil) && pass(ctx, wait-least, k.wanted)
}

// pass waits for a time, or for early; false when ctx has ended.
func pass(ctx context.Context, d time.Duration, early <-chan struct{}) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
	case <-early:
	}
	return true
}

// refresh takes the keys over if they have changed. Trouble is told once.
func (k *keySet) refresh(ctx context.Context) error {
	text, err := k.read(ctx)
	if err == nil && bytes.Equal(text, k.last) {
		k.told = ""
		return nil
	}
	var used, unused int
	if err == nil {
		used, unused, err = k.auth.SetIssuerKeys(text)
	}
	if err != nil {
		if said := err.Error(); k.told != said && ctx.Err() == nil {
			k.told = said
			k.log.Warn("the issuer's keys are not renewed", "from", k.shown(), "err", err)
		}
		return err
	}
	k.last, k.told = text, ""
	k.log.Info("the issuer's keys changed", "from", k.shown(), "keys", used, "unused", unused)
	return nil
}

func (k *keySet) read(ctx context.Context) ([]byte, error) {
	if !isURL(k.from) {
		return readBounded(k.from, keySetBytesMax)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, k.from, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", errKeySet, checkKeySet(k.from))
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	resp, err := k.http.Do(req)
	if err != nil {
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err // without the URL, which may have a query
		}
		return nil, fmt.Errorf("%w: %v", errKeySet, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%w: it is answered %d", errKeySet, resp.StatusCode)
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, keySetBytesMax+1))
	if err != nil {
		return nil, fmt.Errorf("%w: read the answer: %v", errKeySet, err)
	}
	return text, nil
}

// shown is where the keys come from, without query.
func (k *keySet) shown() string {
	from, _, _ := strings.Cut(k.from, "?")
	return from
}

// readBounded reads a file up to one byte over max.
func readBounded(name string, max int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, max+1))
}

func isURL(s string) bool { return strings.Contains(s, "://") }

// checkKeySet takes a file, or a URL that nobody on the way can change the answer of.
func checkKeySet(s string) error {
	if s == "" || !isURL(s) {
		return nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" ||
		u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(hostPort(u))) {
		return errKeySetAt
	}
	return nil
}

func hostPort(u *url.URL) string {
	if u.Port() == "" {
		return strings.TrimSuffix(u.Host, ":") + ":80"
	}
	return u.Host
}

func checkIssuer(s string) error {
	if s == "" {
		return nil
	}
	if _, err := auth.IssuerHost(s); err != nil {
		return errIssuerForm
	}
	return nil
}
