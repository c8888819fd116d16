package server

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// An entry is one setting of a file.
type entry struct {
	name string
	text string
	line int
}

// parseFile reads a TOML text of flat keys, as name = value. It is strict: an
// unknown key, a table or a value of the wrong kind is a fault with its line.
func parseFile(text []byte) ([]entry, []Fault) {
	if bytes.HasPrefix(text, []byte("\xef\xbb\xbf")) {
		return nil, []Fault{{Line: 1,
			Text: "begins with a byte order mark: save the file as UTF-8 without one"}}
	}
	var syntax map[string]any
	if err := toml.Unmarshal(text, &syntax); err != nil {
		return nil, []Fault{syntaxFault(err)}
	}
	var entries []entry
	var faults []Fault
	seen := map[string]int{}
	var p unstable.Parser
	p.Reset(text)
	for p.NextExpression() {
		node := p.Expression()
		if node.Kind == unstable.Comment {
			continue
		}
		name, line := keyOf(text, node)
		e, why := entryOf(name, node, seen)
		if why != "" {
			faults = append(faults, Fault{Line: line, Name: clip(name, 80), Text: why})
			continue
		}
		e.line = line
		seen[e.name] = line
		entries = append(entries, e)
	}
	return entries, faults
}

func syntaxFault(err error) Fault {
	f := Fault{Text: strings.TrimPrefix(err.Error(), "toml: ")}
	var de *toml.DecodeError
	if errors.As(err, &de) {
		f.Line, _ = de.Position()
	}
	if strings.HasPrefix(f.Text, "expected newline but got") {
		f.Text += `: texts need quotes, as in listen = "127.0.0.1:8000"`
	}
	return f
}

// keyOf is the key of an expression as written, and its line.
func keyOf(text []byte, node *unstable.Node) (string, int) {
	var parts []string
	line := 0
	for it := node.Key(); it.Next(); {
		k := it.Node()
		if line == 0 {
			line = 1 + bytes.Count(text[:k.Raw.Offset], []byte("\n"))
		}
		parts = append(parts, string(k.Data))
	}
	return strings.Join(parts, "."), line
}

// entryOf checks one expression, or says why it can't be a setting.
func entryOf(key string, node *unstable.Node, seen map[string]int) (entry, string) {
	if node.Kind != unstable.KeyValue {
		return entry{}, "expected settings without tables, as in: listen = \"127.0.0.1:8000\""
	}
	name := strings.ReplaceAll(key, "_", "-")
	st := settingNamed(name)
	if st == nil {
		if near := nearest(name); near != "" {
			return entry{}, "unknown key; did you mean " + near + "?"
		}
		return entry{}, "unknown key"
	}
	if line, twice := seen[name]; twice {
		return entry{}, fmt.Sprintf("given already in line %d", line)
	}
	var scratch Config
	text, ok := valueText(node.Value(), st.bind(&scratch).kind())
	if !ok {
		return entry{}, "expected " + kindWords[st.bind(&scratch).kind()]
	}
	return entry{name: name, text: text}, ""
}

var kindWords = [...]string{
	kindText:   `a string, as in "…"`,
	kindBool:   "true or false",
	kindNumber: "a whole number",
	kindSize:   `a whole number of bytes or a string such as "64MiB"`,
	kindList:   `an array of strings, as in ["…", "…"]`,
}

// valueText is a value in the words of a flag, and whether it has the kind
// that the setting wants.
func valueText(v *unstable.Node, k kind) (string, bool) {
	switch v.Kind {
	case unstable.String:
		return string(v.Data), k == kindText || k == kindSize || k == kindList
	case unstable.Bool:
		return string(v.Data), k == kindBool
	case unstable.Integer:
		return strings.ReplaceAll(string(v.Data), "_", ""), k == kindNumber || k == kindSize
	case unstable.Array:
		return arrayText(v, k)
	}
	return "", false
}

func arrayText(v *unstable.Node, k kind) (string, bool) {
	var items []string
	for it := v.Children(); it.Next(); {
		item := it.Node()
		if item.Kind == unstable.Comment {
			continue
		}
		if item.Kind != unstable.String {
			return "", false
		}
		items = append(items, string(item.Data))
	}
	return strings.Join(items, ","), k == kindList
}
