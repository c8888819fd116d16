package proto

import (
	"encoding/binary"
	"unicode/utf8"
)

// Close codes of RFC 6455 (section 7.4.1), of its registry, and of ours.
const (
	CloseNormal    = 1000
	CloseGoingAway = 1001
	CloseProtocol  = 1002
	CloseNoStatus  = 1005 // never on the wire: a close frame without a code
	CloseAbnormal  = 1006 // never on the wire: the connection broke
	CloseNotUTF8   = 1007
	ClosePolicy    = 1008
	CloseTooBig    = 1009
	CloseInternal  = 1011
	CloseRestart   = 1012
	CloseTryLater  = 1013
	CloseExpired   = 3005 // the bearer ended
	CloseStalled   = 3008 // took no byte for too long
	CloseEnded     = 3501 // logged out, or the session was closed
	CloseFlooding  = 3503
	CloseReplaced  = 3507 // by a newer stream of the account

	CloseReasonBytesMax = controlPayloadBytesMax - 2
)

// AppendClose appends a close frame. A reason that is too long is cut at a rune.
func AppendClose(dst []byte, code int, reason string) []byte {
	if len(reason) > CloseReasonBytesMax {
		n := CloseReasonBytesMax
		for n > 0 && !utf8.RuneStart(reason[n]) {
			n--
		}
		reason = reason[:n]
	}
	dst = AppendHeader(dst, OpClose, 2+len(reason))
	return append(binary.BigEndian.AppendUint16(dst, uint16(code)), reason...)
}

// ParseClose reads the payload of a client's close frame; an empty one has the
// code CloseNoStatus. CloseCodeOf tells how to answer its error.
func ParseClose(p []byte) (code int, reason []byte, err error) {
	switch {
	case len(p) == 0:
		return CloseNoStatus, nil, nil
	case len(p) == 1:
		return 0, nil, errCloseFrame
	}
	code = int(binary.BigEndian.Uint16(p))
	switch {
	case !closeCodeAllowed(code):
		return 0, nil, errCloseFrame
	case !utf8.Valid(p[2:]):
		return 0, nil, errUTF8
	}
	return code, p[2:], nil
}

// closeCodeAllowed says which codes may be on the wire (RFC 6455, section 7.4.2).
func closeCodeAllowed(code int) bool {
	switch {
	case code == 1004 || code == CloseNoStatus || code == CloseAbnormal:
		return false
	}
	return code >= 1000 && code <= 1014 || code >= 3000 && code <= 4999
}

// CloseCodeOf returns the code with which a Decoder's error is to be answered,
// and what to say.
func CloseCodeOf(err error) (code int, reason string) {
	switch err {
	case errUTF8:
		return CloseNotUTF8, "text must be UTF-8"
	case errTooBig:
		return CloseTooBig, "message too big"
	case errUnmasked:
		return CloseProtocol, "client frames must be masked"
	case errFragments:
		return ClosePolicy, "too many fragments"
	}
	return CloseProtocol, "protocol error"
}

// HasClose says whether p, from the beginning of a client frame on, holds a
// close frame behind whole frames.
func HasClose(p []byte) bool {
	for {
		h, n, err := parseHeader(p)
		switch {
		case err != nil || n == 0:
			return false
		case h.op == OpClose:
			return true
		case h.length > uint64(len(p)-n):
			return false
		}
		p = p[n+int(h.length):]
	}
}
