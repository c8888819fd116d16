package main

import (
	"path/filepath"
	"testing"
)

func TestCheckAlso(t *testing.T) {
	for settings, good := range map[string]bool{
		"--batch-window 0": true, "GOGC=50": true, "GOGC=50 --loops 2": true, "/bin/sh --whatever": true,
		"": false, "--no-such-flag": false, "--batch-window xyz": false, "--batch-window": false,
		"bogus": false, "--listen 127.0.0.1:1": false, "-data=x": false, "./no/such/program": false,
	} {
		if err := checkAlso([]string{settings}); (err == nil) != good {
			t.Errorf("%q: %v", settings, err)
		}
	}
	if checkAlso([]string{"GOGC=50", "GOGC=50"}) == nil {
		t.Error("the same settings twice")
	}
}

func TestCheckReports(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	if err := checkReports(in("a.json"), in("a.html"), in("profiles")); err != nil {
		t.Error(err)
	}
	for _, names := range [][3]string{
		{in("no/a.json"), "", ""}, {"", in("no/a.html"), ""}, {in("a"), in("a"), ""},
		{"", "", in("a.json")}, // which is a file
	} {
		if checkReports(names[0], names[1], names[2]) == nil {
			t.Errorf("%v: no error", names)
		}
	}
}

func TestCommandLine(t *testing.T) {
	got := commandLine("azira bench run", []string{"hot", "--also", "--batch-window 0", "--against", "", "it's"})
	want := `azira bench run hot --also '--batch-window 0' --against '' 'it'\''s'`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
