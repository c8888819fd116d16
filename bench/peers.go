package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const (
	aziraName = "azira"
	allName   = "all"   // every peer there is
	floorName = "floor" // sends frames that it made before; they are only counted
	peersDir  = "bench/peers"
)

// A target is one kind of server that a run measures, or why it can't.
type target struct {
	name    string
	missing string // why it does not run on this machine; empty if it does
	program string // that peers are in

	// Of Azira.
	dialect string // of its clients; peers say theirs
	own     bool   // it is without settings of --also, in the first dialect
	front   bool   // nginx is in front of it

	// Of Azira with settings that --also gives.
	flags   []string
	environ []string

	cert *certificate // for TLS; nil is clear text
}

// azira says that it is one of ours, with whatever settings.
func (t *target) azira() bool { return t.dialect != "" }

// variant is Azira with other settings: words that begin with a dash and what
// follows are flags of serve, NAME=VALUE before them is environment, and a path
// before all is another build of it.
func variant(program, dialect, settings string) target {
	t := target{name: settings, program: program, dialect: dialect}
	for i, word := range strings.Fields(settings) {
		if i == 0 && strings.Contains(word, "/") && !strings.Contains(word, "=") {
			t.program = word
		} else if len(t.flags) == 0 && !strings.HasPrefix(word, "-") {
			t.environ = append(t.environ, word)
		} else {
			t.flags = append(t.flags, word)
		}
	}
	return t
}

// speaking is Azira in each dialect asked for.
func (c *RunConfig) speaking() (out []target) {
	for i, d := range c.dialects() {
		t := target{name: aziraName, program: c.Executable, dialect: d, own: i == 0}
		if len(c.dialects()) > 1 || d != dialectText {
			t.name += " " + d
		}
		out = append(out, t)
	}
	return out
}

// findTargets is Azira and the peers asked for. A peer that can't run is a target
// all the same: the report says so.
func (c *RunConfig) findTargets(ctx context.Context, temp string) []target {
	out := c.speaking()
	for _, settings := range c.Also {
		out = append(out, variant(c.Executable, out[0].dialect, settings))
	}
	if len(c.Against) == 0 {
		return out
	}
	program, err := c.findPeers(ctx, temp)
	var known []target
	if err == nil {
		known, err = listPeers(ctx, program)
	}
	var peers []target
	for _, name := range c.Against {
		switch {
		case err != nil:
			peers = append(peers, target{name: name, missing: err.Error()})
		case name == allName:
			peers = append(peers, known...)
		default:
			peers = append(peers, named(known, name))
		}
	}
	return append(out, distinct(peers)...)
}

// named is the peer of that name, or one that is missing.
func named(known []target, name string) target {
	for _, t := range known {
		if t.name == name {
			return t
		}
	}
	return target{name: name, missing: "no peer has this name"}
}

// distinct keeps the first target of each name.
func distinct(all []target) (out []target) {
	for _, t := range all {
		if !slices.ContainsFunc(out, func(o target) bool { return o.name == t.name }) {
			out = append(out, t)
		}
	}
	return out
}

// findPeers is the program of that flag, the one beside this, or one built from
// the source if that is below the current directory.
func (c *RunConfig) findPeers(ctx context.Context, temp string) (string, error) {
	if c.Peers != "" {
		return c.Peers, nil
	}
	beside := filepath.Join(filepath.Dir(c.Executable), "peers")
	if info, err := os.Stat(beside); err == nil && info.Mode().IsRegular() {
		return beside, nil
	}
	if _, err := os.Stat(filepath.Join(peersDir, "go.mod")); err != nil {
		return "", fmt.Errorf("no program %s, and no source in %s", beside, peersDir)
	}
	c.say("building %s", peersDir)
	built := filepath.Join(temp, "peers")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", built, ".")
	cmd.Dir = peersDir
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w: %.300s", peersDir, err, text)
	}
	return built, nil
}

// listPeers asks the program which peers there are, and why some can't run.
//
//	NAME ready|missing DIALECT WORDS
func listPeers(ctx context.Context, program string) (known []target, err error) {
	text, err := exec.CommandContext(ctx, program, "list").Output()
	if err != nil {
		return nil, fmt.Errorf("list peers: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		switch {
		case len(f) < 3:
		case f[1] == "ready":
			known = append(known, target{name: f[0], program: program})
		default:
			known = append(known, target{name: f[0], program: program,
				missing: strings.Join(f[3:], " ")})
		}
	}
	return known, nil
}

// kind says how the target is started.
func (t *target) kind(c *RunConfig, endpoint string, on cores) serverKind {
	k := serverKind{path: t.program, args: func(string) []string {
		return append([]string{t.name, "--listen", "127.0.0.1:0", "--feed", endpoint,
			"--clients", strconv.Itoa(c.Clients), "--per-send", strconv.Itoa(c.PerSend)},
			t.tlsFlags()...)
	}}
	if t.azira() {
		flags := slices.Concat(c.serveFlags(), t.tlsFlags(), t.flags)
		k = aziraKind(t.program, endpoint, flags...)
		k.environ = t.environ
	}
	k.cores = on
	if on != nil {
		k.procs = len(on)
	}
	return k
}

// serveFlags are what the scenario wants of azira serve besides. Who stalls is to
// stay: a server that closes them is rid of what they cost.
func (c *RunConfig) serveFlags() []string {
	if c.Kind == KindSlow {
		return []string{"--stall-timeout", "0"}
	}
	return nil
}
