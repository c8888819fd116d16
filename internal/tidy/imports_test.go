package tidy

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// below says which packages of ours each package may import: the table of
// packages in docs/architecture.md. A package that is not named here is a fault.
var below = map[string][]string{
	"proto":              {},
	"ring":               {"internal/invariant"},
	"web":                {"client/js"},
	"client/js":          {},
	"store":              {"proto"},
	"inbox":              {"proto", "store"},
	"auth":               {"proto", "store"},
	"clock":              {},
	"presence":           {"proto", "store"},
	"feed":               {"proto"},
	"engine":             {"internal/invariant", "proto", "ring"},
	"client":             {"feed", "proto"},
	"bench":              {"client", "feed", "proto"},
	"server":             {"auth", "clock", "engine", "feed", "inbox", "presence", "proto", "store", "web"},
	"cmd/azira":          {"*"},
	"internal/invariant": {},
	"internal/soak":      {"client"},
	"internal/tidy":      {},
}

// alone are single files that may import more than their package.
var alone = map[string][]string{
	"bench/virtual.go":              {"engine"},             // simulated clients that cost no sockets
	"server/messages_crash_test.go": {"internal/invariant"}, // does less where all is slow
}

// filesMax is how many files of a package may import one third-party module.
const filesMax = 2

// nearStandard are modules that count as the standard library.
var nearStandard = []string{"golang.org/x/sys"}

// wider are the packages that need a module in more files than filesMax, and how many.
var wider = map[[2]string]int{}

func (t *tree) checkImports() {
	for f := range t.code {
		allowed, known := below[f.dir()]
		if !known {
			t.report(f, 1, "package %s is not in the table of packages", f.dir())
			continue
		}
		for _, im := range f.syntax.Imports {
			name, ours := strings.CutPrefix(importPath(im.Path.Value), modulePath+"/")
			switch {
			case !ours, name == f.dir(), slices.Contains(allowed, name),
				slices.Contains(allowed, "*"), slices.Contains(alone[f.name], name):
			default:
				t.report(f, f.line(im.Pos()), "%s may not import %s: imports point down",
					f.dir(), name)
			}
		}
	}
}

// checkModules holds that a third-party module can be replaced by changing a
// file or two of a package. Tests may use what they like.
func (t *tree) checkModules() {
	uses := map[[2]string][]*file{} // by package and module
	for f := range t.code {
		if f.isTest() {
			continue
		}
		for _, im := range f.syntax.Imports {
			m := t.moduleOf(importPath(im.Path.Value))
			key := [2]string{f.dir(), m}
			if m != "" && !slices.Contains(nearStandard, m) && !slices.Contains(uses[key], f) {
				uses[key] = append(uses[key], f)
			}
		}
	}
	for key, files := range uses {
		if most := cmp.Or(wider[key], filesMax); len(files) > most {
			var names []string
			for _, f := range files {
				names = append(names, f.name)
			}
			t.report(files[most], 1, "%s is imported by %d files of the package, %d allowed: %s",
				key[1], len(files), most, strings.Join(names, " "))
		}
	}
}

// moduleOf is the longest module of go.mod that an import path begins with.
func (t *tree) moduleOf(imported string) string {
	best := ""
	for _, m := range t.modules {
		if len(m) > len(best) && (imported == m || strings.HasPrefix(imported, m+"/")) {
			best = m
		}
	}
	return best
}

// checkDependencies holds that docs/dependencies.md names what go.mod requires
// directly, with its version.
func (t *tree) checkDependencies() {
	doc, mod := t.file("docs/dependencies.md"), t.file("go.mod")
	if doc == nil || mod == nil {
		return
	}
	for _, l := range mod.lines {
		module, version := requirement(l)
		row := "| " + module + " | " + version + " |"
		if module != "" && !strings.HasSuffix(l, "// indirect") && !strings.Contains(string(doc.text), row) {
			t.report(doc, 1, "%s %s of go.mod is in no table", module, version)
		}
	}
}

func importPath(quoted string) string {
	s, err := strconv.Unquote(quoted)
	if err != nil {
		panic("tidy: the parser let " + quoted + " pass")
	}
	return s
}
