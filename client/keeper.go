package client

import (
	"context"
	"errors"
	"sync"
	"time"
)

// A Keeper holds a credential and renews it by its refresh token a minute before
// its bearer ends, when it is asked for. Its methods may be called from any goroutine.
type Keeper struct {
	auth *Auth

	mu   sync.Mutex
	cred Credential
}

// Keep takes a credential over: its refresh token must not be used elsewhere.
func (a *Auth) Keep(c Credential) *Keeper { return &Keeper{auth: a, cred: c} }

// Bearer gives a bearer with time left. It is a [BearerFunc]. When the bearer has
// ended and cannot be renewed, the error is final to a Stream.
func (k *Keeper) Bearer(ctx context.Context) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	left := time.Until(k.cred.Expires)
	switch {
	case k.cred.Expires.IsZero(), left > renewBefore:
		return k.cred.Bearer, nil
	case k.cred.RefreshToken == "" && left > 0:
		return k.cred.Bearer, nil
	case k.cred.RefreshToken == "":
		return "", ErrNoRefresh
	}
	fresh, err := k.auth.Refresh(ctx, k.cred.RefreshToken)
	var refused *Error
	switch {
	case err != nil && left > 0 && !errors.As(err, &refused):
		return k.cred.Bearer, nil // the server was not reached: what we have still holds
	case err != nil:
		return "", err
	}
	k.cred = fresh
	return fresh.Bearer, nil
}

// Logout ends the session of the credential held.
func (k *Keeper) Logout(ctx context.Context) error {
	k.mu.Lock()
	bearer := k.cred.Bearer
	k.mu.Unlock()
	return k.auth.Logout(ctx, bearer)
}
