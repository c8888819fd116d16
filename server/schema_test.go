package server

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// A document is one of those that describe the server, with schemas in the part of
// JSON Schema that fits knows. What a schema of an object does not name is a fault
// here, though clients are to ignore it: so nothing goes out that is not described.
type document map[string]any

func loadDocument(t *testing.T, text []byte) document {
	t.Helper()
	var d document
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// dig walks into JSON by names; nil where it ends.
func dig(v any, names ...string) any {
	for _, n := range names {
		m, _ := v.(map[string]any)
		v = m[n]
	}
	return v
}

// refer is what a $ref names; nil if it is not there.
func (d document) refer(ref string) any {
	path, inside := strings.CutPrefix(ref, "#/")
	if !inside {
		return nil
	}
	return dig(map[string]any(d), strings.Split(path, "/")...)
}

// keywords are those that fits holds a value to; remarks it passes over.
var (
	keywords = []string{"$ref", "type", "enum", "anyOf", "properties", "required", "items",
		"additionalProperties", "minItems", "minimum", "maximum", "minLength", "maxLength", "pattern"}
	remarks = []string{"description", "format"}
)

// fits checks a value against a schema.
func (d document) fits(schema, v any, at string) error {
	s, ok := schema.(map[string]any)
	if !ok {
		return fmt.Errorf("%s: no schema", at)
	}
	for name := range s {
		if !slices.Contains(keywords, name) && !slices.Contains(remarks, name) {
			return fmt.Errorf("%s: the tests know no keyword %s", at, name)
		}
	}
	if ref, ok := s["$ref"].(string); ok {
		return d.fits(d.refer(ref), v, at)
	}
	if some := asList(s["anyOf"]); some != nil && !slices.ContainsFunc(some, func(one any) bool {
		return d.fits(one, v, at) == nil
	}) {
		return fmt.Errorf("%s: %v is none of what it may be", at, v)
	}
	if err := fitsKind(s, v, at); err != nil {
		return err
	}
	for i, item := range asList(v) {
		if s["items"] == nil {
			break
		}
		if err := d.fits(s["items"], item, fmt.Sprintf("%s[%d]", at, i)); err != nil {
			return err
		}
	}
	if object, ok := v.(map[string]any); ok {
		return d.fitsObject(s, object, at)
	}
	return nil
}

func fitsKind(s map[string]any, v any, at string) error {
	kinds, several := s["type"].([]any)
	if !several {
		kinds = []any{s["type"]}
	}
	some := s["anyOf"] != nil && s["type"] == nil
	if !some && !slices.ContainsFunc(kinds, func(k any) bool { return isKind(k, v) }) {
		return fmt.Errorf("%s: %v is no %v", at, v, kinds)
	}
	if allowed, ok := s["enum"].([]any); ok && !slices.Contains(allowed, v) {
		return fmt.Errorf("%s: %v is none of %v", at, v, allowed)
	}
	bound := func(name string, n float64) bool {
		b, ok := s[name].(float64)
		return ok && (strings.HasPrefix(name, "min") && n < b || strings.HasPrefix(name, "max") && n > b)
	}
	bad := false
	switch v := v.(type) {
	case float64:
		bad = bound("minimum", v) || bound("maximum", v)
	case string:
		n := float64(utf8.RuneCountInString(v))
		pattern, _ := s["pattern"].(string)
		bad = bound("minLength", n) || bound("maxLength", n) ||
			!regexp.MustCompile(pattern).MatchString(v)
	case []any:
		bad = bound("minItems", float64(len(v)))
	}
	if bad {
		return fmt.Errorf("%s: %v is out of bounds", at, v)
	}
	return nil
}

func (d document) fitsObject(s, object map[string]any, at string) error {
	properties, closed := s["properties"].(map[string]any)
	for _, name := range asList(s["required"]) {
		if _, ok := object[name.(string)]; !ok {
			return fmt.Errorf("%s: lacks %s", at, name)
		}
	}
	for name, value := range object {
		schema := s["additionalProperties"]
		switch {
		case closed && properties[name] == nil:
			return fmt.Errorf("%s: %s is not described", at, name)
		case closed:
			schema = properties[name]
		case schema == nil:
			continue
		}
		if err := d.fits(schema, value, at+"."+name); err != nil {
			return err
		}
	}
	return nil
}

func asList(v any) []any { l, _ := v.([]any); return l }

func isKind(kind, v any) bool {
	switch v := v.(type) {
	case string:
		return kind == "string"
	case float64:
		return kind == "integer" && v == float64(int64(v)) || kind == "number"
	case bool:
		return kind == "boolean"
	case []any:
		return kind == "array"
	case map[string]any:
		return kind == "object"
	}
	return kind == "null"
}
