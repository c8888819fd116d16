package tidy

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// A tree is the module as it lies on disk: what is tracked and what is merely
// present, but not what hides behind a dot or is made by running it.
type tree struct {
	files   []*file
	others  []string // files that are no text: pictures
	modules []string // third-party modules that go.mod names
	faults  []fault
}

// A file is one text file of the tree; syntax is nil unless it is Go that parses.
type file struct {
	name   string // with slashes, from the root
	text   []byte
	lines  []string
	tokens *token.FileSet
	syntax *ast.File
	nested bool // in a module inside this one: its form is held, its imports are its own
}

// A fault is one place that breaks a rule.
type fault struct {
	file string
	line int
	text string
}

func (f fault) String() string { return fmt.Sprintf("%s:%d: %s", f.file, f.line, f.text) }

// installedName is a directory of what a package manager brought.
const installedName = "node_modules"

// madeNames are files and directories that running the project leaves behind.
var madeNames = []string{"bin", "azira", "azira-data"}

// hiddenNames are those behind a dot that belong to the project all the same.
var hiddenNames = []string{".", ".ci", ".gitignore"}

const (
	modulePath   = "azira"
	fileBytesMax = 4 << 20 // larger ones, and those with a NUL, are no text
)

// load reads the tree and parses its Go; what does not parse is a fault.
func load(fsys fs.FS) (*tree, error) {
	t := &tree{}
	var nested []string // directories of modules inside this one
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := d.Name()
		hidden := strings.HasPrefix(base, ".") && !slices.Contains(hiddenNames, base)
		made := slices.Contains(madeNames, name)
		switch {
		case d.IsDir() && (hidden || made || base == installedName):
			return fs.SkipDir
		case d.IsDir() && name != ".":
			if _, err := fs.Stat(fsys, path.Join(name, "go.mod")); err == nil {
				nested = append(nested, name+"/")
			}
			return nil
		case d.IsDir() || hidden || made || !d.Type().IsRegular():
			return nil
		}
		return t.add(fsys, name)
	})
	for _, f := range t.files {
		f.nested = slices.ContainsFunc(nested, func(dir string) bool {
			return strings.HasPrefix(f.name, dir)
		})
	}
	return t, err
}

func (t *tree) add(fsys fs.FS, name string) error {
	p, err := fs.ReadFile(fsys, name)
	if err != nil {
		return fmt.Errorf("read file: %w", err)
	}
	if len(p) > fileBytesMax || bytes.IndexByte(p, 0) >= 0 {
		t.others = append(t.others, name)
		return nil
	}
	f := &file{name: name, text: p, tokens: token.NewFileSet()}
	f.lines = strings.Split(strings.TrimSuffix(string(p), "\n"), "\n")
	if name == "go.mod" {
		t.modules = modulesOf(f.lines)
	}
	if path.Ext(name) == ".go" {
		f.syntax, err = parser.ParseFile(f.tokens, name, p, parser.ParseComments)
		if err != nil {
			t.report(f, 1, "does not parse: %v", err)
			f.syntax = nil
		}
	}
	t.files = append(t.files, f)
	return nil
}

// modulesOf lists what the require lines of a go.mod name, whatever their version.
func modulesOf(lines []string) []string {
	var out []string
	for _, l := range lines {
		if m, _ := requirement(l); m != "" {
			out = append(out, m)
		}
	}
	return out
}

// requirement is the module and version that a line of go.mod requires, if any.
func requirement(l string) (module, version string) {
	words := strings.Fields(strings.TrimPrefix(strings.TrimSpace(l), "require "))
	if len(words) >= 2 && strings.Contains(words[0], ".") && strings.HasPrefix(words[1], "v") {
		return words[0], words[1]
	}
	return "", ""
}

func (t *tree) report(f *file, line int, form string, a ...any) {
	t.faults = append(t.faults, fault{f.name, line, fmt.Sprintf(form, a...)})
}

// check applies every rule and returns the faults in the order of files and lines.
func (t *tree) check() []fault {
	t.checkImports()
	t.checkModules()
	t.checkDependencies()
	t.checkPackages()
	for _, f := range t.files {
		t.checkShape(f)
		t.checkWords(f)
		t.checkLinks(f)
	}
	slices.SortStableFunc(t.faults, func(a, b fault) int {
		if c := strings.Compare(a.file, b.file); c != 0 {
			return c
		}
		return a.line - b.line
	})
	return t.faults
}

// file is the text file of that name, or nil.
func (t *tree) file(name string) *file {
	for _, f := range t.files {
		if f.name == name {
			return f
		}
	}
	return nil
}

// code yields the Go files of this module that parse.
func (t *tree) code(yield func(*file) bool) {
	for _, f := range t.files {
		if f.syntax != nil && !f.nested && !yield(f) {
			return
		}
	}
}

// dir is the package's directory, "." for the root.
func (f *file) dir() string { return path.Dir(f.name) }

// isTest says whether f is compiled for tests only.
func (f *file) isTest() bool { return strings.HasSuffix(f.name, "_test.go") }

func (f *file) line(p token.Pos) int { return f.tokens.Position(p).Line }
