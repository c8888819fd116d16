package proto

import "strconv"

// Events of the typed dialects but ticks, each one JSON object in a text frame. The
// functions append its payload.

// The subprotocols of the typed dialects.
const (
	ProtocolJSON   = "azira.v1.json"
	ProtocolBinary = "azira.v1.bin"
)

// Codes of the error event and of an ack's failures.
const (
	CodeInternal     = 100
	CodeUnauthorized = 101
	CodeUnknownToken = 102
	CodeDenied       = 103
	CodeLimit        = 106
	CodeBadRequest   = 107
	CodeUnknownOp    = 108
	CodeExpired      = 109
	CodeTooMany      = 111
)

// A Welcome is the first event of a stream.
type Welcome struct {
	Conn        string // the stream's id
	Username    string
	Epoch       int64 // the engine's start, Unix µs
	BeatMs      int   // between heartbeats
	ResumeS     int   // for about how long the ring remembers
	Tokens      int   // most a stream may hold
	Connections int   // most an account may have; 0 = any number
	PerSecond   int   // requests
	Burst       int   // requests
	FrameBytes  int   // of a request
	ListBytes   int   // of a subscribe
	WithinMs    int   // from a request's first byte to its last
	Refused     int   // requests refused in a row before the stream is closed
	ExpiresIn   int   // s until the bearer ends; negative = not known
}

// AppendWelcome appends {"type":"welcome",…}.
func AppendWelcome(dst []byte, w *Welcome) []byte {
	dst = append(dst, `{"type":"welcome","conn":`...)
	dst = AppendString(dst, w.Conn)
	dst = append(dst, `,"username":`...)
	dst = AppendString(dst, w.Username)
	dst = appendInt(dst, `,"epoch":`, w.Epoch)
	dst = appendInt(dst, `,"hb_ms":`, int64(w.BeatMs))
	dst = appendInt(dst, `,"resume_s":`, int64(w.ResumeS))
	dst = appendInt(dst, `,"limits":{"tokens":`, int64(w.Tokens))
	dst = appendInt(dst, `,"connections":`, int64(w.Connections))
	dst = appendInt(dst, `,"ops_per_s":`, int64(w.PerSecond))
	dst = appendInt(dst, `,"ops_burst":`, int64(w.Burst))
	dst = appendInt(dst, `,"frame_bytes":`, int64(w.FrameBytes))
	dst = appendInt(dst, `,"subscribe_bytes":`, int64(w.ListBytes))
	dst = appendInt(dst, `,"request_ms":`, int64(w.WithinMs))
	dst = appendInt(dst, `,"refused":`, int64(w.Refused))
	dst = append(dst, '}')
	return appendExpires(dst, w.ExpiresIn)
}

func appendExpires(dst []byte, seconds int) []byte {
	if seconds >= 0 {
		dst = appendInt(dst, `,"expires_in":`, int64(seconds))
	}
	return append(dst, '}')
}

// A Beat is what a heartbeat says.
type Beat struct {
	TS      int64  // Unix µs
	Sum     uint64 // of the last published seq of the stream's tokens
	Pending uint64 // ticks of them that max_rate holds back
	Feed    string // live, stale or down
	AgeMs   int64  // of the newest tick; negative = none yet
}

// AppendBeat appends {"type":"hb",…}.
func AppendBeat(dst []byte, b *Beat) []byte {
	dst = appendInt(dst, `{"type":"hb","ts":`, b.TS)
	dst = appendUint(dst, `,"sum":`, b.Sum)
	dst = appendUint(dst, `,"pending":`, b.Pending)
	dst = append(dst, `,"feed":"`...)
	dst = append(dst, b.Feed...)
	if b.AgeMs < 0 {
		return append(dst, `","age_ms":null}`...)
	}
	dst = appendInt(dst, `","age_ms":`, b.AgeMs)
	return append(dst, '}')
}

// AppendSkip appends {"type":"skip",…}: count ticks before seq were conflated away.
func AppendSkip(dst []byte, token string, count, seq uint64) []byte {
	dst = append(dst, `{"type":"skip","token":`...)
	dst = AppendString(dst, token)
	dst = appendUint(dst, `,"count":`, count)
	dst = appendUint(dst, `,"seq":`, seq)
	return append(dst, '}')
}

// Reasons of a gap.
const (
	GapRing  = "ring"  // the ring has moved on
	GapEpoch = "epoch" // another run of the server
	GapFeed  = "feed"  // the feed's own numbers have a hole
)

// AppendGap appends {"type":"gap",…}: the ticks from…to can't be had any more.
func AppendGap(dst []byte, token string, from, to uint64, reason string) []byte {
	dst = append(dst, `{"type":"gap","token":`...)
	dst = AppendString(dst, token)
	dst = appendUint(dst, `,"from":`, from)
	dst = appendUint(dst, `,"to":`, to)
	dst = append(dst, `,"reason":"`...)
	dst = append(dst, reason...)
	return append(dst, `"}`...)
}

// AppendPong appends {"type":"pong",…}; ts is Unix µs.
func AppendPong(dst, id []byte, ts int64) []byte {
	dst = appendID(append(dst, `{"type":"pong"`...), id)
	dst = appendInt(dst, `,"ts":`, ts)
	return append(dst, '}')
}

// AppendError appends {"type":"error",…}; retryMs is left out where it is 0.
func AppendError(dst, id []byte, code int, text string, retryMs int) []byte {
	dst = appendID(append(dst, `{"type":"error"`...), id)
	dst = appendInt(dst, `,"code":`, int64(code))
	dst = append(dst, `,"error":`...)
	dst = AppendString(dst, text)
	if retryMs > 0 {
		dst = appendInt(dst, `,"retry_ms":`, int64(retryMs))
	}
	return append(dst, '}')
}

// AppendDrain appends {"type":"drain",…}.
func AppendDrain(dst []byte, reconnectMs, deadlineMs int64) []byte {
	dst = appendInt(dst, `{"type":"drain","reconnect_after_ms":`, reconnectMs)
	dst = appendInt(dst, `,"deadline_ms":`, deadlineMs)
	return append(dst, '}')
}

// An ack is appended in parts: its head, tokens that are held, those that failed,
// and its end.
//
//	{"type":"ack","id":"r1","op":"subscribe","ok":[ held… ],"failed":[ failed… ],"count":…}

// AppendAckHead appends an ack up to the first token that is held.
func AppendAckHead(dst, id []byte, op Verb) []byte {
	dst = appendID(append(dst, `{"type":"ack"`...), id)
	dst = append(dst, `,"op":"`...)
	dst = append(dst, op.String()...)
	return append(dst, `","ok":[`...)
}

// AppendAckHeld appends a token that is held; seq is the baseline of the proof.
func AppendAckHeld(dst []byte, token string, ref uint32, seq uint64) []byte {
	dst = appendAckToken(dst, token)
	dst = appendUint(dst, `,"ref":`, uint64(ref))
	dst = appendUint(dst, `,"seq":`, seq)
	return append(dst, '}')
}

// AppendAckListed is AppendAckHeld with the token's options; windowMs is that of
// max_rate, 0 = none.
func AppendAckListed(
	dst []byte, token string, ref uint32, seq uint64, m Mode, windowMs int,
) []byte {
	dst = AppendAckHeld(dst, token, ref, seq)
	dst = append(dst[:len(dst)-1], `,"mode":"`...)
	dst = append(dst, m.String()...)
	dst = append(dst, '"')
	if windowMs > 0 {
		dst = append(dst, `,"max_rate":`...)
		dst = strconv.AppendFloat(dst, 1000/float64(windowMs), 'g', 7, 64)
	}
	return append(dst, '}')
}

// AppendAckTurn appends what is between the tokens that are held and those that
// failed.
func AppendAckTurn(dst []byte) []byte { return append(dst, `],"failed":[`...) }

// AppendAckFailed appends a token that failed.
func AppendAckFailed[T string | []byte](dst []byte, token T, code int, text string) []byte {
	dst = appendAckToken(dst, token)
	dst = appendInt(dst, `,"code":`, int64(code))
	dst = append(dst, `,"error":`...)
	return append(AppendString(dst, text), '}')
}

// AppendAckEnd ends an ack: count tokens are held, at most limit may be; more says
// that another piece follows.
func AppendAckEnd(dst []byte, count, limit int, more bool) []byte {
	dst = appendInt(dst, `],"count":`, int64(count))
	dst = appendInt(dst, `,"limit":`, int64(limit))
	if more {
		dst = append(dst, `,"more":true`...)
	}
	return append(dst, '}')
}

// AppendRenewed appends the ack of an auth: the new bearer's end is so many seconds
// away.
func AppendRenewed(dst, id []byte, count, limit, expiresIn int) []byte {
	dst = AppendAckTurn(AppendAckHead(dst, id, VerbAuth))
	dst = AppendAckEnd(dst, count, limit, false)
	return appendExpires(dst[:len(dst)-1], expiresIn)
}

// appendAckToken begins an entry of an ack, behind another if there is one.
func appendAckToken[T string | []byte](dst []byte, token T) []byte {
	if dst[len(dst)-1] == '}' {
		dst = append(dst, ',')
	}
	return AppendString(append(dst, `{"token":`...), token)
}

// appendID appends a request's id, which is JSON already, if it has one.
func appendID(dst, id []byte) []byte {
	if len(id) == 0 {
		return dst
	}
	return append(append(dst, `,"id":`...), id...)
}

func appendInt(dst []byte, name string, v int64) []byte {
	return strconv.AppendInt(append(dst, name...), v, 10)
}

func appendUint(dst []byte, name string, v uint64) []byte {
	return strconv.AppendUint(append(dst, name...), v, 10)
}
