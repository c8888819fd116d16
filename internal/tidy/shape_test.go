package tidy

import (
	"bytes"
	"go/ast"
	"go/format"
	"slices"
	"strings"
	"unicode/utf8"
)

// Lengths. The width of lines is held outside tests, where a row of a table
// reads best as one line.
const (
	fileLinesMax     = 400
	functionLinesMax = 60
	lineColumnsMax   = 100
	tabColumns       = 4
	receiverMax      = 2 // letters
)

// vagueNames say nothing of what a package is for.
var vagueNames = []string{"util", "utils", "common", "types", "helpers", "pkg", "misc"}

// checkPackages holds that every package says what it is for, and by its name too.
func (t *tree) checkPackages() {
	first, said := map[string]*file{}, map[string]bool{}
	for f := range t.code {
		if _, seen := first[f.dir()]; !seen {
			first[f.dir()] = f
		}
		if f.syntax.Doc != nil && !f.isTest() {
			said[f.dir()] = true
		}
	}
	for dir, f := range first {
		if !said[dir] {
			t.report(f, 1, "package %s has no package comment", dir)
		}
		if slices.Contains(vagueNames, f.syntax.Name.Name) {
			t.report(f, 1, "package name %s says nothing", f.syntax.Name.Name)
		}
	}
}

func (t *tree) checkShape(f *file) {
	if f.syntax == nil {
		return
	}
	if n := len(f.lines); n > fileLinesMax {
		t.report(f, n, "%d lines in a file, %d allowed", n, fileLinesMax)
	}
	if formatted, err := format.Source(f.text); err != nil || !bytes.Equal(formatted, f.text) {
		t.report(f, firstDifference(f.text, formatted), "not as gofmt would have it")
	}
	if !f.isTest() {
		t.checkWidth(f)
	}
	for _, d := range f.syntax.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		at := f.line(fn.Pos())
		if n := f.line(fn.End()) - at + 1; n > functionLinesMax {
			t.report(f, at, "%d lines in func %s, %d allowed", n, fn.Name.Name, functionLinesMax)
		}
		if r := receiver(fn); utf8.RuneCountInString(r) > receiverMax {
			t.report(f, at, "receiver %s has more than %d letters", r, receiverMax)
		}
	}
}

func receiver(fn *ast.FuncDecl) string {
	if fn.Recv == nil || len(fn.Recv.List[0].Names) == 0 {
		return ""
	}
	return fn.Recv.List[0].Names[0].Name
}

// checkWidth leaves out what can't be broken: a URL, or the tag of a field.
func (t *tree) checkWidth(f *file) {
	tags := map[int]bool{}
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		if field, ok := n.(*ast.Field); ok && field.Tag != nil {
			tags[f.line(field.Tag.Pos())] = true
		}
		return true
	})
	for i, l := range f.lines {
		n := columns(l)
		if n > lineColumnsMax && !tags[i+1] && !strings.Contains(l, "https://") {
			t.report(f, i+1, "%d columns, %d allowed", n, lineColumnsMax)
		}
	}
}

// columns counts a tab as four.
func columns(l string) int {
	return utf8.RuneCountInString(l) + (tabColumns-1)*strings.Count(l, "\t")
}

// firstDifference is the line from which two texts differ.
func firstDifference(a, b []byte) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return 1 + bytes.Count(a[:n], []byte("\n"))
}
