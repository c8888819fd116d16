package server

import (
	"context"
	"errors"
	"net/http"
	"time"

	"azira/auth"
	"azira/store"
)

// A refusal is what a caller is told for one of auth's errors.
type refusal struct {
	err    error
	status int
	text   string
}

var refusals = []refusal{
	{errNoBearer, http.StatusUnauthorized, "Not authenticated"},
	{auth.ErrBearer, http.StatusUnauthorized, "Could not validate credentials"},
	{auth.ErrExpired, http.StatusUnauthorized, "The bearer has expired"},
	{auth.ErrRevoked, http.StatusUnauthorized, "The session has ended"},
	{auth.ErrTicket, http.StatusUnauthorized, "The ticket is unknown, used or expired"},
	{auth.ErrRefresh, http.StatusUnauthorized, "The refresh token is not valid"},
	{auth.ErrCredentials, http.StatusBadRequest, "Invalid username or password"},
	{auth.ErrNotYours, http.StatusForbidden, "The credential belongs to another user"},
	{auth.ErrForeign, http.StatusForbidden, "The session belongs to another server"},
	{auth.ErrNoAccount, http.StatusUnauthorized, "The account is gone"},
	{auth.ErrNoStream, http.StatusNotFound, "Session not found"},
	{auth.ErrTicketLimit, http.StatusTooManyRequests, "Too many unused tickets"},
	{errScope, http.StatusForbidden, "The API key is not for this call"},
	{auth.ErrNoVendor, http.StatusNotFound, "Not Found"},
	{auth.ErrNoClient, http.StatusNotFound, "Not Found"},
	{auth.ErrNoKey, http.StatusNotFound, "Not Found"},
	{auth.ErrNotCreated, http.StatusForbidden, "The vendor did not create the account"},
	{auth.ErrNoConsent, http.StatusForbidden, "The client has not consented to tickets"},
	{auth.ErrDisabled, http.StatusForbidden, "The account is disabled"},
	{auth.ErrOwnClient, http.StatusConflict, "A vendor is not its own client"},
	{auth.ErrKeyLimit, http.StatusConflict, "Too many API keys"},
	{auth.ErrGroupFull, http.StatusConflict, "Too many clients, or vendors of the client"},
	{auth.ErrTaken, http.StatusBadRequest, "Username already registered"},
}

// problem is the answer to an error of auth. What is not in the table is
// trouble of ours: it is logged, and the caller learns nothing of it.
func (p *public) problem(err error) answer {
	if ro := refusalOf(err); ro != nil {
		a := detail(ro.status, ro.text)
		if ro.status == http.StatusUnauthorized {
			a = a.with("WWW-Authenticate", "Bearer")
		}
		if ro.status == http.StatusTooManyRequests {
			a = a.with("Retry-After", retryAfterTickets)
		}
		return a
	}
	var fe *auth.FieldError
	var wait errWait
	var debt *auth.WaitError
	switch {
	case errors.As(err, &debt):
		return p.limiter.tooMany(debt.After)
	case errors.As(err, &wait):
		return p.limiter.tooMany(time.Duration(wait))
	case errors.As(err, &fe):
		return unprocessable(wrong{[]any{"body", fe.Field}, fe.Msg, fe.Type})
	case errors.Is(err, store.ErrUnwritable): // the store has logged it
		return unavailable("The database cannot be written now", retryAfter)
	case errors.Is(err, auth.ErrBusy):
		return unavailable("The server is busy", retryAfterBusy)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return unavailable("The request was given up", retryAfterBusy)
	}
	return p.internal("request failed", "err", err)
}

// refusalText is what the caller is told of an error that is in the table.
func refusalText(err error) string {
	if ro := refusalOf(err); ro != nil {
		return ro.text
	}
	return "Bad Request"
}

func refusalOf(err error) *refusal {
	for i := range refusals {
		if errors.Is(err, refusals[i].err) {
			return &refusals[i]
		}
	}
	return nil
}
