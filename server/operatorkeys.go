package server

import (
	"errors"
	"net/http"

	"azira/auth"
)

// What operators see of the signing keys, none of which is shown, and how they replace
// the one that is kept in the store:
//
//	GET  /api/v1/keys                       which signs, how many verify
//	POST /api/v1/keys/rotate?at_once=false  a new one signs; the old ones verify on, or not

func (o *operator) keys(*request) answer { return keyAnswer(o.auth.KeyState()) }

func keyAnswer(k auth.KeyState) answer {
	return object(map[string]any{"signs": k.Signs, "verify": k.Verify, "stored": !k.Given})
}

func (o *operator) rotate(r *request) answer {
	var atOnce bool
	switch given := r.URL.Query()["at_once"]; {
	case len(given) == 0, len(given) == 1 && given[0] == "false":
	case len(given) == 1 && given[0] == "true":
		atOnce = true
	default:
		return unprocessable(wrong{[]any{"query", "at_once"},
			"expected true or false", "value_error"})
	}
	k, err := o.auth.RotateKey(atOnce)
	switch {
	case errors.Is(err, auth.ErrKeysGiven):
		return detail(http.StatusConflict,
			"The signing keys are those of --jwt-key-file: put a new one there")
	case errors.Is(err, auth.ErrKeysMany):
		return detail(http.StatusConflict,
			"Too many keys verify still: wait, or drop them with at_once")
	case err != nil:
		return o.problem(err)
	}
	o.public.log.Info("signing key rotated by operator", "signs", k.Signs, "verify", k.Verify,
		"at_once", atOnce, "remote", r.RemoteAddr)
	return keyAnswer(k)
}
