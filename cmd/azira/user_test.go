package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"azira/client"
	"azira/server"
)

const testAdminToken = "0123456789abcdef"

// serveForUsers runs a server and tells both addresses.
func serveForUsers(t *testing.T) server.Addresses {
	t.Helper()
	c := server.Defaults()
	c.Listen, c.Admin, c.Feed, c.Data = "127.0.0.1:0", "127.0.0.1:0", nil, t.TempDir()
	c.DrainWindow, c.Loops, c.RingBytes, c.AdminToken = 0, 1, 1<<20, testAdminToken
	c.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	ctx, cancel := context.WithCancel(t.Context())
	ready, ended := make(chan server.Addresses, 1), make(chan error, 1)
	go func() { ended <- server.Run(ctx, c, func(a server.Addresses) { ready <- a }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	select {
	case a := <-ready:
		return a
	case err := <-ended:
		ended <- err
		t.Fatal(err)
	}
	return server.Addresses{}
}

// user runs azira user with words after it.
func user(t *testing.T, in string, words ...string) (string, error) {
	t.Helper()
	out, errs := &output{}, &output{}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	err := userCommand(ctx, words, newTerminal(strings.NewReader(in), out, errs))
	return out.String(), err
}

// userSteps are words for azira user, with _ for a blank, what it is given, and what it says.
var userSteps = []struct{ words, in, want string }{
	{"list", "", `(?s)^NAME +CREATED +STREAMS +LIMIT +STATE\nZoë B +2\d{3}-\S+Z +1 +default +enabled\n$`},
	{"limits Zoë_B --streams 7", "", `^Zoë B: Account limited\n$`},
	{"show Zoë_B", "", `(?s)limit +7\nsessions +2\nstreams +1\n.*STREAM .*\d+ .* 127\.0\.0\.1:\d+ +text +0 `},
	{"limits Zoë_B --streams=none", "", `limited`},
	{"--json show Zoë_B", "", `"streams_limit":0`},
	{"limits Zoë_B --streams=default", "", `limited`},
	{"list --json", "", `^\{"username":"Zoë B",.*"streams_limit":null,"streams":1\}\n$`},
	{"kick Zoë_B", "", `^Zoë B: Account kicked, streams closed: 1\n$`},
	{"logout Zoë_B", "", `logged out`},
	{"disable Zoë_B", "", `^Zoë B: Account disabled\n$`},
	{"list", "", `disabled\n$`},
	{"enable Zoë_B --json", "", `^\{"message":"Account enabled"\}\n$`},
	{"password Zoë_B --password-file -", "another password", `another password\n$`},
	{"delete Zoë_B --yes", "", `^Zoë B: Account deleted\n$`},
	{"list", "", `STATE\n$`},
}

// An operator's day: each verb does what it says, on a real server.
func TestUser(t *testing.T) {
	at := serveForUsers(t)
	t.Setenv("AZIRA_ADMIN_URL", at.Admin)
	t.Setenv("AZIRA_ADMIN_TOKEN", testAdminToken)
	t.Setenv("AZIRA_PASSWORD", "")
	auth, err := client.NewAuth("http://" + at.Public)
	if err != nil {
		t.Fatal(err)
	}
	defer auth.Close()
	const password = "a good password"
	if _, err := auth.Register(t.Context(), "Zoë B", password); err != nil {
		t.Fatal(err)
	}
	cred, err := auth.Login(t.Context(), "Zoë B", password)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := client.OpenStream(t.Context(), client.StreamOptions{
		Server: "http://" + at.Public, Bearer: client.Fixed(cred.Bearer)})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	for _, step := range userSteps {
		words := strings.Fields(step.words)
		for i := range words {
			words[i] = strings.ReplaceAll(words[i], "_", " ")
		}
		out, err := user(t, step.in, words...)
		if err != nil || !regexp.MustCompile(step.want).MatchString(out) {
			t.Errorf("%s: %v\n%s", step.words, err, out)
		}
	}
	for range stream.Ticks() {
	}
	var closed *client.CloseError
	if !errors.As(stream.Err(), &closed) || closed.Code != 3501 {
		t.Errorf("kicked: %v", stream.Err())
	}
	_, err = auth.Login(t.Context(), "Zoë B", "another password")
	if !errors.Is(err, client.ErrCredentials) {
		t.Errorf("deleted: %v", err)
	}
	if _, err := user(t, "", "show", "Zoë B"); err == nil || err.Error() != "No such account" {
		t.Errorf("unknown: %v", err)
	}
	if _, err := user(t, "short\n", "password", "x", "--password-file", "-"); err == nil ||
		!strings.Contains(err.Error(), "at least 8") {
		t.Errorf("short: %v", err)
	}
	t.Setenv("AZIRA_ADMIN_TOKEN", "")
	if _, err := user(t, "", "list"); err == nil || !strings.Contains(err.Error(), "AZIRA_ADMIN_TOKEN") {
		t.Errorf("no token: %v", err)
	}
}

func TestUserUsage(t *testing.T) {
	t.Setenv("AZIRA_ADMIN_URL", "")
	for words, want := range map[string]string{
		"":                          "expected one of list, show",
		"dance":                     `"dance" is none of list`,
		"list ann":                  "list takes no words",
		"show":                      "show takes one name",
		"show ann bob":              "show takes one name",
		"limits ann":                "expected --streams",
		"limits ann --streams -1":   "expected --streams",
		"limits ann --streams 0":    "expected --streams",
		"delete ann":                "give --yes",
		"password ann":              "no password",
		"list --admin ftp://x":      "expected a URL",
		"list --admin http://u:p@x": "expected a URL",
		"list --admin off":          "expected a URL",
		"list --admin http://x/api": "expected a URL",
		"list --nosuch":             "not defined",
	} {
		if _, err := user(t, "", strings.Fields(words)...); !errors.Is(err, errUsage) ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", words, err)
		}
	}
	if out, _ := user(t, "", "--help"); out != userHelp {
		t.Errorf("help: %s", out)
	}
	_, err := user(t, "", "list", "--admin", "127.0.0.1:1")
	if err == nil || !strings.Contains(err.Error(), "nobody listens at http://127.0.0.1:1") {
		t.Errorf("nobody there: %v", err)
	}
}

// What another program answers is told in words, and its token goes no further.
func TestUserAgainstOthers(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the redirect is followed, with %q", r.Header.Get("Authorization"))
	}))
	defer elsewhere.Close()
	answer := func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }
	other := httptest.NewServer(http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) { answer(w, r) }))
	defer other.Close()
	t.Setenv("AZIRA_ADMIN_URL", other.URL)
	t.Setenv("AZIRA_ADMIN_TOKEN", testAdminToken)
	fails := func(want string) {
		t.Helper()
		out, err := user(t, "", "list")
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), testAdminToken) {
			t.Errorf("%v, want %q\n%s", err, want, out)
		}
	}
	fails("has no such call")
	answer = func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
	}
	fails("answers 307")
	answer = func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		_ = json.NewEncoder(w).Encode(map[string]string{"detail": "later\x1b[2J"})
	}
	fails("later")
	answer = func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }
	fails("read answer")
}
