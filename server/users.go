package server

import (
	"errors"
	"net/http"
	"time"

	"azira/auth"
)

// register makes an account and, as the original did, signs the browser in by
// cookies. They are for pages that read them: no call here takes a cookie as
// a credential.
func (p *public) register(r *request) answer {
	if wait := p.limiter.address(rateRegister, r.from.Addr()); wait > 0 {
		return p.limiter.tooMany(wait)
	}
	name, password, a, ok := namePassword(r)
	if !ok {
		return a
	}
	g, err := p.auth.Register(r.Context(), name, password)
	if err == nil {
		err = p.inbox.Remove(r.Context(), g.Username) // of who had the name before
	}
	if err != nil {
		return p.problem(err)
	}
	a = message("User registered successfully")
	a.secret = true
	a.cookies = []*http.Cookie{
		cookie("access_token", "Bearer "+g.AccessToken, r.secure),
		cookie("client_id", g.ClientID, r.secure),
	}
	return a
}

func cookie(name, value string, secure bool) *http.Cookie {
	return &http.Cookie{
		Name: name, Value: value, Path: "/",
		MaxAge: int(cookieMaxAge / time.Second), HttpOnly: true, Secure: secure,
		SameSite: http.SameSiteLaxMode,
	}
}

// namePassword reads the body that most calls here have.
func namePassword(r *request) (name, password string, a answer, ok bool) {
	f, a, ok := readFields(r)
	if !ok {
		return "", "", a, false
	}
	vs, a, ok := f.texts("username", "password")
	if !ok {
		return "", "", a, false
	}
	return vs[0], vs[1], answer{}, true
}

// createdAtForm is the original's: ISO 8601 with microseconds, in UTC.
const createdAtForm = "2006-01-02T15:04:05.000000-07:00"

// login answers with a fresh bearer inside an object, as published clients expect.
func (p *public) login(r *request) answer {
	name, password, a, ok := namePassword(r)
	if !ok {
		return a
	}
	g, err := p.logIn(r, name, password)
	if err != nil {
		return p.problem(err)
	}
	a = object(map[string]any{
		"message": "User " + g.Username + " logged in successfully",
		"access_token": map[string]any{
			"id":           g.ID,
			"created_at":   g.CreatedAt.UTC().Format(createdAtForm),
			"access_token": g.AccessToken,
			"user_id":      g.UserID,
		},
		"token_type":    "bearer",
		"expires_in":    int(g.ExpiresIn / time.Second),
		"refresh_token": g.RefreshToken,
	})
	a.secret = true
	return a
}

// logIn is auth's Login as often as callers may try.
func (p *public) logIn(r *request, name, password string) (g auth.Grant, err error) {
	err = p.check(r, name, func() (err error) {
		g, err = p.auth.Login(r.Context(), name, password)
		return err
	})
	return g, err
}

// token is the standard's door to the same (RFC 6749 §4.3 and §6). Its errors
// carry the standard's code beside the detail.
func (p *public) token(r *request) answer {
	f, a, ok := readForm(r)
	if !ok {
		return a
	}
	kind := "password" // the original's form could leave it out
	if _, given := f["grant_type"]; given {
		vs, a, ok := f.texts("grant_type")
		if !ok {
			return a
		}
		kind = vs[0]
	}
	switch kind {
	case "password":
		vs, a, ok := f.texts("username", "password")
		if !ok {
			return a
		}
		return p.granted(p.logIn(r, vs[0], vs[1]))
	case "refresh_token":
		vs, a, ok := f.texts("refresh_token")
		if !ok {
			return a
		}
		return p.granted(p.auth.Refresh(r.Context(), vs[0]))
	}
	return grantError("unsupported_grant_type", "expected grant_type password or refresh_token")
}

func (p *public) granted(g auth.Grant, err error) answer {
	if err != nil {
		a := p.problem(err)
		if a.status == http.StatusBadRequest || a.status == http.StatusUnauthorized {
			return grantError("invalid_grant", refusalText(err))
		}
		return a
	}
	return pair(g, "")
}

func grantError(code, text string) answer {
	return answer{
		status: http.StatusBadRequest,
		body:   mustJSON(map[string]string{"error": code, "detail": text}),
		secret: true,
	}
}

// pair is a bearer and the refresh token that renews it, with a message or none.
func pair(g auth.Grant, message string) answer {
	f := map[string]any{
		"access_token":  g.AccessToken,
		"token_type":    "bearer",
		"expires_in":    int(g.ExpiresIn / time.Second),
		"refresh_token": g.RefreshToken,
	}
	if message != "" {
		f["message"] = message
	}
	a := object(f)
	a.secret = true
	return a
}

// refresh trades a refresh token for a new pair, once.
func (p *public) refresh(r *request) answer {
	f, a, ok := readFields(r)
	if !ok {
		return a
	}
	vs, a, ok := f.texts("refresh_token")
	if !ok {
		return a
	}
	g, err := p.auth.Refresh(r.Context(), vs[0])
	if err != nil {
		return p.problem(err)
	}
	return pair(g, "")
}

// logout ends the session: its bearer, its refresh tokens and its streams.
func (p *public) logout(r *request) answer {
	if err := p.auth.Logout(r.Context(), r.id); err != nil {
		return p.problem(err)
	}
	return message("Logged out")
}

// changePassword ends all sessions and answers with the pair of a new one, which has
// taken over the caller's streams.
func (p *public) changePassword(r *request) answer {
	f, a, ok := readFields(r)
	if !ok {
		return a
	}
	vs, a, ok := f.texts("old_password", "new_password")
	if !ok {
		return a
	}
	var g auth.Grant
	err := p.check(r, r.id.Username, func() (err error) {
		g, err = p.auth.ChangePassword(r.Context(), r.id, vs[0], vs[1])
		return err
	})
	var fe *auth.FieldError
	switch {
	case errors.As(err, &fe):
		return unprocessable(wrong{[]any{"body", "new_password"}, fe.Msg, fe.Type})
	case err != nil:
		return p.problem(err)
	}
	return pair(g, "Password changed")
}

func (p *public) deleteAccount(r *request) answer {
	f, a, ok := readFields(r)
	if !ok {
		return a
	}
	vs, a, ok := f.texts("password")
	if !ok {
		return a
	}
	err := p.check(r, r.id.Username, func() error {
		return p.auth.DeleteAccount(r.Context(), r.id, vs[0])
	})
	if err == nil {
		err = p.inbox.Remove(r.Context(), r.id.Username)
	}
	if err != nil {
		return p.problem(err)
	}
	return message("Account deleted")
}
