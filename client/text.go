package client

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/valyala/fastjson"
)

// What the server says in the text dialect, besides ticks.
const (
	saysSubscribed    = "Subscribed to tokens: "
	saysUnsubscribed  = "Unsubscribed from tokens: "
	saysNotFound      = "Tokens not found: "
	saysUnknownAction = "Unknown action: "
	saysError         = "Error: "
	saysAcknowledged  = "Acknowledged messages up to: "
)

// text is the original's dialect:
//
//	subscribe|A,B ─▶   ◀─ Subscribed to tokens: A, B   ◀─ {"token":"A",…}
//
// Ticks are told from answers by their first byte, and messages, where they are wanted,
// from ticks by how they begin. Answers carry no id; they come in the order of the
// requests.
type text struct {
	parser   fastjson.Parser
	names    names
	messages bool // they come
}

// How the server begins what concerns messages.
const (
	beginsMessage = `{"type":"msg","id":`
	beginsMissed  = `{"type":"gap","dropped":`
)

func (x *text) appendRequest(dst []byte, r *request) []byte {
	dst = append(dst, r.verb...)
	dst = append(dst, '|')
	if r.verb == acknowledge {
		return strconv.AppendUint(dst, r.message, 10)
	}
	for i, t := range r.tokens {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, t...)
	}
	return dst
}

func (x *text) parse(p []byte, _ bool) event {
	if x.messages && (bytes.HasPrefix(p, []byte(beginsMessage)) ||
		bytes.HasPrefix(p, []byte(beginsMissed))) {
		f, kind := parseFrame(p)
		return event{kind: kind, f: f}
	}
	if len(p) > 0 && p[0] == '{' {
		return event{kind: eventTick, tick: Tick{Token: x.token(p), Data: p}}
	}
	words := string(p)
	switch {
	case strings.HasPrefix(words, saysSubscribed), strings.HasPrefix(words, saysUnsubscribed),
		strings.HasPrefix(words, saysAcknowledged):
		return event{kind: eventAnswer}
	case strings.HasPrefix(words, saysNotFound):
		unknown := strings.Split(words[len(saysNotFound):], ", ")
		for i := range unknown {
			unknown[i] = clean(unknown[i])
		}
		refused := &RefusedError{Tokens: unknown, Detail: clean(words)}
		return event{kind: eventAnswer, answer: refused}
	case strings.HasPrefix(words, saysUnknownAction), strings.HasPrefix(words, saysError):
		return event{kind: eventAnswer, answer: &RefusedError{Detail: clean(words)}}
	}
	return event{}
}

// token finds the "token" field of a tick: at its start, where the original's
// feed has it, else by parsing the whole object.
func (x *text) token(p []byte) string {
	if name, ok := leadingToken(p); ok {
		return x.names.share(name)
	}
	v, err := x.parser.ParseBytes(p)
	if err != nil {
		return ""
	}
	return x.names.share(v.GetStringBytes("token"))
}

// leadingToken reads X out of {"token":"X"…, blanks allowed, if X needs no
// unescaping.
func leadingToken(p []byte) ([]byte, bool) {
	p = bytes.TrimLeft(p[1:], " ")
	p, ok := bytes.CutPrefix(p, []byte(`"token"`))
	if !ok {
		return nil, false
	}
	p, ok = bytes.CutPrefix(bytes.TrimLeft(p, " "), []byte(":"))
	if !ok {
		return nil, false
	}
	p, ok = bytes.CutPrefix(bytes.TrimLeft(p, " "), []byte(`"`))
	if !ok {
		return nil, false
	}
	end := bytes.IndexAny(p, "\"\\")
	if end < 0 || p[end] == '\\' {
		return nil, false
	}
	return p[:end], true
}
