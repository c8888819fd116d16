package proto

// objectDepthMax bounds how deep arrays and objects of a tick may nest.
const objectDepthMax = 64

// isObject says whether p is one JSON object by RFC 8259 with nothing but white
// space around it, nested at most objectDepthMax deep. It does not look at
// UTF-8, which the caller checks by itself.
//
// Not fastjson.ValidateBytes, which is as strict: this allocates no error for
// bad bytes, which may come as fast as good ones, bounds the depth, and is faster.
//
// The skip functions below return the index after what they skipped, and
// false where p[i:] does not begin with it.
func isObject(p []byte) bool {
	i := skipBlanks(p, 0)
	if i == len(p) || p[i] != '{' {
		return false
	}
	i, ok := skipObject(p, i+1, objectDepthMax)
	return ok && skipBlanks(p, i) == len(p)
}

func skipBlanks(p []byte, i int) int {
	for i < len(p) && (p[i] == ' ' || p[i] == '\n' || p[i] == '\r' || p[i] == '\t') {
		i++
	}
	return i
}

// skipValue skips any value; depth is how many levels it may open.
func skipValue(p []byte, i, depth int) (int, bool) {
	if i == len(p) {
		return i, false
	}
	switch p[i] {
	case '"':
		return skipString(p, i+1)
	case '{':
		return skipObject(p, i+1, depth)
	case '[':
		return skipArray(p, i+1, depth)
	case 't':
		return skipWord(p, i, "true")
	case 'f':
		return skipWord(p, i, "false")
	case 'n':
		return skipWord(p, i, "null")
	}
	return skipNumber(p, i)
}

// skipObject skips the rest of an object whose brace was read.
func skipObject(p []byte, i, depth int) (int, bool) {
	i = skipBlanks(p, i)
	if i < len(p) && p[i] == '}' {
		return i + 1, depth > 0
	}
	for ok := depth > 0; ok; i = skipBlanks(p, i+1) {
		if i == len(p) || p[i] != '"' {
			return i, false
		}
		if i, ok = skipString(p, i+1); !ok {
			return i, false
		}
		i = skipBlanks(p, i)
		if i == len(p) || p[i] != ':' {
			return i, false
		}
		if i, ok = skipValue(p, skipBlanks(p, i+1), depth-1); !ok {
			return i, false
		}
		i = skipBlanks(p, i)
		if i == len(p) || p[i] != ',' {
			return i + 1, i < len(p) && p[i] == '}'
		}
	}
	return i, false
}

// skipArray skips the rest of an array whose bracket was read.
func skipArray(p []byte, i, depth int) (int, bool) {
	i = skipBlanks(p, i)
	if i < len(p) && p[i] == ']' {
		return i + 1, depth > 0
	}
	for ok := depth > 0; ok; i = skipBlanks(p, i+1) {
		if i, ok = skipValue(p, i, depth-1); !ok {
			return i, false
		}
		i = skipBlanks(p, i)
		if i == len(p) || p[i] != ',' {
			return i + 1, i < len(p) && p[i] == ']'
		}
	}
	return i, false
}

// skipString skips the rest of a string whose opening quote was read.
func skipString(p []byte, i int) (int, bool) {
	for i < len(p) {
		c := p[i]
		i++
		switch {
		case plainBytes[c]:
		case c == '"':
			return i, true
		case c != '\\' || i == len(p):
			return i, false
		default:
			n := escapeBytes[p[i]]
			if n == 0 || !areHex(p, i+1, int(n)-1) {
				return i, false
			}
			i += int(n)
		}
	}
	return i, false
}

func areHex(p []byte, i, n int) bool {
	if i+n > len(p) {
		return false
	}
	for _, c := range p[i : i+n] {
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
			return false
		}
	}
	return true
}

// skipNumber skips -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?
func skipNumber(p []byte, i int) (int, bool) {
	if i < len(p) && p[i] == '-' {
		i++
	}
	start := i
	i, ok := skipDigits(p, i)
	if !ok || p[start] == '0' && i > start+1 {
		return i, false
	}
	if i < len(p) && p[i] == '.' {
		if i, ok = skipDigits(p, i+1); !ok {
			return i, false
		}
	}
	if i < len(p) && p[i]|0x20 == 'e' {
		i++
		if i < len(p) && (p[i] == '+' || p[i] == '-') {
			i++
		}
		return skipDigits(p, i)
	}
	return i, true
}

func skipDigits(p []byte, i int) (int, bool) {
	start := i
	for i < len(p) && p[i]-'0' <= 9 {
		i++
	}
	return i, i > start
}

func skipWord(p []byte, i int, word string) (int, bool) {
	if len(p)-i < len(word) || string(p[i:i+len(word)]) != word {
		return i, false
	}
	return i + len(word), true
}

// plainBytes marks what stands for itself inside a string.
var plainBytes = func() (t [256]bool) {
	for c := 0x20; c < 256; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// escapeBytes has, by the byte after a backslash, the bytes from it to the escape's end.
var escapeBytes = [256]uint8{
	'"': 1, '\\': 1, '/': 1, 'b': 1, 'f': 1, 'n': 1, 'r': 1, 't': 1, 'u': 5,
}
