package client

import (
	"iter"
	"slices"
	"strconv"
	"time"
)

// A request is one frame of ours that waits for its answer.
type request struct {
	// Fixed when it is sent.
	id     string // typed dialects
	verb   verb
	tokens []string
	all    bool             // unsubscribe: all tokens, whatever is in tokens
	o      SubscribeOptions // subscribe
	epoch  uint64           // resume: that of from
	from   []uint64         // resume: the last seq seen, by place in tokens
	bearer string           // renew

	message uint64 // acknowledge
	on      bool   // roster

	// Owned by the reader until the answer.
	ack    Ack
	answer chan answer // of one place
}

// An answer is what came of a request.
type answer struct {
	err  error
	ack  Ack    // typed: subscribe, unsubscribe, list
	last *frame // typed: the answer's last frame
	took time.Duration
}

// appendRequest writes {"op":…,"id":…} and what the verb needs.
func (x *typed) appendRequest(dst []byte, r *request) []byte {
	dst = append(append(dst, `{"op":"`...), r.verb...)
	dst = appendQuoted(append(dst, `","id":`...), r.id)
	switch r.verb {
	case subscribe:
		dst = appendOptions(dst, r.o)
		if r.from != nil {
			dst = appendFrom(dst, r)
		} else {
			dst = appendTokens(dst, r.tokens)
		}
	case unsubscribe:
		if r.all {
			dst = append(dst, `,"tokens":"*"`...)
		} else {
			dst = appendTokens(dst, r.tokens)
		}
	case renew:
		dst = appendQuoted(append(dst, `,"bearer":`...), r.bearer)
	case acknowledge:
		dst = strconv.AppendUint(append(dst, `,"message":`...), r.message, 10)
	case roster:
		dst = strconv.AppendBool(append(dst, `,"on":`...), r.on)
	}
	return append(dst, '}')
}

func appendOptions(dst []byte, o SubscribeOptions) []byte {
	if o.Mode == ModeLTP {
		dst = append(dst, `,"mode":"ltp"`...)
	}
	if o.MaxRate > 0 {
		dst = strconv.AppendFloat(append(dst, `,"max_rate":`...), o.MaxRate, 'f', -1, 64)
	}
	if o.NoSnapshot {
		dst = append(dst, `,"snapshot":false`...)
	}
	return dst
}

func appendTokens(dst []byte, tokens []string) []byte {
	dst = append(dst, `,"tokens":`...)
	for i, t := range tokens {
		dst = appendQuoted(append(dst, "[,"[min(i, 1)]), t)
	}
	return append(dst, ']')
}

func appendFrom(dst []byte, r *request) []byte {
	dst = strconv.AppendUint(append(dst, `,"epoch":`...), r.epoch, 10)
	dst = append(dst, `,"from":`...)
	for i, t := range r.tokens {
		dst = appendQuoted(append(dst, "{,"[min(i, 1)]), t)
		dst = strconv.AppendUint(append(dst, ':'), r.from[i], 10)
	}
	return append(dst, '}')
}

// appendQuoted writes s, which is valid UTF-8 without control characters, as a
// JSON string.
func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, s[i])
	}
	return append(dst, '"')
}

// bytesOf is what a token needs in a request, at most: its name with quotes and
// escapes, a seq, and what stands between.
func bytesOf(token string) int {
	n := len(token) + tokenBytesMore
	for i := range len(token) {
		if token[i] == '"' || token[i] == '\\' {
			n++
		}
	}
	return n
}

// split cuts tokens into requests of at most so many bytes of them.
func split(tokens []string, most int) iter.Seq[[]string] {
	return func(yield func([]string) bool) {
		from, size := 0, 0
		for i, t := range tokens {
			if size += bytesOf(t); size > most && i > from {
				if !yield(slices.Clone(tokens[from:i])) {
					return
				}
				from, size = i, bytesOf(t)
			}
		}
		if from < len(tokens) {
			yield(slices.Clone(tokens[from:]))
		}
	}
}
