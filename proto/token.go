package proto

import (
	"unicode"
	"unicode/utf8"
)

// TokenBytesMax bounds the name of a token, in bytes.
const TokenBytesMax = 64

// CheckToken says whether name may be a token's: nil, or what is wrong with it.
//
// A name is 1 to TokenBytesMax printable bytes of UTF-8 without comma, bar and
// ampersand, which separate names and commands elsewhere, and without a blank
// at either end. Blanks inside and the characters / + # are allowed.
func CheckToken(name []byte) error {
	switch {
	case len(name) == 0:
		return ErrTokenEmpty
	case len(name) > TokenBytesMax:
		return ErrTokenTooLong
	case name[0] == ' ' || name[len(name)-1] == ' ':
		return ErrTokenBlank
	}
	for _, c := range name {
		if tokenBytes[c] {
			continue
		}
		if c >= utf8.RuneSelf {
			return checkTokenRunes(name)
		}
		return ErrTokenByte
	}
	return nil
}

// checkTokenRunes judges a name with characters beyond ASCII: the rare case.
func checkTokenRunes(name []byte) error {
	if !utf8.Valid(name) {
		return ErrNotUTF8
	}
	for i := 0; i < len(name); {
		r, n := utf8.DecodeRune(name[i:])
		if r < utf8.RuneSelf && !tokenBytes[r] || !unicode.IsPrint(r) {
			return ErrTokenByte
		}
		i += n
	}
	return nil
}

// tokenBytes marks the ASCII bytes that a name may have.
var tokenBytes = func() (t [256]bool) {
	for c := ' '; c <= '~'; c++ {
		t[c] = c != ',' && c != '|' && c != '&'
	}
	return t
}()

// ClipName cuts what can't be a token's name, for being too long, to what an answer
// repeats of it: whole runes.
func ClipName(name []byte) []byte {
	if len(name) <= TokenBytesMax {
		return name
	}
	n := TokenBytesMax
	for n > 0 && !utf8.RuneStart(name[n]) {
		n--
	}
	return name[:n]
}
