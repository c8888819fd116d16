package main

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"azira/client"
)

func TestClientAccount(t *testing.T) {
	newFakeServer(t)
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(fakePassword+"\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, _, err := runWith(t, t.Context(), "", "register", "--user", "zoe", "--password-file", file)
	if err != nil || out != "registered \"zoe\"\n" {
		t.Fatalf("register: %q %v", out, err)
	}
	_, _, err = runWith(t, t.Context(), fakePassword, "register", "--user=zoe", "--password-file=-")
	if !errors.Is(err, client.ErrTaken) {
		t.Fatalf("register again: %v", err)
	}
	t.Setenv("AZIRA_PASSWORD", fakePassword)
	t.Setenv("AZIRA_USER", "zoe")
	out, _, err = runWith(t, t.Context(), "", "login")
	if err != nil || out != "jwt.x.y\n" {
		t.Fatalf("login: %q %v", out, err)
	}
	out, _, err = runWith(t, t.Context(), "", "login", "--json")
	if err != nil || !strings.Contains(out, `"refresh_token":"r"`) {
		t.Fatalf("login --json: %q %v", out, err)
	}
	t.Setenv("AZIRA_PASSWORD", "another password")
	_, _, err = runWith(t, t.Context(), "", "login")
	if !errors.Is(err, client.ErrCredentials) || strings.Contains(err.Error(), "another") {
		t.Fatalf("wrong password: %v", err)
	}
}

func TestClientUsage(t *testing.T) {
	newFakeServer(t)
	tests := []struct {
		args []string
		want string
	}{
		{[]string{"dance"}, `usage: "dance" is none of register, login, watch, send, inbox, bus`},
		{[]string{"login", "--password=secret"}, "usage: a password on the command line"},
		{[]string{"login", "-password", "secret"}, "usage: a password on the command line"},
		{[]string{"login", "--nosuch"}, "usage: flag provided but not defined: -nosuch"},
		{[]string{"login", "more"}, `usage: login takes no words but flags, got "more"`},
		{[]string{"login"}, "usage: no account named"},
		{[]string{"login", "--user", "zoe"}, "usage: no password"},
		{[]string{"watch"}, "usage: watch needs tokens"},
		{[]string{"send", "hi"}, "usage: send needs --to NAME"},
		{[]string{"send", "--to", "ana"}, "usage: send needs a text"},
		{[]string{"send", "-", "--to=ana", "--password-file", "-"}, "usage: standard input can't have both"},
		{[]string{"send", "hi", "--to=ana", "--reply-to=x"}, `usage: invalid value "x" for flag -reply-to`},
		{[]string{"inbox", "--ack", "--newest"}, "usage: --ack acknowledges all that is older too"},
		{[]string{"inbox", "all"}, `usage: inbox takes no words but flags, got "all"`},
		{[]string{"watch", "A", "--ack"}, "usage: --ack needs --dialect json or bin"},
		{[]string{"watch", "A", "--raw", "--table"}, "usage: --table and --raw exclude"},
		{[]string{"watch", "A", "--dialect", "xml"}, `usage: --dialect "xml" is none of text, json, bin`},
		{[]string{"watch", "A", "--dialect=json", "--mode=half"}, `usage: --mode "half" is none of full`},
		{[]string{"watch", "A", "--mode", "ltp"}, "usage: --mode and --max-rate need --dialect json"},
		{[]string{"watch", "A", "--max-rate", "1"}, "usage: --mode and --max-rate need --dialect json"},
		{[]string{"watch", "A", "--dialect=bin", "--raw"}, "usage: --raw needs the publisher's JSON"},
		{[]string{"bus", "--endpoint", "localhost"}, "client: endpoint must look like tcp://"},
		{[]string{"login", "--user", "z", "--password-file", "/nonexistent"}, "--password-file: open"},
	}
	for _, tt := range tests {
		_, _, err := runWith(t, t.Context(), "", tt.args...)
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%q: %v", tt.args, err)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: the error shows the password", tt.args)
		}
	}
	out, _, err := runWith(t, t.Context(), "", "watch", "--help")
	if !errors.Is(err, flag.ErrHelp) || !strings.Contains(out, "--password-file") {
		t.Errorf("help: %v\n%s", err, out)
	}
}

func TestClientWatch(t *testing.T) {
	f := newFakeServer(t)
	t.Setenv("AZIRA_PASSWORD", fakePassword)
	t.Setenv("AZIRA_USER", "zoe")
	for range 2 { // the second time the account is there
		out, _, err := runWith(t, t.Context(), "", "watch", "NSE:1", "--count", "3", "--register")
		lines := strings.Split(strings.TrimSpace(out), "\n")
		if err != nil || len(lines) != 3 || !strings.HasSuffix(lines[1], " NSE:1 ltp 1.25 bid 1 ask 2") {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	out, _, err := runWith(t, t.Context(), "", "watch", "--raw", "--count=2", "NSE:1")
	want := `{"token":"NSE:1","ltp":0.25,"bestbidprice":1,"bestaskprice":2}` + "\n" +
		`{"token":"NSE:1","ltp":1.25,"bestbidprice":1,"bestaskprice":2}` + "\n"
	if err != nil || out != want {
		t.Fatalf("raw: %v\n%s", err, out)
	}
	out, _, err = runWith(t, t.Context(), "", "watch", "--table", "--count=5", "NSE:1")
	if err != nil || !strings.Contains(out, "4.25 ▲ +4.00") {
		t.Fatalf("table: %v\n%s", err, out)
	}
	if f.logouts != 4 {
		t.Fatalf("%d logouts after 4 visits", f.logouts)
	}
}

func TestClientWatchRefused(t *testing.T) {
	f := newFakeServer(t)
	f.accounts["zoe"] = fakePassword
	t.Setenv("AZIRA_PASSWORD", fakePassword)
	t.Setenv("AZIRA_USER", "zoe")
	_, _, err := runWith(t, t.Context(), "", "watch", "NSE:2")
	if !errors.Is(err, client.ErrUnknownToken) || !strings.Contains(err.Error(), "NSE:2") {
		t.Errorf("unknown token: %v", err)
	}
	f.limit = true
	_, _, err = runWith(t, t.Context(), "", "watch", "NSE:1")
	if !errors.Is(err, client.ErrConnectionLimit) {
		t.Errorf("connection limit: %v", err)
	}
	_, _, err = runWith(t, t.Context(), "", "watch", "NSE:1", "--server", "http://127.0.0.1:1")
	if err == nil || err.Error() !=
		"nobody listens at http://127.0.0.1:1: start azira serve or azira demo, or give --server" {
		t.Errorf("nobody there: %v", err)
	}
}

func TestClientWatchInterrupted(t *testing.T) {
	f := newFakeServer(t)
	f.accounts["zoe"] = fakePassword
	t.Setenv("AZIRA_PASSWORD", fakePassword)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	out, _, err := runWith(t, ctx, "", "watch", "NSE:1", "--user", "zoe")
	if err != nil || !strings.Contains(out, "NSE:1 ltp") {
		t.Fatalf("%v\n%s", err, out)
	}
}

func TestClientMenu(t *testing.T) {
	f := newFakeServer(t)
	input := strings.Join([]string{
		"3",                      // not logged in yet
		"1", "zoe", fakePassword, // register
		"1", "zoe", fakePassword, // taken
		"2", "zoe", "no password", // refused
		"2", "zoe", fakePassword, // login
		"3", " NSE:1 ", "2", // two ticks
		"3", "NSE:7", "1", // unknown
		"3", "NSE:1", "many", // no number
		"9",      // no choice
		"5", "1", // nothing after exit is read
	}, "\n")
	out, _, err := runWith(t, t.Context(), input)
	if err != nil {
		t.Fatal(err)
	}
	at := 0
	for _, want := range []string{"5. Exit", "Log in first", `Registered "zoe"`,
		"Username already registered", "Invalid username or password", `Logged in as "zoe"`,
		"NSE:1 ltp 0.25", "NSE:1 ltp 1.25", "Tokens not found: NSE:7", `"many" is no number`,
		"Choose a number"} {
		i := strings.Index(out[at:], want)
		if i < 0 {
			t.Fatalf("no %q in its place:\n%s", want, out)
		}
		at += i
	}
	if strings.Count(out, "ltp") != 2 || f.logouts != 1 {
		t.Fatalf("%d logouts\n%s", f.logouts, out)
	}
}

func TestClientMenuEndOfInput(t *testing.T) {
	newFakeServer(t)
	for _, input := range []string{"", "1\n", "1\nzoe", "4\n\n", strings.Repeat("x", 1<<16)} {
		_, _, err := runWith(t, t.Context(), input)
		if err != nil && len(input) < 100 {
			t.Errorf("%q: %v", input, err)
		}
	}
}
