package main

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"azira/client"
)

// vendor runs azira vendor with words after it.
func vendor(t *testing.T, words string) (string, error) {
	t.Helper()
	list := strings.Fields(words)
	for i := range list {
		list[i] = strings.ReplaceAll(list[i], "_", " ")
	}
	out, errs := &output{}, &output{}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	err := vendorCommand(ctx, list, newTerminal(strings.NewReader(""), out, errs))
	return out.String(), err
}

// vendorSteps are words for azira vendor, with _ for a blank, and what it says.
var vendorSteps = []struct{ words, want string }{
	{"list", `^NAME +CLIENTS +KEYS +STREAMS +LIMIT +STATE\n$`},
	{"set Zoë_B --streams 7 --messages=100", `(?s)name +Zoë B\nstate +enabled\n.*streams +0 +limit 7\n.*messages +0/s +limit 100\n`},
	{"set Zoë_B --streams none --bytes 4096 --json", `"streams":null.*"messages_per_s":100,"bytes_per_s":4096`},
	{"list", `Zoë B +0 +0 +0 +none +enabled\n$`},
	{"join Zoë_B ann", `^ann: in the group of Zoë B, tickets: no\n$`},
	{"join Zoë_B ann --tickets", `tickets: yes\n$`},
	{"clients Zoë_B", `(?s)^NAME +JOINED +CREATED +TICKETS +STATE\nann +2\d{3}-\S+Z +no +yes +enabled\n$`},
	{"clients --json Zoë_B", `^\{"client":"ann",.*\}\n$`},
	{"join Zoë_B ann --tickets=false --json", `"tickets":false`},
	{"show Zoë_B", `(?s)clients +1\nkeys +0\n`},
	{"leave Zoë_B ann", `^ann: Client removed from the group\n$`},
	{"clients Zoë_B", `STATE\n$`},
	{"remove Zoë_B --yes", `^Zoë B: Vendor removed\n$`},
	{"list --json", `^$`},
}

func TestVendor(t *testing.T) {
	at := serveForUsers(t)
	t.Setenv("AZIRA_ADMIN_URL", at.Admin)
	t.Setenv("AZIRA_ADMIN_TOKEN", testAdminToken)
	auth, err := client.NewAuth("http://" + at.Public)
	if err != nil {
		t.Fatal(err)
	}
	defer auth.Close()
	for _, name := range []string{"Zoë B", "ann"} {
		if _, err := auth.Register(t.Context(), name, "a good password"); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range vendorSteps {
		out, err := vendor(t, step.words)
		if err != nil || !regexp.MustCompile(step.want).MatchString(out) {
			t.Errorf("%s: %v\n%s", step.words, err, out)
		}
	}
	for words, want := range map[string]string{
		"show ann":     "No such vendor",
		"set nobody":   "No such account",
		"join ann bob": "No such vendor",
		"clients ann":  "No such vendor",
	} {
		if out, err := vendor(t, words); err == nil || err.Error() != want || out != "" {
			t.Errorf("%s: %v, %q", words, err, out)
		}
	}
}

func TestVendorUsage(t *testing.T) {
	t.Setenv("AZIRA_ADMIN_URL", "")
	for words, want := range map[string]string{
		"":                     "expected one of list, show",
		"dance":                `"dance" is none of list`,
		"list ann":             "list takes no words",
		"show":                 "show takes one name",
		"join ann":             "join takes the names of",
		"leave ann bob cid":    "leave takes the names of",
		"set ann --streams 0":  "expected --streams N",
		"set ann --bytes many": "expected --bytes N",
		"remove ann":           "give --yes",
		"list --admin ftp://x": "expected a URL",
		"list --nosuch":        "not defined",
	} {
		if _, err := vendor(t, words); !errors.Is(err, errUsage) ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", words, err)
		}
	}
	if out, _ := vendor(t, "--help"); out != vendorHelp {
		t.Errorf("help: %s", out)
	}
}
