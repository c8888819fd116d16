package client

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// A Credential is what opens a server's doors. Printed or logged it shows
// nothing; take the fields to show them.
type Credential struct {
	Bearer       string
	RefreshToken string          // empty if none was given
	Expires      time.Time       // of the bearer; zero if the server did not say
	ClientID     string          // register only
	Answer       json.RawMessage // the server's whole answer
}

// String hides the credential.
func (c Credential) String() string { return "credential" }

// GoString hides the credential.
func (c Credential) GoString() string { return "client.Credential{}" }

// LogValue hides the credential.
func (c Credential) LogValue() slog.Value { return slog.StringValue(c.String()) }

// parseCredential reads {"access_token":…,"refresh_token":…,"expires_in":…}. The
// original's login has an object for access_token, with the JWT inside.
func parseCredential(op string, body []byte, now time.Time) (Credential, error) {
	var out struct {
		Access    json.RawMessage `json:"access_token"`
		Refresh   string          `json:"refresh_token"`
		ExpiresIn float64         `json:"expires_in"` // seconds
	}
	if err := json.Unmarshal(body, &out); err != nil {
		return Credential{}, fmt.Errorf("%s: %w: not JSON of the expected form", op, ErrAnswer)
	}
	c := Credential{RefreshToken: out.Refresh, Answer: body}
	if json.Unmarshal(out.Access, &c.Bearer) != nil {
		var inner struct {
			Access string `json:"access_token"`
		}
		if json.Unmarshal(out.Access, &inner) == nil {
			c.Bearer = inner.Access
		}
	}
	if !isBearer(c.Bearer) {
		return Credential{}, fmt.Errorf("%s: %w: no access_token in it", op, ErrAnswer)
	}
	if out.ExpiresIn > 0 && out.ExpiresIn < float64(1<<32) {
		c.Expires = now.Add(time.Duration(out.ExpiresIn * float64(time.Second)))
	}
	return c, nil
}

// registered takes the credential out of the cookies that register sets.
func registered(resp *http.Response, body []byte, now time.Time) Credential {
	c := Credential{Answer: body}
	for _, k := range resp.Cookies() {
		switch k.Name {
		case "access_token":
			bearer := strings.TrimPrefix(k.Value, "Bearer ")
			if isBearer(bearer) {
				c.Bearer = bearer
			}
			if k.MaxAge > 0 {
				c.Expires = now.Add(time.Duration(k.MaxAge) * time.Second)
			}
		case "client_id":
			c.ClientID = clean(k.Value)
		}
	}
	return c
}

// isBearer tells whether s may stand in a header (RFC 6750 §2.1).
func isBearer(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return s != ""
}
