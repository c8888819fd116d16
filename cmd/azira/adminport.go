package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"syscall"
)

// An adminPort is the admin port of a running server. Its token goes nowhere else: a
// redirect is not followed.
type adminPort struct {
	base  string
	token string
	http  *http.Client
}

// newAdminPort takes a URL, or host:port as azira serve does.
func newAdminPort(at, token string) (*adminPort, error) {
	if !strings.Contains(at, "://") {
		at = "http://" + at
	}
	u, err := url.Parse(at)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" ||
		strings.Trim(u.Path, "/") != "" || u.Port() == "" && u.Hostname() == "off" {
		return nil, fmt.Errorf("%w: --admin: expected a URL such as %s", errUsage, adminDefault)
	}
	return &adminPort{base: u.Scheme + "://" + u.Host, token: token, http: &http.Client{
		Transport: http.DefaultTransport.(*http.Transport).Clone(),
		Timeout:   adminTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}}, nil
}

func (p *adminPort) close() { p.http.CloseIdleConnections() }

// call asks and returns what is answered, if that has the status wanted. body may be nil.
func (p *adminPort) call(ctx context.Context, method, path string, body any, want int) (
	[]byte, error) {
	var rd io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("encode request: %w", err)
		}
		rd = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, p.base+path, rd)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if p.token != "" {
		req.Header.Set("Authorization", "Bearer "+p.token)
	}
	resp, err := p.http.Do(req)
	if err != nil {
		return nil, p.explain(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, adminBytesMax))
	if err != nil {
		return nil, p.explain(err)
	}
	if resp.StatusCode != want {
		return nil, p.refusal(resp.StatusCode, text)
	}
	return text, nil
}

// explain says what can be done where nobody answers.
func (p *adminPort) explain(err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	switch {
	case errors.Is(err, context.Canceled):
		return errInterrupted
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("nobody listens at %s: start azira serve, or give --admin", p.base)
	}
	return fmt.Errorf("%s: %w", p.base, err)
}

// refusal is what an answer says that was not wanted.
func (p *adminPort) refusal(status int, text []byte) error {
	var body struct {
		Detail json.RawMessage `json:"detail"`
	}
	var said string
	var faults []struct {
		Msg string `json:"msg"`
	}
	known := json.Unmarshal(text, &body) == nil
	switch {
	case status == http.StatusUnauthorized:
		return fmt.Errorf("%s asks for its token, or has another: "+
			"give --token-file or AZIRA_ADMIN_TOKEN", p.base)
	case known && json.Unmarshal(body.Detail, &said) == nil:
		if said == http.StatusText(http.StatusNotFound) { // as the public port says it
			said += ": " + p.base
		}
		return errors.New(printable(said))
	case known && json.Unmarshal(body.Detail, &faults) == nil && len(faults) > 0:
		return errors.New(printable(faults[0].Msg))
	case status == http.StatusNotFound:
		return fmt.Errorf("%s has no such call: is it azira serve's admin port?", p.base)
	}
	if why, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n"); !known && why != "" {
		return fmt.Errorf("%s answers %d: %s", p.base, status, printable(why))
	}
	return fmt.Errorf("%s answers %d", p.base, status)
}
