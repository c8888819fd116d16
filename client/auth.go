package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Names of requests in errors.
const (
	opRegister = "register"
	opLogin    = "login"
	opRefresh  = "refresh"
	opLogout   = "logout"
	opTicket   = "ticket"
	opTokens   = "list tokens"
	opStream   = "open stream"
)

const (
	pathRegister = "/api/v1/users/register"
	pathToken    = "/api/v1/token"
	pathRefresh  = "/api/v1/users/refresh"
	pathLogout   = "/api/v1/users/logout"
	pathTicket   = "/api/v1/stream/ticket"
	pathTokens   = "/api/v1/tokens"
	pathStream   = "/api/v1/stream"
	pathStreamOf = "/api/trigger/ws/"

	post      = http.MethodPost
	userAgent = "azira-client"
)

// An Auth asks a server for accounts and credentials. It keeps none. Its errors
// are *Error where the server answered; none contains a password or credential.
//
// Its methods may be called from any goroutine.
type Auth struct {
	server string
	http   *http.Client
}

// NewAuth takes the server's address, like http://127.0.0.1:8000.
func NewAuth(server string) (*Auth, error) {
	base, err := parseServer(server)
	if err != nil {
		return nil, err
	}
	// A transport of its own, so that Close leaves nothing behind. A redirect
	// is an answer: credentials go nowhere but to the server named.
	return &Auth{server: base, http: &http.Client{
		Transport:     http.DefaultTransport.(*http.Transport).Clone(),
		CheckRedirect: stay,
		Timeout:       httpTimeout,
	}}, nil
}

// Trust takes certificates that these roots vouch for, in place of the system's. It
// comes before any request.
func (a *Auth) Trust(roots *x509.CertPool) {
	a.http.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: roots}
}

func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Close lets idle connections go.
func (a *Auth) Close() { a.http.CloseIdleConnections() }

// Register makes an account and returns the credential that comes with it, which
// has no refresh token. A name in use is ErrTaken.
func (a *Auth) Register(ctx context.Context, username, password string) (Credential, error) {
	resp, body, err := a.call(ctx, opRegister, post, pathRegister, "", named(username, password))
	if err != nil {
		return Credential{}, err
	}
	return registered(resp, body, time.Now()), nil
}

// Login asks for a fresh bearer and the refresh token that renews it, by the
// standard password grant (RFC 6749 §4.3). A wrong name and a wrong password are
// ErrCredentials alike.
func (a *Auth) Login(ctx context.Context, username, password string) (Credential, error) {
	form := url.Values{"grant_type": {"password"}, "username": {username}, "password": {password}}
	_, body, err := a.call(ctx, opLogin, post, pathToken, "", form)
	if err != nil {
		return Credential{}, err
	}
	return parseCredential(opLogin, body, time.Now())
}

// Refresh trades a refresh token for a new pair. A refresh token works once; the
// server ends the whole session when one is presented again.
func (a *Auth) Refresh(ctx context.Context, refreshToken string) (Credential, error) {
	in := map[string]string{"refresh_token": refreshToken}
	_, body, err := a.call(ctx, opRefresh, post, pathRefresh, "", in)
	if err != nil {
		return Credential{}, err
	}
	return parseCredential(opRefresh, body, time.Now())
}

// Logout ends the bearer's session: the bearer, its refresh token and its streams.
func (a *Auth) Logout(ctx context.Context, bearer string) error {
	_, _, err := a.call(ctx, opLogout, post, pathLogout, bearer, nil)
	return err
}

// Ticket gives a credential for one opening of a stream within a minute, for
// those who cannot set a header.
func (a *Auth) Ticket(ctx context.Context, bearer string) (string, error) {
	_, body, err := a.call(ctx, opTicket, post, pathTicket, bearer, nil)
	if err != nil {
		return "", err
	}
	var out struct {
		Ticket string `json:"ticket"`
	}
	if err := json.Unmarshal(body, &out); err != nil || out.Ticket == "" {
		return "", fmt.Errorf("%s: %w: no ticket in it", opTicket, ErrAnswer)
	}
	return out.Ticket, nil
}

// Tokens lists the tokens that the server knows.
func (a *Auth) Tokens(ctx context.Context, bearer string) ([]string, error) {
	_, body, err := a.call(ctx, opTokens, http.MethodGet, pathTokens, bearer, nil)
	if err != nil {
		return nil, err
	}
	var out struct {
		Tokens []string `json:"tokens"`
	}
	if err := json.Unmarshal(body, &out); err != nil {
		return nil, fmt.Errorf("%s: %w: no list in it", opTokens, ErrAnswer)
	}
	return out.Tokens, nil
}

func named(username, password string) map[string]string {
	return map[string]string{"username": username, "password": password}
}

// call sends a form or, if in is anything else, JSON, and returns an answer of
// status 2xx.
func (a *Auth) call(ctx context.Context, op, method, path, bearer string, in any) (
	*http.Response, []byte, error) {
	req, err := a.request(ctx, method, path, bearer, in)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", op, err)
	}
	return a.do(op, req, bodyBytesMax)
}

// do reads an answer of at most so many bytes.
func (a *Auth) do(op string, req *http.Request, most int) (*http.Response, []byte, error) {
	resp, err := a.http.Do(req)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", op, plain(err))
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, int64(most)+1))
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("%s: read answer: %w", op, err)
	case len(body) > most:
		return nil, nil, fmt.Errorf("%s: %w: over %d bytes", op, ErrAnswer, most)
	case resp.StatusCode/100 != 2:
		return nil, nil, newError(op, resp, body)
	}
	return resp, body, nil
}

func (a *Auth) request(ctx context.Context, method, path, bearer string, in any) (
	*http.Request, error) {
	kind, body := "application/json", []byte(nil)
	switch v := in.(type) {
	case nil:
		kind = ""
	case url.Values:
		kind, body = "application/x-www-form-urlencoded", []byte(v.Encode())
	default:
		var err error
		if body, err = json.Marshal(v); err != nil {
			return nil, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, a.server+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	req.Header.Set("User-Agent", userAgent)
	return req, nil
}

// plain takes method and URL out of an error of net/http: the operation's name
// says as much.
func plain(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

// newError reads the server's {"detail":…}: a text, or a list of fields with what
// is wrong with each.
func newError(op string, resp *http.Response, body []byte) *Error {
	e := &Error{Op: op, Status: resp.StatusCode, Detail: detail(body)}
	if e.Detail == "" {
		e.Detail = statusWords(resp.StatusCode)
	}
	if n, err := strconv.ParseUint(resp.Header.Get("Retry-After"), 10, 16); err == nil {
		e.RetryAfter = time.Duration(n) * time.Second
	}
	return e
}

func detail(body []byte) string {
	var out struct {
		Detail json.RawMessage `json:"detail"`
		Words  string          `json:"error_description"` // RFC 6749 §5.2
	}
	if json.Unmarshal(body, &out) != nil {
		return ""
	}
	var words string
	if json.Unmarshal(out.Detail, &words) == nil {
		return clean(words)
	}
	var fields []struct {
		Loc []any  `json:"loc"`
		Msg string `json:"msg"`
	}
	if json.Unmarshal(out.Detail, &fields) != nil {
		return clean(out.Words)
	}
	var parts []string
	for _, f := range fields {
		if n := len(f.Loc); n > 0 {
			f.Msg = fmt.Sprintf("%v: %s", f.Loc[n-1], f.Msg)
		}
		parts = append(parts, f.Msg)
	}
	return clean(strings.Join(parts, "; "))
}

func statusWords(status int) string {
	if words := http.StatusText(status); words != "" {
		return strings.ToLower(words)
	}
	return "unexpected answer"
}

// parseServer checks a server's address and takes a slash at its end off.
func parseServer(server string) (string, error) {
	u, err := url.Parse(server)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Host == "",
		u.RawQuery != "", u.Fragment != "":
		return "", ErrServerURL
	case u.User != nil:
		return "", fmt.Errorf("%w, without a password in it", ErrServerURL)
	}
	return u.Scheme + "://" + u.Host + strings.TrimRight(u.EscapedPath(), "/"), nil
}
