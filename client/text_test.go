package client

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"unicode/utf8"
)

func TestTextParse(t *testing.T) {
	x := &text{names: map[string]string{}}
	ticks := map[string]string{
		`{"token":"NSE:26009","ltp":1}`:           "NSE:26009",
		`{ "token" : "NSE:26009" , "ltp":1}`:      "NSE:26009",
		`{"ltp":1,"token":"a & b"}`:               "a & b",
		`{"token":"a\u0041\"b"}`:                  `aA"b`,
		`{"tokenx":"no","token":"yes"}`:           "yes",
		`{"x":{"token":"inner"},"token":"outer"}`: "outer",
		`{"token":7}`:                             "",
		`{"ltp":1}`:                               "",
		`{`:                                       "",
	}
	for in, want := range ticks {
		e := x.parse([]byte(in), true)
		if e.kind != eventTick || e.tick.Token != want || string(e.tick.Data) != in {
			t.Errorf("%s: %+v", in, e)
		}
	}
	for _, in := range []string{"Subscribed to tokens: A, B", "Unsubscribed from tokens: A"} {
		if e := x.parse([]byte(in), true); e.kind != eventAnswer || e.answer != nil {
			t.Errorf("%s: %+v", in, e)
		}
	}
	refusals := map[string][]string{
		"Tokens not found: X, Y z": {"X", "Y z"},
		"Unknown action: foo":      nil,
		"Error: expected …":        nil,
	}
	for in, tokens := range refusals {
		var refused *RefusedError
		e := x.parse([]byte(in), true)
		if e.kind != eventAnswer || !errors.As(e.answer, &refused) ||
			!slices.Equal(refused.Tokens, tokens) || refused.Detail != in {
			t.Errorf("%s: %+v", in, e)
		}
	}
	for _, in := range []string{"", "hello", "[1]", "\xff"} {
		if e := x.parse([]byte(in), true); e.kind != eventNone {
			t.Errorf("%q: %+v", in, e)
		}
	}
}

func TestTextNamesShared(t *testing.T) {
	x := &text{names: map[string]string{}}
	p := []byte(`{"token":"NSE:26009","ltp":1}`)
	x.parse(p, true)
	if n := testing.AllocsPerRun(100, func() { x.parse(p, true) }); n != 0 {
		t.Errorf("%v allocations for a tick of a known token", n)
	}
}

// The short way to the token finds what the whole parse finds, wherever the
// data is JSON at all.
func FuzzText(f *testing.F) {
	f.Add([]byte(`{"token":"NSE:1","ltp":1}`))
	f.Add([]byte(`{"token":"\u0041"}`))
	f.Add([]byte("Tokens not found: A, B"))
	f.Add([]byte("Error: \x1b[2J"))
	f.Add([]byte(`{"type":"msg","id":7,"from":"a","ts":7,"kind":"","content":"\ud800"}`))
	f.Fuzz(func(t *testing.T, p []byte) {
		m := (&text{names: map[string]string{}, messages: true}).parse(p, true)
		if m.kind == eventMessage && (m.f == nil || m.f.From.name == "") {
			t.Fatalf("%s: %+v", p, m.f)
		}
		e := (&text{names: map[string]string{}}).parse(p, true)
		if refused, ok := e.answer.(*RefusedError); ok && !utf8.ValidString(refused.Detail) {
			t.Fatalf("detail %q", refused.Detail)
		}
		name, short := []byte(nil), false
		if e.kind == eventTick {
			name, short = leadingToken(p)
		}
		var whole map[string]json.RawMessage
		if !short || json.Unmarshal(p, &whole) != nil {
			return
		}
		var x text
		v, err := x.parser.ParseBytes(p)
		if err != nil {
			return
		}
		if got := v.GetStringBytes("token"); string(got) != string(name) {
			t.Fatalf("short way %q, whole parse %q", name, got)
		}
	})
}
