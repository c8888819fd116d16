package main

import (
	"strings"
	"testing"
)

func TestKeyCommand(t *testing.T) {
	admin := adminServer(t, adminToken)
	t.Setenv("AZIRA_ADMIN_TOKEN", adminToken)
	run := func(args ...string) (int, string, string) {
		return runCommand(t.Context(), append([]string{"key", "--admin", admin}, args...)...)
	}
	_, first, _ := run("show")
	for _, want := range []struct{ args, verify string }{
		{"show", "1"}, {"rotate", "2"}, {"rotate", "3"}, {"show", "3"}, {"rotate --at-once", "1"},
	} {
		code, stdout, stderr := run(strings.Fields(want.args)...)
		if code != 0 || !strings.Contains(stdout, "\nverify  "+want.verify+"\n") ||
			!strings.HasPrefix(stdout, "signs   ") || !strings.HasSuffix(stdout, "with the data\n") {
			t.Errorf("%s: %d %q %q", want.args, code, stdout, stderr)
		}
	}
	if _, last, _ := run("show"); last == first {
		t.Error("the same key signs")
	}
	for _, args := range []string{"", "shew", "show x", "show --at-once", "rotate --now"} {
		if code, _, _ := run(strings.Fields(args)...); code != 2 {
			t.Errorf("%q: %d", args, code)
		}
	}
	if code, stdout, _ := run("--help"); code != 0 || !strings.Contains(stdout, "azira key rotate") {
		t.Errorf("help: %d %q", code, stdout)
	}
}
