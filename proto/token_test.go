package proto

import (
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestCheckToken(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
	}{
		{"NSE:26009", nil},
		{"NIFTY 50", nil},
		{"a/b+c#d*~!\"\\", nil},
		{"日経225", nil},
		{strings.Repeat("x", 64), nil},
		{strings.Repeat("é", 32), nil},
		{"", ErrTokenEmpty},
		{strings.Repeat("x", 65), ErrTokenTooLong},
		{strings.Repeat("é", 33), ErrTokenTooLong},
		{" A", ErrTokenBlank},
		{"A ", ErrTokenBlank},
		{" ", ErrTokenBlank},
		{"A,B", ErrTokenByte},
		{"A|B", ErrTokenByte},
		{"A&B", ErrTokenByte},
		{"é&", ErrTokenByte},
		{"A\x00", ErrTokenByte},
		{"A\tB", ErrTokenByte},
		{"A\x7f", ErrTokenByte},
		{"A\u00a0", ErrTokenByte}, // a blank in disguise
		{"A\u202eB", ErrTokenByte},
		{"A\u2028B", ErrTokenByte},
		{"A\xff", ErrNotUTF8},
		{"\xc3", ErrNotUTF8},
	} {
		if err := CheckToken([]byte(c.name)); !errors.Is(err, c.err) {
			t.Errorf("CheckToken(%q) = %v, want %v", c.name, err, c.err)
		}
	}
}

func FuzzCheckToken(f *testing.F) {
	f.Add("NSE:26009")
	f.Add("日経 225")
	f.Add("A\u00a0B\xff")
	f.Fuzz(func(t *testing.T, name string) {
		want := len(name) > 0 && len(name) <= 64 && utf8.ValidString(name) &&
			strings.Trim(name, " ") == name && !strings.ContainsAny(name, ",|&")
		for _, r := range name {
			want = want && unicode.IsPrint(r)
		}
		if err := CheckToken([]byte(name)); (err == nil) != want {
			t.Fatalf("CheckToken(%q) = %v, want ok %v", name, err, want)
		}
	})
}
