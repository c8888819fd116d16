package server

import (
	"errors"
	"time"

	"azira/auth"
	"azira/engine"
	"azira/proto"
)

// A renewer checks the bearers that streams go on with. It is the engine's
// Authenticator.
type renewer struct{ auth *auth.Service }

// Renew makes the stream one of the bearer's session, and tells when the bearer ends.
func (x renewer) Renew(o engine.Owner, bearer string) (time.Time, error) {
	st := streamOfOwner(o)
	if st == nil {
		return time.Time{}, &proto.Fault{Code: proto.CodeDenied, Text: "the stream has no account"}
	}
	id, err := x.auth.RenewStream(st, bearer)
	switch {
	case err == nil:
		return id.Expires, nil
	case errors.Is(err, auth.ErrExpired):
		return time.Time{}, &proto.Fault{Code: proto.CodeExpired, Text: refusalText(err)}
	case errors.Is(err, auth.ErrNotYours):
		return time.Time{}, &proto.Fault{Code: proto.CodeDenied, Text: refusalText(err)}
	case refusalOf(err) != nil:
		return time.Time{}, &proto.Fault{Code: proto.CodeUnauthorized, Text: refusalText(err)}
	}
	return time.Time{}, err
}
