package proto

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParseText(t *testing.T) {
	for _, c := range []struct{ in, answer string }{
		{"subscribe|A,B", "Subscribed to tokens: A, B"},
		{"subscribe| A , B ", "Subscribed to tokens: A, B"},
		{" subscribe |NSE:26009", "Subscribed to tokens: NSE:26009"},
		{"unsubscribe|A", "Unsubscribed from tokens: A"},
		{"subscribe|A|B", "Subscribed to tokens: A|B"},
		{"foo|A", "Unknown action: foo"},
		{"Subscribe|A", "Unknown action: Subscribe"},
		{"subscribe", string(expectedForm.Answer)},
		{"", string(expectedForm.Answer)},
		{"|A", string(expectedForm.Answer)},
		{"subscribe|", string(expectedName.Answer)},
		{"subscribe|A,,B", string(expectedName.Answer)},
		{"subscribe|A, ", string(expectedName.Answer)},
		{strings.Repeat("é", 100) + "|A", "Unknown action: " + strings.Repeat("é", 32) + "…"},
	} {
		if got := answerOf([]byte(c.in)); got != c.answer {
			t.Errorf("%q: %q, want %q", c.in, got, c.answer)
		}
	}
}

func answerOf(p []byte) string {
	req, err := ParseText(p)
	var fault TextFault
	switch {
	case errors.As(err, &fault):
		return string(fault.Answer)
	case req.Action == Subscribe:
		return string(AppendSubscribed(nil, req.Names))
	}
	return string(AppendUnsubscribed(nil, req.Names))
}

func TestNotFound(t *testing.T) {
	var f NotFound
	if f.Answer() != nil {
		t.Error("an answer without unknown tokens")
	}
	f.Add([]byte("X"))
	f.Add([]byte("Y"))
	if got := string(f.Answer()); got != "Tokens not found: X, Y" {
		t.Error(got)
	}
	var many NotFound
	for range 100 {
		many.Add([]byte(strings.Repeat("€", 700_000)))
	}
	if got := many.Answer(); len(got) > namesBytesMax+2*TokenBytesMax || !utf8.Valid(got) {
		t.Errorf("an answer of %d bytes", len(got))
	}
}

// FuzzText holds that every request has a bounded answer in UTF-8.
func FuzzText(f *testing.F) {
	f.Add("subscribe|A,B")
	f.Add("foo|A")
	f.Add("unsubscribe| ,")
	f.Fuzz(func(t *testing.T, in string) {
		if !utf8.ValidString(in) {
			return // refused by the decoder
		}
		got := answerOf([]byte(in))
		if got == "" || !utf8.ValidString(got) || len(got) > 2*len(in)+100 {
			t.Fatalf("%q: %q", in, got)
		}
	})
}
