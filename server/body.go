package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// fields is the JSON object of a request's body. The last of several fields
// of one name counts; names nobody asks for are ignored.
type fields map[string]json.RawMessage

// readFields reads a body that must be a JSON object. When it can't, the
// answer says why and ok is false.
func readFields(r *request) (f fields, a answer, ok bool) {
	return readFieldsUpTo(r, bodyBytesMax)
}

// readFieldsUpTo is readFields for a body of so many bytes at most.
func readFieldsUpTo(r *request, most int64) (f fields, a answer, ok bool) {
	switch kind := contentType(r.Header); {
	case kind == "", kind == "application/json", strings.HasSuffix(kind, "+json"):
	default:
		return nil, detail(http.StatusUnsupportedMediaType,
			"Unsupported Media Type: expected Content-Type: application/json"), false
	}
	text, a, ok := readBody(r, most)
	if !ok {
		return nil, a, false
	}
	return parseFields(text)
}

func parseFields(text []byte) (f fields, a answer, ok bool) {
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, unprocessable(missing("body")), false
	}
	if !utf8.Valid(text) {
		return nil, detail(http.StatusBadRequest, "There was an error parsing the body"), false
	}
	err := json.Unmarshal(text, &f)
	var se *json.SyntaxError
	switch {
	case errors.As(err, &se):
		return nil, unprocessable(wrong{[]any{"body", se.Offset},
			"body is not valid JSON", "value_error.jsondecode"}), false
	case err != nil || f == nil:
		return nil, unprocessable(wrong{[]any{"body"},
			"value is not a valid dict", "type_error.dict"}), false
	}
	return f, answer{}, true
}

// readBody is the whole body, when it is not too large and arrives in time.
func readBody(r *request, most int64) ([]byte, answer, bool) {
	if r.ContentLength > most {
		return nil, tooLarge(), false
	}
	text, err := io.ReadAll(http.MaxBytesReader(r.w, r.Body, most))
	var mbe *http.MaxBytesError
	switch {
	case errors.As(err, &mbe):
		return nil, tooLarge(), false
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, detail(http.StatusRequestTimeout, "The body did not come in time").
			with("Connection", "close"), false
	case err != nil:
		return nil, detail(http.StatusBadRequest, "There was an error reading the body"), false
	}
	return text, answer{}, true
}

func tooLarge() answer {
	return detail(http.StatusRequestEntityTooLarge, "Request body is too large").
		with("Connection", "close")
}

// texts takes the named fields, all of which must be strings. It finds every
// fault before it answers.
func (f fields) texts(names ...string) ([]string, answer, bool) {
	out := make([]string, len(names))
	var faults []wrong
	for i, name := range names {
		raw, there := f[name]
		if !there {
			faults = append(faults, missing("body", name))
			continue
		}
		text, fault := textOf(raw, name)
		if fault != nil {
			faults = append(faults, *fault)
		}
		out[i] = text
	}
	if len(faults) > 0 {
		return nil, unprocessable(faults...), false
	}
	return out, answer{}, true
}

// textOf is a JSON string without NUL and without half a surrogate pair,
// which would make two different texts one.
func textOf(raw json.RawMessage, name string) (string, *wrong) {
	if bytes.Equal(raw, []byte("null")) {
		return "", &wrong{[]any{"body", name},
			"none is not an allowed value", "type_error.none.not_allowed"}
	}
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return "", &wrong{[]any{"body", name}, "str type expected", "type_error.str"}
	}
	if unpaired(raw) || strings.ContainsRune(text, 0) {
		return "", &wrong{[]any{"body", name},
			"must not contain NUL or unpaired surrogates", "value_error.str.characters"}
	}
	return text, nil
}

const escapeBytes = len(`\u0000`)

// unpaired says whether a JSON string has half a surrogate pair, which encoding/json
// takes for U+FFFD.
func unpaired(raw []byte) bool {
	for {
		i := bytes.IndexByte(raw, '\\')
		if i < 0 || i+2 > len(raw) {
			return false
		}
		raw = raw[i:]
		r := escaped(raw)
		if r < 0 {
			raw = raw[2:]
			continue
		}
		raw = raw[escapeBytes:]
		if !utf16.IsSurrogate(r) {
			continue
		}
		if utf16.DecodeRune(r, escaped(raw)) == utf8.RuneError {
			return true
		}
		raw = raw[escapeBytes:]
	}
}

// escaped is the code unit that p begins with, if that is escaped by its number; else -1.
func escaped(p []byte) rune {
	if len(p) < escapeBytes || p[0] != '\\' || p[1] != 'u' {
		return -1
	}
	n, err := strconv.ParseUint(string(p[2:escapeBytes]), 16, 16)
	if err != nil {
		return -1
	}
	return rune(n)
}

func missing(loc ...any) wrong { return wrong{loc, "field required", "value_error.missing"} }

// readForm reads a body that is a form (RFC 6749 §4.3.2) or a JSON object, as
// fields of one value each.
func readForm(r *request) (fields, answer, bool) {
	if contentType(r.Header) != "application/x-www-form-urlencoded" {
		return readFields(r)
	}
	text, a, ok := readBody(r, bodyBytesMax)
	if !ok {
		return nil, a, false
	}
	values, err := url.ParseQuery(string(text))
	if err != nil {
		return nil, detail(http.StatusBadRequest, "There was an error parsing the body"), false
	}
	f := fields{}
	for name, vs := range values {
		last := vs[len(vs)-1]
		if !utf8.ValidString(last) {
			return nil, detail(http.StatusBadRequest, "There was an error parsing the body"), false
		}
		f[name] = mustJSON(last)
	}
	return f, answer{}, true
}

// contentType is the media type alone, in small letters; empty = none given.
func contentType(h http.Header) string {
	v := h.Get("Content-Type")
	if v == "" {
		return ""
	}
	kind, _, err := mime.ParseMediaType(v)
	if err != nil {
		return "invalid"
	}
	return kind
}
