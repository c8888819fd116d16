package auth

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

func TestParseUsername(t *testing.T) {
	for raw, want := range map[string]string{
		"a": "a", "Ann": "Ann", "müller": "müller", "山田太郎": "山田太郎", "علي": "علي",
		"e\u0301": "é", "क्\u200dष": "क्\u200dष", "a b": "a b", "a,b|c&d": "a,b|c&d", "😀": "😀",
		strings.Repeat("界", 64):       strings.Repeat("界", 64),
		strings.Repeat("e\u0301", 64): strings.Repeat("é", 64), // 64 characters after NFC
	} {
		if got, err := ParseUsername(raw); got != want || err != nil {
			t.Errorf("%q: %q, %v", raw, got, err)
		}
	}
	for raw, msg := range map[string]string{
		"": "at least 1", strings.Repeat("a", 65): "at most 64",
		strings.Repeat("a", 1<<20): "at most 64", strings.Repeat("界", 65): "at most 64",
		" ": "blank", "\u3000\u00a0": "blank", "a/b": "/ + #", "a+b": "/ + #", "a#b": "/ + #",
		"a\x00": "control", "a\nb": "control", "\x7f": "control", "a\u0085b": "control",
		"a\u202eb": "control", "a\u2028": "control",
		"\xff": "UTF-8", "a\xed\xa0\x80": "UTF-8",
	} {
		_, err := ParseUsername(raw)
		var f *FieldError
		if !errors.Is(err, ErrUsername) || !errors.As(err, &f) ||
			!strings.Contains(f.Msg, msg) || f.Field != "username" || f.Type == "" {
			t.Errorf("%.20q: %v; want %q", raw, err, msg)
		}
	}
}

// Names that a path would lose are refused to new accounts.
func TestNamesThatPathsLose(t *testing.T) {
	s := serve(t, cheap())
	for _, name := range []string{".", "..", " ann", "ann ", "\u00a0ann", "ann\u3000"} {
		_, err := s.Register(bg, name, "long enough")
		var f *FieldError
		if !errors.Is(err, ErrUsername) || !errors.As(err, &f) || f.Field != "username" {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"...", ".ann", "an n"} {
		if _, err := s.Register(bg, name, "long enough"); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestPasswordBounds(t *testing.T) {
	s := serve(t, cheap())
	for n, ok := range map[int]bool{
		0: false, 7: false, 8: true, 73: true, 1024: true, 1025: false,
	} {
		p := strings.Repeat("\xff", n) // bytes, not characters
		_, err := s.Register(bg, "user"+strings.Repeat("x", n%50), p)
		var f *FieldError
		if ok && err != nil ||
			!ok && (!errors.Is(err, ErrPassword) || !errors.As(err, &f) || f.Field != "password") {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

func FuzzParseUsername(f *testing.F) {
	for _, s := range []string{"", "a", "e\u0301", "\xff", "a\u202e", "\u1100\u1161\u11a8", " a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		name, err := ParseUsername(raw)
		if err != nil {
			if !errors.Is(err, ErrUsername) || name != "" {
				t.Fatalf("%q: %q, %v", raw, name, err)
			}
			return
		}
		if again, err := ParseUsername(name); again != name || err != nil {
			t.Fatalf("%q is %q, then %q, %v", raw, name, again, err)
		}
		if n := utf8.RuneCountInString(name); n < 1 || n > nameRunesMax ||
			!norm.NFC.IsNormalString(name) || strings.ContainsAny(name, "/+#\x00\n") {
			t.Fatalf("%q accepted as %q", raw, name)
		}
	})
}
