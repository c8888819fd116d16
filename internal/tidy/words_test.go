package tidy

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// The patterns are put together here, so that this file does not break its own rule.
var (
	leftover = regexp.MustCompile(`\b(` + "TO" + "DO|FIX" + "ME|X" + "XX" + `)\b`)
	machine  = regexp.MustCompile(`(^|[^\w.])(/` + `work/|/` + `tmp/azira|/` + `root/)`)
	link     = regexp.MustCompile(`\]\(<?([^)>\s]+)>?(?:\s+"[^"]*")?\)`)
	scheme   = regexp.MustCompile(`^[a-z]+:`)
)

// checkWords finds what someone meant to come back to, and what is true on one
// machine only.
func (t *tree) checkWords(f *file) {
	for i, l := range f.lines {
		if m := leftover.FindString(l); m != "" {
			t.report(f, i+1, "%s: finish it, or make it an issue", m)
		}
		if m := machine.FindStringSubmatch(l); m != nil {
			t.report(f, i+1, "%s is a path of one machine", m[2])
		}
	}
}

// checkLinks holds that the links of README.md and docs lead to files of the tree.
func (t *tree) checkLinks(f *file) {
	if f.name != "README.md" && !(strings.HasPrefix(f.name, "docs/") && path.Ext(f.name) == ".md") {
		return
	}
	fenced := false
	for i, l := range f.lines {
		if strings.HasPrefix(strings.TrimSpace(l), "```") {
			fenced = !fenced
		}
		if fenced {
			continue
		}
		for _, m := range link.FindAllStringSubmatch(l, -1) {
			target, _, _ := strings.Cut(m[1], "#")
			if target == "" || scheme.MatchString(target) {
				continue
			}
			if !t.has(path.Join(f.dir(), target)) {
				t.report(f, i+1, "link to %s, which is not there", m[1])
			}
		}
	}
}

// has says whether a file or a directory of that name is in the tree.
func (t *tree) has(name string) bool {
	for _, f := range t.files {
		if f.name == name || strings.HasPrefix(f.name, name+"/") {
			return true
		}
	}
	return name == "." || slices.Contains(t.others, name)
}
