package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

var (
	ErrUnauthorized    = errors.New("client: unauthorized")           // 401 or 403
	ErrTaken           = errors.New("client: username is taken")      // register
	ErrCredentials     = errors.New("client: wrong name or password") // login
	ErrBusy            = errors.New("client: server is busy")         // 429 or 503
	ErrConnectionLimit = errors.New("client: too many streams of this account")
	ErrUnknownToken    = errors.New("client: token not known to the server")
	ErrToken           = errors.New("client: not a token name")
	ErrNoTokens        = errors.New("client: no tokens named")
	ErrClosed          = errors.New("client: closed")
	ErrNoAnswer        = errors.New("client: server did not confirm in time")
	ErrServerURL       = errors.New("client: server must look like http://127.0.0.1:8000")
	ErrEndpoint        = errors.New("client: endpoint must look like tcp://127.0.0.1:5556")
	ErrAnswer          = errors.New("client: answer is not what the protocol says")
	ErrDialect         = errors.New("client: dialect not known")
	ErrUntold          = errors.New("client: the text dialect has no such request")
	ErrOption          = errors.New("client: option out of bounds")
	ErrDecimal         = errors.New("client: not an exact decimal of 64 bits")
	ErrRecord          = errors.New("client: not a record of the binary dialect")
	ErrNoRefresh       = errors.New("client: bearer has ended and there is no refresh token")
	errProtocol        = errors.New("client: server broke the WebSocket protocol")
	errTooBig          = errors.New("client: message from the server is too big")
	errNotUTF8         = errors.New("client: text from the server is not UTF-8")
	errSilent          = errors.New("client: nothing heard from the server")
	errBehind          = errors.New("client: messages were left, and are fetched anew")
)

// An Error is a request the server answered with a refusal: its status and its
// own words. It holds nothing of what was sent.
//
// errors.Is finds ErrUnauthorized, ErrTaken, ErrCredentials and ErrBusy in it.
type Error struct {
	Op         string        // what was asked: "register", "login", "open stream", …
	Status     int           // HTTP status
	Detail     string        // the server's words, or the status text
	RetryAfter time.Duration // as asked by the server; 0 if it did not
}

func (e *Error) Error() string { return fmt.Sprintf("%s: %s (%d)", e.Op, e.Detail, e.Status) }

// Is tells which of the package's errors e is an instance of.
func (e *Error) Is(target error) bool {
	switch target {
	case ErrUnauthorized:
		return e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden
	case ErrBusy:
		return e.Status == http.StatusTooManyRequests || e.Status == http.StatusServiceUnavailable
	case ErrTaken:
		return e.Op == opRegister && e.Status == http.StatusBadRequest &&
			strings.Contains(e.Detail, "already registered")
	case ErrCredentials:
		return e.Op == opLogin && (e.Status == http.StatusBadRequest ||
			e.Status == http.StatusUnauthorized)
	}
	return false
}

// A RefusedError is a request that the server did not accept, or not for all its
// tokens.
//
// In the text dialect a subscribe with an unknown token subscribes none of its
// tokens and ends the Stream. In all else a refusal leaves the Stream as it was,
// and the tokens that are not in Failed were done as asked.
type RefusedError struct {
	Op     string        // "subscribe", "unsubscribe", …
	Tokens []string      // those unknown; nil if the refusal was for another reason
	Detail string        // the server's words
	Code   int           // the protocol's, of a whole request; 0 in the text dialect
	Retry  time.Duration // with code 111: when to ask again
	Failed []Failure     // typed dialects: token by token
}

func (e *RefusedError) Error() string { return e.Op + ": " + e.Detail }

// Is reports a refusal for unknown tokens as ErrUnknownToken.
func (e *RefusedError) Is(target error) bool {
	return target == ErrUnknownToken && len(e.Tokens) > 0
}

// A CloseError is the end of a connection: by the server with a close frame, or
// without one (1006), when Cause says what happened.
type CloseError struct {
	Code   int
	Reason string
	Cause  error
}

func (e *CloseError) Error() string {
	switch {
	case e.Cause != nil:
		return fmt.Sprintf("connection lost: %v", e.Cause)
	case e.Reason == "":
		return fmt.Sprintf("closed by the server (%d)", e.Code)
	}
	return fmt.Sprintf("closed by the server: %s (%d)", e.Reason, e.Code)
}

func (e *CloseError) Unwrap() error { return e.Cause }

// Is reports the account's stream limit as ErrConnectionLimit.
func (e *CloseError) Is(target error) bool {
	return target == ErrConnectionLimit && e.Code == closePolicy &&
		strings.HasPrefix(e.Reason, "connection limit")
}

// Error codes of the typed dialects that the client looks at.
const (
	codeUnknownToken = 102
	codeBadRequest   = 107
	codeTooMany      = 111
)

// Close codes that the client itself speaks or looks at.
const (
	closeNormal   = 1000
	closeProtocol = 1002
	closeNoStatus = 1005
	closeLost     = 1006
	closeNotUTF8  = 1007
	closePolicy   = 1008
	closeTooBig   = 1009
)

// Reconnects tells whether a connection closed with code is to be opened anew.
// The list is the protocol's; a code it does not name is final.
func Reconnects(code int) bool {
	switch code {
	case 1001, closeLost, 1011, 1012, 1013, 3005, 3008:
		return true
	}
	return false
}

// retryable tells whether opening anew may help after err, the end of a
// connection or of an attempt to make one.
func retryable(err error) bool {
	var closed *CloseError
	var answer *Error
	switch {
	case errors.Is(err, ErrClosed), errors.Is(err, ErrNoRefresh), errors.Is(err, ErrServerURL),
		errors.Is(err, context.Canceled):
		return false
	case errors.As(err, &closed):
		return Reconnects(closed.Code)
	case errors.As(err, &answer):
		return answer.Status == http.StatusTooManyRequests || answer.Status >= 500
	}
	return !errors.Is(err, ErrAnswer) && !errors.Is(err, ErrUnknownToken)
}

// clean makes words of the other side fit for an error or a log line: one line
// of printable UTF-8, not longer than detailBytesMax.
func clean(words string) string {
	words = strings.ToValidUTF8(words, "\uFFFD")
	if len(words) > detailBytesMax {
		cut := detailBytesMax - len("…")
		for cut > 0 && !utf8.RuneStart(words[cut]) {
			cut--
		}
		words = words[:cut] + "…"
	}
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, words))
}
