package auth

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// ParseUsername checks a username and returns it in NFC, the form in which
// usernames are compared, stored and shown: 1–64 characters of any script,
// not blank, without control and direction characters and without / + #. The
// error is a *FieldError.
func ParseUsername(raw string) (string, error) {
	switch {
	case raw == "":
		return "", badName("ensure this value has at least 1 characters",
			"value_error.any_str.min_length")
	case len(raw) > nameRawBytesMax:
		return "", nameTooLong()
	case !utf8.ValidString(raw):
		return "", badName("username is not valid UTF-8", "value_error.unicodedecode")
	}
	name := norm.NFC.String(raw)
	if utf8.RuneCountInString(name) > nameRunesMax {
		return "", nameTooLong()
	}
	if strings.TrimSpace(name) == "" {
		return "", badName("username must not be blank", "value_error")
	}
	if strings.ContainsAny(name, "/+#") {
		return "", badName("username must not contain / + #", "value_error")
	}
	if strings.IndexFunc(name, isControl) >= 0 {
		return "", badName("username must not contain control characters", "value_error")
	}
	return name, nil
}

// checkNewName refuses, for new accounts, names that don't survive in a path:
// clients and proxies take . and .. for steps, and trim blanks.
func checkNewName(name string) error {
	if name == "." || name == ".." {
		return badName("username must not be . or ..", "value_error")
	}
	if strings.TrimSpace(name) != name {
		return badName("username must not begin or end with a blank", "value_error")
	}
	if strings.IndexFunc(name, isInvisible) >= 0 {
		return badName("username must not contain invisible characters", "value_error")
	}
	return nil
}

// isInvisible finds what shows nothing, and with which two names would look alike. The
// joiners that Persian and the scripts of India spell with are none of it.
func isInvisible(r rune) bool {
	const zwnj, zwj = '\u200c', '\u200d'
	return r != zwnj && r != zwj && unicode.Is(unicode.Cf, r) &&
		!unicode.Is(unicode.Prepended_Concatenation_Mark, r)
}

// isControl also refuses line separators and what turns the direction of
// writing, with which one name could be shown as another.
func isControl(r rune) bool {
	return unicode.Is(unicode.Cc, r) || r == '\u2028' || r == '\u2029' ||
		unicode.Is(unicode.Bidi_Control, r)
}

func nameTooLong() error {
	return badName("ensure this value has at most 64 characters",
		"value_error.any_str.max_length")
}

func badName(msg, kind string) error {
	return &FieldError{Field: "username", Msg: msg, Type: kind, of: ErrUsername}
}

// checkPassword holds a new password to 8–1,024 bytes. Any bytes will do, and
// all of them count.
func checkPassword(p string) error {
	if len(p) < passwordBytesMin {
		return &FieldError{Field: "password", of: ErrPassword,
			Msg:  "ensure this value has at least 8 characters",
			Type: "value_error.any_str.min_length"}
	}
	if len(p) > passwordBytesMax {
		return &FieldError{Field: "password", of: ErrPassword,
			Msg:  "ensure this value has at most 1024 characters",
			Type: "value_error.any_str.max_length"}
	}
	return nil
}
