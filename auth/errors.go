package auth

import (
	"errors"
	"fmt"
)

var (
	ErrUsername    = errors.New("auth: username not acceptable")
	ErrPassword    = errors.New("auth: password not acceptable")
	ErrTaken       = errors.New("auth: username already registered")
	ErrCredentials = errors.New("auth: invalid username or password")
	ErrBusy        = errors.New("auth: too many password checks are waiting")

	ErrBearer   = errors.New("auth: bearer not valid")
	ErrExpired  = errors.New("auth: bearer expired")
	ErrRevoked  = errors.New("auth: session ended")
	ErrRefresh  = errors.New("auth: refresh token not valid")
	ErrForeign  = errors.New("auth: session belongs to another server process")
	ErrNotYours = errors.New("auth: bearer of another account")

	ErrTicket      = errors.New("auth: ticket not valid")
	ErrTicketLimit = errors.New("auth: too many tickets outstanding")
	ErrStreamLimit = errors.New("auth: connection limit reached")
	ErrNoStream    = errors.New("auth: no such stream")
	ErrNoAccount   = errors.New("auth: no such account")

	ErrScope      = errors.New("auth: no such scope")
	ErrNoVendor   = errors.New("auth: no such vendor")
	ErrNoClient   = errors.New("auth: not in the vendor's group")
	ErrNoKey      = errors.New("auth: no such API key")
	ErrOwnClient  = errors.New("auth: a vendor is not its own client")
	ErrNotCreated = errors.New("auth: the vendor did not create the account")
	ErrNoConsent  = errors.New("auth: the client has not consented to tickets")
	ErrDisabled   = errors.New("auth: the account is disabled")
	ErrKeyLimit   = errors.New("auth: too many API keys")
	ErrGroupFull  = errors.New("auth: too many clients, or vendors of one client")

	ErrKeySet  = errors.New("auth: key set of the issuer not usable")
	ErrIssuers = errors.New("auth: the account is the issuer's")
	ErrKey     = errors.New("auth: signing key not usable")

	ErrKeysGiven = errors.New("auth: the signing keys are not kept in the store")
	ErrKeysMany  = errors.New("auth: too many signing keys verify still")

	ErrOptions = errors.New("auth: option out of range")
	errChanged = fmt.Errorf("%w: account changed meanwhile", ErrCredentials)
	ErrRecord  = errors.New("auth: stored record has a wrong form")
)

// A FieldError says which field of a request is refused and why, in the words
// and types of the original's 422 answers. It is an ErrUsername or ErrPassword.
type FieldError struct {
	Field string // "username" or "password"
	Msg   string
	Type  string
	of    error
}

func (e *FieldError) Error() string { return fmt.Sprintf("auth: %s: %s", e.Field, e.Msg) }
func (e *FieldError) Unwrap() error { return e.of }
