package server

import (
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestRegister(t *testing.T) {
	s := start(t)
	r := s.call("POST", "/api/v1/users/register", credentials("ann", goodPassword))
	if r.StatusCode != 200 || string(r.body) != `{"message":"User registered successfully"}` {
		t.Fatalf("%d %s", r.StatusCode, r.body)
	}
	got := map[string]*http.Cookie{}
	for _, c := range r.Cookies() {
		got[c.Name] = c
		if c.MaxAge != 1800 || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" {
			t.Errorf("cookie %s: %+v", c.Name, c)
		}
	}
	if c := got["access_token"]; c == nil || !strings.HasPrefix(c.Value, "Bearer ey") || !c.Quoted {
		t.Errorf("access_token: %+v", c)
	}
	if c := got["client_id"]; c == nil || len(c.Value) != 36 {
		t.Errorf("client_id: %+v", c)
	}
	r = s.call("POST", "/api/v1/users/register", credentials("ann", goodPassword))
	if r.StatusCode != 400 || string(r.body) != `{"detail":"Username already registered"}` {
		t.Errorf("taken: %d %s", r.StatusCode, r.body)
	}
	if len(r.Cookies()) > 0 {
		t.Error("a refused registration set cookies")
	}
}

func TestLogin(t *testing.T) {
	s := start(t)
	s.account("ann")
	r := s.call("POST", "/api/v1/users/login", credentials("ann", goodPassword))
	if r.StatusCode != 200 || r.text("message") != "User ann logged in successfully" ||
		r.text("token_type") != "bearer" {
		t.Fatalf("%d %s", r.StatusCode, r.body)
	}
	if _, err := time.Parse(createdAtForm, r.text("access_token", "created_at")); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"id", "user_id"} {
		if _, ok := r.at("access_token", name).(float64); !ok {
			t.Errorf("%s is no number: %s", name, r.body)
		}
	}
	if r.Header.Get("Cache-Control") != "no-store" {
		t.Error("a bearer may be cached")
	}
	wrongPassword := s.call("POST", "/api/v1/users/login", credentials("ann", "wrong password"))
	wrongName := s.call("POST", "/api/v1/users/login", credentials("nobody", goodPassword))
	badName := s.call("POST", "/api/v1/users/login", credentials("a/b\n", "x"))
	for _, r := range []reply{wrongPassword, wrongName, badName} {
		if r.StatusCode != 400 || string(r.body) != `{"detail":"Invalid username or password"}` {
			t.Errorf("%d %s", r.StatusCode, r.body)
		}
	}
}

func TestTokenGrants(t *testing.T) {
	s := start(t)
	s.account("ann")
	form := url.Values{"grant_type": {"password"}, "username": {"ann"}, "password": {goodPassword}}
	r := s.call("POST", "/api/v1/token", form.Encode(),
		"Content-Type", "application/x-www-form-urlencoded")
	if r.StatusCode != 200 || r.text("token_type") != "bearer" || r.at("expires_in") != 1800.0 {
		t.Fatalf("form: %d %s", r.StatusCode, r.body)
	}
	first := r.text("refresh_token")
	r = s.call("POST", "/api/v1/token",
		map[string]string{"grant_type": "refresh_token", "refresh_token": first})
	if r.StatusCode != 200 || r.text("refresh_token") == first {
		t.Fatalf("refresh: %d %s", r.StatusCode, r.body)
	}
	second := r.text("refresh_token")
	bearer := r.text("access_token")
	if r := s.call("GET", "/api/v1/tokens", nil, as(bearer)...); r.StatusCode != 200 {
		t.Fatalf("bearer of the refresh: %d %s", r.StatusCode, r.body)
	}
	// Reuse ends the family: the newer refresh token and the bearer, too.
	r = s.call("POST", "/api/v1/users/refresh", map[string]string{"refresh_token": first})
	if r.StatusCode != 401 {
		t.Errorf("reuse: %d %s", r.StatusCode, r.body)
	}
	r = s.call("POST", "/api/v1/users/refresh", map[string]string{"refresh_token": second})
	if r.StatusCode != 401 {
		t.Errorf("family: %d %s", r.StatusCode, r.body)
	}
	if r := s.call("GET", "/api/v1/tokens", nil, as(bearer)...); r.StatusCode != 401 {
		t.Errorf("bearer of an ended session: %d %s", r.StatusCode, r.body)
	}
	for body, code := range map[string]string{
		`{"grant_type":"magic"}`: "unsupported_grant_type",
		`{"grant_type":"password","username":"ann","password":"no no no"}`: "invalid_grant",
		`{"grant_type":"refresh_token","refresh_token":"x"}`:               "invalid_grant",
	} {
		r := s.call("POST", "/api/v1/token", body)
		if r.StatusCode != 400 || r.text("error") != code || r.text("detail") == "" {
			t.Errorf("%s: %d %s", body, r.StatusCode, r.body)
		}
	}
}

func TestLogoutEndsTheSession(t *testing.T) {
	s := start(t)
	s.account("ann")
	r := s.call("POST", "/api/v1/users/login", credentials("ann", goodPassword))
	bearer, refresh := r.text("access_token", "access_token"), r.text("refresh_token")
	other := s.login("ann")
	c := s.open("/api/v1/stream", bearer)
	kept := s.open("/api/v1/stream", other)
	if r := s.call("POST", "/api/v1/users/logout", nil, as(bearer)...); r.StatusCode != 200 {
		t.Fatalf("%d %s", r.StatusCode, r.body)
	}
	if code, _ := closeOf(t, c); code != 3501 {
		t.Errorf("stream closed with %d", code)
	}
	if r := s.call("GET", "/api/v1/sessions", nil, as(bearer)...); r.StatusCode != 401 {
		t.Errorf("bearer still good: %d", r.StatusCode)
	}
	r = s.call("POST", "/api/v1/users/refresh", map[string]string{"refresh_token": refresh})
	if r.StatusCode != 401 {
		t.Errorf("refresh still good: %d", r.StatusCode)
	}
	if got := say(t, kept, "foo|A"); got != "Unknown action: foo" {
		t.Errorf("the other session's stream: %q", got)
	}
}

// A password change ends every session but keeps the caller's streams, and renews what it
// calls with.
func TestPasswordChange(t *testing.T) {
	s := start(t)
	bearer := s.account("ann")
	change := func(old, now string) reply {
		return s.call("PUT", "/api/v1/users/password",
			map[string]string{"old_password": old, "new_password": now}, as(bearer)...)
	}
	if r := change("wrong one", "another one"); r.StatusCode != 400 {
		t.Errorf("wrong old: %d %s", r.StatusCode, r.body)
	}
	if r := change(goodPassword, "short"); r.StatusCode != 422 ||
		!strings.Contains(string(r.body), `"loc":["body","new_password"]`) {
		t.Errorf("short new: %d %s", r.StatusCode, r.body)
	}
	other := s.pair("ann")
	mine, theirs := s.heard(bearer), s.heard(other.text("access_token"))
	r := change(goodPassword, "another one")
	if r.StatusCode != 200 || r.text("message") != "Password changed" ||
		r.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %s", r.StatusCode, r.body)
	}
	if code, _ := closeOf(t, theirs); code != 3501 {
		t.Errorf("another session's stream closed with %d", code)
	}
	if got := say(t, mine, "foo|A"); got != "Unknown action: foo" {
		t.Errorf("the caller's stream: %q", got)
	}
	for what, old := range map[string]string{
		"caller's": bearer, "other's": other.text("access_token")} {
		if r := s.call("GET", "/api/v1/tokens", nil, as(old)...); r.StatusCode != 401 {
			t.Errorf("%s old bearer: %d", what, r.StatusCode)
		}
	}
	if r := s.refresh(other.text("refresh_token")); r.StatusCode != 401 {
		t.Errorf("other's refresh token: %d", r.StatusCode)
	}
	if n := s.streams(r.text("access_token")); n != 1 {
		t.Errorf("%d streams", n)
	}
	if r = s.refresh(r.text("refresh_token")); r.StatusCode != 200 {
		t.Errorf("the new session does not refresh: %d %s", r.StatusCode, r.body)
	}
	r = s.call("POST", "/api/v1/users/login", credentials("ann", "another one"))
	if r.StatusCode != 200 {
		t.Fatalf("new password: %d %s", r.StatusCode, r.body)
	}
}

// Deletion ends sessions and streams at once; the name is free, and whoever takes it is
// somebody else.
func TestAccountDeletion(t *testing.T) {
	s := start(t)
	bearer := s.account("ann")
	mine := s.heard(bearer)
	del := func(password string) reply {
		return s.call("DELETE", "/api/v1/users/me",
			map[string]string{"password": password}, as(bearer)...)
	}
	if r := del("wrong one"); r.StatusCode != 400 {
		t.Errorf("deletion, wrong password: %d %s", r.StatusCode, r.body)
	}
	if r := del(goodPassword); r.StatusCode != 200 {
		t.Errorf("deletion: %d %s", r.StatusCode, r.body)
	}
	if code, _ := closeOf(t, mine); code != 3501 {
		t.Errorf("stream of a deleted account closed with %d", code)
	}
	r := s.call("POST", "/api/v1/users/login", credentials("ann", goodPassword))
	if r.StatusCode != 400 {
		t.Errorf("login after deletion: %d %s", r.StatusCode, r.body)
	}
	if got := s.refused("/api/v1/stream", bearer); got != 401 {
		t.Errorf("stream after deletion: %d", got)
	}
	s.account("ann") // the name is free, and its owner another
	if r := s.call("GET", "/api/v1/tokens", nil, as(bearer)...); r.StatusCode != 401 {
		t.Errorf("the bearer of the name's last owner: %d", r.StatusCode)
	}
}

// Bodies are answered in the original's form, whatever is wrong with them.
func TestBadBodies(t *testing.T) {
	s := start(t)
	type fault = map[string]any
	loc := func(l ...any) []any { return l }
	required := "field required"
	for _, tc := range []struct {
		body   string
		status int
		want   []any
	}{
		{`{"username":"ann"}`, 422, []any{
			fault{"loc": loc("body", "password"), "msg": required, "type": "value_error.missing"}}},
		{`{}`, 422, []any{
			fault{"loc": loc("body", "username"), "msg": required, "type": "value_error.missing"},
			fault{"loc": loc("body", "password"), "msg": required, "type": "value_error.missing"}}},
		{``, 422, []any{fault{"loc": loc("body"), "msg": required, "type": "value_error.missing"}}},
		{`[]`, 422, []any{
			fault{"loc": loc("body"), "msg": "value is not a valid dict", "type": "type_error.dict"}}},
		{`null`, 422, []any{
			fault{"loc": loc("body"), "msg": "value is not a valid dict", "type": "type_error.dict"}}},
		{`{"username":7,"password":"long enough"}`, 422, []any{
			fault{"loc": loc("body", "username"), "msg": "str type expected", "type": "type_error.str"}}},
		{`{"username":null,"password":"long enough"}`, 422, []any{
			fault{"loc": loc("body", "username"), "msg": "none is not an allowed value",
				"type": "type_error.none.not_allowed"}}},
		{`{"username":"ann","password":"short"}`, 422, []any{
			fault{"loc": loc("body", "password"), "msg": "ensure this value has at least 8 characters",
				"type": "value_error.any_str.min_length"}}},
		{`{"username":"a\u0000b","password":"long enough"}`, 422, nil},
		{`{"username":"ann","password":"long\u0000enough"}`, 422, nil},
		{`{"username":"ann","password":"long \ud800 enough"}`, 422, nil},
		{`{"username":"","password":"long enough"}`, 422, nil},
		{`{"username":"a/b","password":"long enough"}`, 422, nil},
		{"{\"username\":\"a\x00b\",\"password\":\"long enough\"}", 422, nil},
		{"{\"username\":\"a\xffb\",\"password\":\"long enough\"}", 400, nil},
		{`{"username":"ann"`, 422, nil},
		{`{"username":"ann","password":"long enough"} x`, 422, nil},
		{strings.Repeat("[", 60_000), 422, nil},
		{`{"x":` + strings.Repeat("[", 30_000) + strings.Repeat("]", 30_000) + `}`, 422, nil},
		{`{"username":"` + strings.Repeat("a", bodyBytesMax) + `"}`, 413, nil},
	} {
		r := s.call("POST", "/api/v1/users/register", tc.body)
		if r.StatusCode != tc.status || r.at("detail") == nil {
			t.Errorf("%.60q: %d %s", tc.body, r.StatusCode, r.body)
			continue
		}
		if tc.want != nil && !reflect.DeepEqual(r.at("detail"), tc.want) {
			t.Errorf("%.60q: %s", tc.body, r.body)
		}
	}
}

func TestBodiesOfOtherKinds(t *testing.T) {
	s := start(t)
	r := s.call("POST", "/api/v1/users/register", "a=b", "Content-Type", "text/csv")
	if r.StatusCode != 415 || r.text("detail") == "" {
		t.Errorf("media type: %d %s", r.StatusCode, r.body)
	}
	// Fields nobody asked for and earlier ones of the same name don't count.
	r = s.call("POST", "/api/v1/users/register",
		`{"username":1,"more":{"x":[]},"username":"ann","password":"long enough"}`)
	if r.StatusCode != 200 {
		t.Errorf("extra fields: %d %s", r.StatusCode, r.body)
	}
}
