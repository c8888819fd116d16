package web

import (
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"azira/client/js"
)

// texts are all files that are served, by name, and the pages.
func texts(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for name, f := range all() {
		found[name] = string(f.Body)
	}
	if len(found) < 40 {
		t.Fatalf("%d files", len(found))
	}
	return found
}

var (
	imported  = regexp.MustCompile(`(?m)^(?:import|export)\s[^;]*?from '([^']+)';`)
	linked    = regexp.MustCompile(`(?:src|href)="([^"]+)"`)
	asked     = regexp.MustCompile(`\$\('([a-z-]+)'\)|copy\('([a-z-]+)'\)`)
	inline    = regexp.MustCompile(`(?i)\sstyle=|\son[a-z]+=|<style|<script(?:[^>]*[^>/])?>[^<]|javascript:`)
	sinks     = regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function`)
	elsewhere = regexp.MustCompile(`https?://[^'"\s)]+`)
)

// What a module imports and a page links is served.
func TestEverythingIsThere(t *testing.T) {
	files := texts(t)
	for name, text := range files {
		for _, m := range imported.FindAllStringSubmatch(text, -1) {
			if to := path.Join(path.Dir(name), m[1]); files[to] == "" {
				t.Errorf("%s imports %s, which is not served", name, m[1])
			}
		}
		for _, m := range linked.FindAllStringSubmatch(text, -1) {
			if to, ok := strings.CutPrefix(m[1], "/console/"); m[1] != "/" && (!ok || files[to] == "") {
				t.Errorf("%s links %s, which is not served", name, m[1])
			}
		}
	}
}

// An element that a module asks for by its id is in a page.
func TestEveryIDIsThere(t *testing.T) {
	files := texts(t)
	pages := files[Index] + files[Operator]
	for name, text := range files {
		for _, m := range asked.FindAllStringSubmatch(text, -1) {
			if id := m[1] + m[2]; !strings.Contains(pages, `id="`+id+`"`) {
				t.Errorf("%s: no page has an element %s", name, id)
			}
		}
	}
}

// The policy allows nothing of the kind, and no file tries.
func TestNothingIsInlineOrFromElsewhere(t *testing.T) {
	for name, text := range texts(t) {
		if m := inline.FindString(text); m != "" && path.Ext(name) == ".html" {
			t.Errorf("%s: inline: %q", name, m)
		}
		if m := sinks.FindString(text); m != "" {
			t.Errorf("%s: %s", name, m)
		}
		for _, m := range elsewhere.FindAllString(text, -1) {
			if m != "http://www.w3.org/2000/svg" && !strings.HasPrefix(name, "client/") {
				t.Errorf("%s: %s", name, m)
			}
		}
	}
}

// The modules of the console keep the lengths that the module's Go files keep.
func TestLengths(t *testing.T) {
	for name, text := range texts(t) {
		lines := strings.Split(text, "\n")
		if len(lines) > 401 {
			t.Errorf("%s: %d lines", name, len(lines))
		}
		for i, l := range lines {
			if utf8.RuneCountInString(l) > 100 {
				t.Errorf("%s:%d: %d columns", name, i+1, utf8.RuneCountInString(l))
			}
		}
	}
}

func TestFind(t *testing.T) {
	f, ok := Find("client/index.js")
	if !ok || f.Type != "text/javascript; charset=utf-8" || !strings.HasPrefix(f.Tag, `W/"`) {
		t.Errorf("%v %q %q", ok, f.Type, f.Tag)
	}
	z, err := gzip.NewReader(bytes.NewReader(f.Packed))
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(z); err != nil || !bytes.Equal(body, f.Body) {
		t.Errorf("unpacked: %v", err)
	}
	for _, name := range []string{"", "web.go", "client/embed.go", "client/test/run.js", "client",
		"../web.go", "console/main.js", "/main.js"} {
		if _, ok := Find(name); ok {
			t.Errorf("%q is served", name)
		}
	}
	modules, err := fs.Glob(js.Files, "*.js")
	if err != nil || len(modules) < 20 {
		t.Errorf("the client has %d modules: %v", len(modules), err)
	}
}
