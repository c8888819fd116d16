package main

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"azira/server"
)

func deployed(t *testing.T, name string) string {
	t.Helper()
	p, err := os.ReadFile(filepath.Join("../../deploy", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(p)
}

// unitValues are the values of a key of a unit.
func unitValues(unit, key string) (out []string) {
	for line := range strings.Lines(unit) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), key+"="); ok {
			out = append(out, v)
		}
	}
	return out
}

// TestUnit holds the systemd unit to what the program takes: commands, flags, times.
func TestUnit(t *testing.T) {
	unit := deployed(t, "azira.service")
	starts := append(unitValues(unit, "ExecStart"), unitValues(unit, "ExecStartPre")...)
	if len(starts) != 2 {
		t.Fatalf("%q", starts)
	}
	for _, line := range starts {
		words := strings.Fields(line)
		switch words[1] {
		case "serve":
			args := append(words[2:], "--config", "../../deploy/azira.toml")
			if _, err := server.LoadConfig(args, nil, io.Discard); err != nil {
				t.Error(err)
			}
		case "checkconfig":
		default:
			t.Errorf("%q", line)
		}
	}
	stop, err := strconv.Atoi(unitValues(unit, "TimeoutStopSec")[0])
	least := server.Defaults().DrainWindow + 15*time.Second
	if err != nil || time.Duration(stop)*time.Second <= least {
		t.Errorf("TimeoutStopSec %d s, more than %v is needed", stop, least)
	}
	for key, want := range map[string]string{"Type": "notify", "DynamicUser": "yes",
		"NoNewPrivileges": "yes", "ProtectSystem": "strict", "MemoryDenyWriteExecute": "yes"} {
		if got := unitValues(unit, key); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %q", key, got)
		}
	}
}

// TestUnitAnalyzed has systemd look at the unit, where there is one.
func TestUnitAnalyzed(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("there is no systemd-analyze")
	}
	unit := strings.ReplaceAll(deployed(t, "azira.service"), "/usr/local/bin/azira", "/bin/true")
	name := filepath.Join(t.TempDir(), "azira.service")
	if err := os.WriteFile(name, []byte(unit), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"verify", name}, {"security", "--offline=yes", "--threshold=15", "--no-pager", name},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		out, err := exec.CommandContext(ctx, analyze, args...).CombinedOutput()
		cancel()
		if text := string(out); strings.Contains(text, "Unknown command verb") ||
			strings.Contains(text, "unrecognized option") {
			t.Skip("this one is too old")
		}
		if err != nil || args[0] == "verify" && len(out) > 0 {
			t.Errorf("%s: %v\n%s", args[0], err, out)
		}
	}
}

// TestDockerfile holds what an image must be: built from a fixed toolchain that is new
// enough, without anything but the program, not run by root, and asked how it does by
// commands that the program has.
func TestDockerfile(t *testing.T) {
	var froms []string
	last := map[string]string{} // instructions of the last stage
	text := strings.ReplaceAll(deployed(t, "Dockerfile"), "\\\n", " ")
	for line := range strings.Lines(text) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if word == "FROM" {
			froms = append(froms, rest)
			clear(last)
		}
		last[word] = rest
	}
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	needs := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(string(mod))[1]
	if len(froms) != 2 || !regexp.MustCompile(`^golang:`+regexp.QuoteMeta(needs)+`\.\d+-\w+ AS build$`).
		MatchString(froms[0]) || froms[1] != "scratch" {
		t.Errorf("FROM %q, go.mod needs %s", froms, needs)
	}
	if !regexp.MustCompile(`^[1-9]\d*:[1-9]\d*$`).MatchString(last["USER"]) {
		t.Errorf("USER %s", last["USER"])
	}
	if last["ENTRYPOINT"] != `["/azira"]` || last["CMD"] != `["serve"]` ||
		!strings.HasSuffix(last["HEALTHCHECK"], ` CMD ["/azira", "health"]`) {
		t.Errorf("%q", last)
	}
	var env []string
	for _, kv := range strings.Fields(last["ENV"]) {
		env = append(env, kv)
	}
	if c, err := server.LoadConfig(nil, env, io.Discard); err != nil || len(c.Warnings) > 0 {
		t.Errorf("ENV: %v %q", err, c.Warnings)
	}
	if !strings.Contains(text, "CGO_ENABLED=0 go build") {
		t.Error("not a static build")
	}
}

// TestAlerts has Prometheus' own tool check the rules, and when they fire, where it is
// there. Each rule has such a test in any case.
func TestAlerts(t *testing.T) {
	tests := deployed(t, "alerts_test.yml")
	rules := regexp.MustCompile(`(?m)^ +- alert: (\w+)$`).FindAllStringSubmatch(
		deployed(t, "alerts.yml"), -1)
	if len(rules) < 20 {
		t.Fatalf("%d rules", len(rules))
	}
	for _, r := range rules {
		if !strings.Contains(tests, `alertname="`+r[1]+`"`) {
			t.Errorf("%s: nothing holds when it fires", r[1])
		}
	}
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("there is no promtool")
	}
	for _, args := range [][]string{
		{"check", "rules", "alerts.yml"}, {"test", "rules", "alerts_test.yml"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		cmd := exec.CommandContext(ctx, promtool, args...)
		cmd.Dir = "../../deploy"
		out, err := cmd.CombinedOutput()
		cancel()
		if err != nil {
			t.Errorf("%q: %v\n%s", args, err, out)
		}
	}
}

// TestSysctl holds that each kernel setting has its line in docs/kernel.md.
func TestSysctl(t *testing.T) {
	doc, err := os.ReadFile("../../docs/kernel.md")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(deployed(t, "99-azira.conf")) {
		key, _, ok := strings.Cut(line, " = ")
		if !ok || strings.HasPrefix(key, "#") {
			continue
		}
		if n++; !strings.Contains(string(doc), "`"+key+"`") {
			t.Errorf("%s is not explained", key)
		}
	}
	if n == 0 {
		t.Error("no settings")
	}
}
