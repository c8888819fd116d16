package tidy

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

// root is the module's directory, seen from this package's.
const root = "../.."

func TestTidy(t *testing.T) {
	tr, err := load(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	if len(tr.modules) == 0 || !tr.has("internal/tidy/doc.go") {
		t.Fatal("this is not the module's root")
	}
	for _, f := range tr.check() {
		fmt.Fprintln(t.Output(), f)
		t.Fail()
	}
}

const (
	head  = "// Package p is.\npackage p\n"
	goMod = "module azira\n\nrequire example.com/m/v2 v2.0.1\n\nrequire (\n\tgolang.org/x/sys v0.1.0\n" +
		"\texample.com/far v1.0.0 // indirect\n)\n"
)

var long = strings.Repeat("x", lineColumnsMax)

func importing(names ...string) string {
	return head + "\nimport (\n\t_ \"" + strings.Join(names, "\"\n\t_ \"") + "\"\n)\n"
}

func function(lines int) string {
	return head + "\nfunc f() {\n" + strings.Repeat("\tg()\n", lines-2) + "}\n"
}

// trees each break one rule, or none. want is every fault there is to tell.
var trees = []struct {
	name  string
	files map[string]string
	want  string
}{
	{"clean", map[string]string{"proto/a.go": head}, ""},
	{"down", map[string]string{"engine/a.go": importing("azira/proto", "azira/ring")}, ""},
	{"all", map[string]string{"cmd/azira/a.go": importing("azira/engine", "azira/server")}, ""},
	{"up", map[string]string{"proto/a.go": importing("azira/feed", "fmt")},
		"proto/a.go:5: proto may not import feed: imports point down"},
	{"up in a test", map[string]string{"ring/a.go": head, "ring/a_test.go": importing("azira/engine")},
		"ring/a_test.go:5: ring may not import engine: imports point down"},
	{"the fleet", map[string]string{"bench/virtual.go": importing("azira/engine")}, ""},
	{"beside the fleet", map[string]string{"bench/run.go": importing("azira/engine")},
		"bench/run.go:5: bench may not import engine: imports point down"},
	{"stranger", map[string]string{"new/a.go": head},
		"new/a.go:1: package new is not in the table of packages"},
	{"module in two", map[string]string{"feed/a.go": importing("example.com/m/v2"),
		"feed/b.go": importing("example.com/m/v2/sub"), "feed/c_test.go": importing("example.com/m/v2")}, ""},
	{"module in three", map[string]string{"feed/a.go": importing("example.com/m/v2", "example.com/m/v2/x"),
		"feed/b.go": importing("example.com/m/v2/sub"), "feed/c.go": importing("example.com/m/v2")},
		"feed/c.go:1: example.com/m/v2 is imported by 3 files of the package, 2 allowed: " +
			"feed/a.go feed/b.go feed/c.go"},
	{"near standard", map[string]string{"feed/a.go": importing("golang.org/x/sys/unix"),
		"feed/b.go": importing("golang.org/x/sys/unix"), "feed/c.go": importing("golang.org/x/sys/unix")}, ""},
	{"no comment", map[string]string{"proto/a.go": "package p\n", "proto/a_test.go": head},
		"proto/a.go:1: package proto has no package comment"},
	{"vague", map[string]string{"proto/a.go": "// Package util is.\npackage util\n"},
		"proto/a.go:1: package name util says nothing"},
	{"long file", map[string]string{"proto/a.go": head + "\n" + strings.Repeat("//\n", fileLinesMax-2)},
		"proto/a.go:401: 401 lines in a file, 400 allowed"},
	{"full function", map[string]string{"proto/a.go": function(functionLinesMax)}, ""},
	{"long function", map[string]string{"proto/a.go": function(functionLinesMax + 1)},
		"proto/a.go:4: 61 lines in func f, 60 allowed"},
	{"wide", map[string]string{"proto/a.go": head + "\n//" + long + "\n"},
		"proto/a.go:4: 102 columns, 100 allowed"},
	{"tabs", map[string]string{"proto/a.go": head + "\nfunc f() {\n\t//" + long[5:] + "\n}\n"},
		"proto/a.go:5: 101 columns, 100 allowed"},
	{"wide URL", map[string]string{"proto/a.go": head + "\n// https://" + long + "\n"}, ""},
	{"wide tag", map[string]string{"proto/a.go": head +
		"\ntype t struct {\n\tf int `json:\"" + long + "\"`\n}\n"}, ""},
	{"wide test", map[string]string{"proto/a.go": head, "proto/a_test.go": "package p\n\n//" + long + "\n"}, ""},
	{"unformatted", map[string]string{"proto/a.go": head + "\nvar a  = 1\n"},
		"proto/a.go:4: not as gofmt would have it"},
	{"receiver", map[string]string{"proto/a.go": head + "\nfunc (this t) f() {}\n"},
		"proto/a.go:4: receiver this has more than 2 letters"},
	{"no Go", map[string]string{"proto/a.go": head, "proto/b.go": "package"},
		"proto/b.go:1: does not parse: proto/b.go:1:8: expected 'IDENT', found 'EOF'"},
	{"leftover", map[string]string{"Makefile": "a:\n\t# TO" + "DO: all\n"},
		"Makefile:2: TO" + "DO: finish it, or make it an issue"},
	{"path", map[string]string{"docs/a.md": "cd /wo" + "rk/main\n"},
		"docs/a.md:1: /wo" + "rk/ is a path of one machine"},
	{"link", map[string]string{"README.md": "[a](docs/a.md#x) [b](https://b) [c](#c)\n\n![d](d.png)\n",
		"docs/a.md": "[r](../README.md) [docs](.) [m](m.md)\n```\n[f](none)\n```\n"},
		"README.md:3: link to d.png, which is not there\ndocs/a.md:1: link to m.md, which is not there"},
	{"picture", map[string]string{"README.md": "![p](p.png)\n", "p.png": "\x00"}, ""},
	{"dependency", map[string]string{"docs/dependencies.md": "| example.com/m/v2 | v2.0.0 |\n" +
		"| golang.org/x/sys | v0.1.0 |\n"},
		"docs/dependencies.md:1: example.com/m/v2 v2.0.1 of go.mod is in no table"},
	{"nested module", map[string]string{"bench/peers/go.mod": "module p\n",
		"bench/peers/a.go": importing("azira/engine", "example.com/far"), "bench/peers/b.go": function(functionLinesMax + 1),
		"bench/peers/ws/node_modules/a.go": "?"},
		"bench/peers/b.go:4: 61 lines in func f, 60 allowed"},
	{"made", map[string]string{"azira": "XX" + "X", "bin/a.go": "?", ".git/x": "FIX" + "ME", "x": "\x00XX" + "X"}, ""},
}

// TestRules breaks each rule in a small tree and expects to be told of it, at
// the right place, and of nothing else.
func TestRules(t *testing.T) {
	for _, tt := range trees {
		fsys := fstest.MapFS{"go.mod": {Data: []byte(goMod)}}
		for name, text := range tt.files {
			fsys[name] = &fstest.MapFile{Data: []byte(text)}
		}
		tr, err := load(fsys)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range tr.check() {
			got = append(got, f.String())
		}
		if s := strings.Join(got, "\n"); s != tt.want {
			t.Errorf("%s:\n%s\nwant:\n%s", tt.name, s, tt.want)
		}
	}
}
