package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	password = "correct horse battery"
	pair     = `{"access_token":%q,"token_type":"bearer","expires_in":1800,"refresh_token":%q}`
	odd      = "login: client: answer is not what the protocol says: "
)

// authServer answers as the protocol's §2 does, and remembers what it was asked.
func authServer(t *testing.T) (*Auth, *[]string) {
	var asked []string
	fail := func(w http.ResponseWriter, status int, detail string) {
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"detail":%s}`, detail)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v1/users/register", func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Username, Password string }
		json.NewDecoder(r.Body).Decode(&in)
		switch {
		case in.Username == "taken":
			fail(w, 400, `"Username already registered"`)
		case len(in.Password) < 8:
			fail(w, 422, `[{"loc":["body","password"],"msg":"at least 8 bytes","type":"value_error"},
				{"loc":["body","username"],"msg":"field required","type":"value_error.missing"}]`)
		default:
			jwt := "Bearer jwt.of." + in.Username
			w.Header().Add("Set-Cookie", `access_token="`+jwt+`"; Max-Age=1800`)
			w.Header().Add("Set-Cookie", `client_id=c1; Max-Age=1800`)
			fmt.Fprint(w, `{"message":"User registered successfully"}`)
		}
	})
	mux.HandleFunc("POST /api/v1/token", func(w http.ResponseWriter, r *http.Request) {
		if r.PostFormValue("password") != password || r.PostFormValue("grant_type") != "password" {
			fail(w, 400, `"Invalid username or password"`)
			return
		}
		fmt.Fprintf(w, pair, "jwt1", "r1")
	})
	mux.HandleFunc("POST /api/v1/users/refresh", func(w http.ResponseWriter, r *http.Request) {
		p, _ := io.ReadAll(r.Body)
		asked = append(asked, string(p))
		if !strings.Contains(string(p), "r1") {
			fail(w, 401, `"Invalid refresh token"`)
			return
		}
		fmt.Fprintf(w, pair, "jwt2", "r2")
	})
	held := func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path+" "+r.Header.Get("Authorization"))
		fmt.Fprint(w, `{"ticket":"t1","expires_in":60}`)
	}
	mux.HandleFunc("GET /api/v1/tokens", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `{"tokens":["A","B"],"count":2}`)
	})
	mux.HandleFunc("POST /api/v1/users/logout", held)
	mux.HandleFunc("POST /api/v1/stream/ticket", held)
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	a, err := NewAuth(srv.URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a, &asked
}

func TestAuth(t *testing.T) {
	a, asked := authServer(t)
	c, err := a.Register(t.Context(), "zoe", password)
	if err != nil || c.Bearer != "jwt.of.zoe" || c.ClientID != "c1" ||
		time.Until(c.Expires) < 29*time.Minute {
		t.Fatalf("register: %#v %q %v", c, c.Bearer, err)
	}
	c, err = a.Login(t.Context(), "zoe", password)
	if err != nil || c.Bearer != "jwt1" || c.RefreshToken != "r1" || !json.Valid(c.Answer) {
		t.Fatalf("login: %q %v", c.Bearer, err)
	}
	c, err = a.Refresh(t.Context(), c.RefreshToken)
	if err != nil || c.Bearer != "jwt2" || c.RefreshToken != "r2" {
		t.Fatalf("refresh: %q %v", c.Bearer, err)
	}
	ticket, err := a.Ticket(t.Context(), c.Bearer)
	if err != nil || ticket != "t1" {
		t.Fatalf("ticket: %q %v", ticket, err)
	}
	got, err := a.Tokens(t.Context(), c.Bearer)
	if err != nil || !slices.Equal(got, []string{"A", "B"}) {
		t.Fatalf("tokens: %q %v", got, err)
	}
	if err := a.Logout(t.Context(), c.Bearer); err != nil {
		t.Fatal(err)
	}
	want := `[{"refresh_token":"r1"} /api/v1/stream/ticket Bearer jwt2 ` +
		`/api/v1/users/logout Bearer jwt2]`
	if got := fmt.Sprint(*asked); got != want {
		t.Fatalf("asked %s", got)
	}
}

func TestAuthErrors(t *testing.T) {
	a, _ := authServer(t)
	_, err := a.Register(t.Context(), "taken", password)
	if !errors.Is(err, ErrTaken) || err.Error() != "register: Username already registered (400)" {
		t.Errorf("taken: %v", err)
	}
	_, err = a.Register(t.Context(), "zoe", "short-pw"[:5])
	var refused *Error
	if !errors.As(err, &refused) || refused.Status != 422 || errors.Is(err, ErrTaken) ||
		refused.Detail != "password: at least 8 bytes; username: field required" {
		t.Errorf("malformed: %v", err)
	}
	_, err = a.Login(t.Context(), "zoe", "a wrong password")
	if !errors.Is(err, ErrCredentials) || strings.Contains(err.Error(), "a wrong password") {
		t.Errorf("login: %v", err)
	}
	if _, err = a.Refresh(t.Context(), "stale"); !errors.Is(err, ErrUnauthorized) {
		t.Errorf("refresh: %v", err)
	}
}

func TestAuthOddAnswers(t *testing.T) {
	var status int
	var answer string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "http://192.0.2.1/")
		w.WriteHeader(status)
		io.WriteString(w, answer)
	}))
	defer srv.Close()
	a, err := NewAuth(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	tests := []struct {
		status int
		answer string
		want   string
	}{
		{200, `{}`, odd + "no access_token in it"},
		{200, `<html>`, odd + "not JSON of the expected form"},
		{200, `{"access_token":"a\r\nb"}`, odd + "no access_token in it"},
		{200, strings.Repeat("x", bodyBytesMax+1), odd + "over 1048576 bytes"},
		{502, `<html>Bad \x1b</html>`, "login: bad gateway (502)"},
		{307, ``, "login: temporary redirect (307)"},
		{400, `{"detail":"a\u001b[2Jb"}`, "login: a [2Jb (400)"},
		{400, `{"error":"invalid_grant","error_description":"no"}`, "login: no (400)"},
	}
	for _, tt := range tests {
		status, answer = tt.status, tt.answer
		_, err := a.Login(t.Context(), "zoe", password)
		if err == nil || err.Error() != tt.want {
			t.Errorf("%d %.20q: %v", tt.status, tt.answer, err)
		}
	}
	status, answer = 200, `{"access_token":{"id":1,"access_token":"jwt"},"token_type":"bearer"}`
	if c, err := a.Login(t.Context(), "zoe", password); err != nil || c.Bearer != "jwt" {
		t.Errorf("the original's object: %v", err)
	}
}

func TestServerURL(t *testing.T) {
	for _, bad := range []string{"", "127.0.0.1:8000", "ws://x", "http://", "http://u:secret@h",
		"http://h?a=1", "http://h\x7f"} {
		_, err := NewAuth(bad)
		if !errors.Is(err, ErrServerURL) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestCredentialShowsNothing(t *testing.T) {
	c := Credential{Bearer: "sesame", RefreshToken: "sesame", Answer: []byte("sesame")}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(format, c); strings.Contains(got, "sesame") {
			t.Errorf("%s shows %s", format, got)
		}
	}
}

func TestKeeper(t *testing.T) {
	a, asked := authServer(t)
	k := a.Keep(Credential{Bearer: "b0", RefreshToken: "r1", Expires: time.Now().Add(2 * time.Minute)})
	if got, err := k.Bearer(t.Context()); got != "b0" || err != nil || len(*asked) != 0 {
		t.Fatalf("fresh: %q %v", got, err)
	}
	k = a.Keep(Credential{Bearer: "b0", RefreshToken: "r1", Expires: time.Now().Add(time.Second)})
	for range 2 { // the second time the new one is fresh
		if got, err := k.Bearer(t.Context()); got != "jwt2" || err != nil || len(*asked) != 1 {
			t.Fatalf("ending: %q %v", got, err)
		}
	}
	if err := k.Logout(t.Context()); err != nil || (*asked)[1] != "/api/v1/users/logout Bearer jwt2" {
		t.Fatalf("logout: %v %q", err, *asked)
	}
	k = a.Keep(Credential{Bearer: "b0", RefreshToken: "used", Expires: time.Now().Add(time.Second)})
	if _, err := k.Bearer(t.Context()); !errors.Is(err, ErrUnauthorized) || retryable(err) {
		t.Fatalf("revoked: %v", err)
	}
	k = a.Keep(Credential{Bearer: "b0", Expires: time.Now().Add(-time.Second)})
	if _, err := k.Bearer(t.Context()); !errors.Is(err, ErrNoRefresh) || retryable(err) {
		t.Fatalf("ended: %v", err)
	}
	gone, err := NewAuth("http://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	k = gone.Keep(Credential{Bearer: "b0", RefreshToken: "r1", Expires: time.Now().Add(time.Second)})
	if got, err := k.Bearer(t.Context()); got != "b0" || err != nil {
		t.Fatalf("server away: %q %v", got, err)
	}
}

func FuzzAnswers(f *testing.F) {
	f.Add([]byte(`{"detail":[{"loc":["body","password"],"msg":"field required"}]}`))
	f.Add([]byte(`{"access_token":{"access_token":"jwt"},"expires_in":1e300}`))
	f.Fuzz(func(t *testing.T, p []byte) {
		words := detail(p)
		if words != clean(words) {
			t.Fatalf("detail %q", words)
		}
		now := time.Now()
		c, err := parseCredential(opLogin, p, now)
		if err == nil && (!isBearer(c.Bearer) || !c.Expires.IsZero() && c.Expires.Before(now)) {
			t.Fatalf("bearer %q until %v", c.Bearer, c.Expires)
		}
	})
}
