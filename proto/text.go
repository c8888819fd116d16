package proto

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

// The text dialect, in a client's words and the server's answers:
//
//	subscribe|A,B      Subscribed to tokens: A, B
//	subscribe|A,X      Tokens not found: X              and close 1008
//	unsubscribe|A      Unsubscribed from tokens: A
//	ack|ID             Acknowledged messages up to: ID   if the stream has messages
//	foo|A              Unknown action: foo
//	anything else      Error: …
//
// A tick is the publisher's JSON, unchanged, in a text frame.

// An Action is what a text request asks for.
type Action byte

// The actions of the text dialect.
const (
	Subscribe Action = iota + 1
	Unsubscribe
)

// A TextRequest is a parsed request of the text dialect.
type TextRequest struct {
	Action Action
	Names  []byte // tokens, separated by commas; none is empty
}

// A TextFault is a text request that can't be served: what to answer.
type TextFault struct{ Answer []byte }

func (f TextFault) Error() string { return "proto: " + string(f.Answer) }

// TextForm says which requests there are.
const TextForm = "expected subscribe|TOKEN,TOKEN or unsubscribe|TOKEN,TOKEN"

// Bounds of what an answer repeats of a request.
const (
	echoBytesMax  = 64
	namesBytesMax = 1 << 10
)

var (
	subscribeWord   = []byte("subscribe")
	unsubscribeWord = []byte("unsubscribe")

	// SubscribePrefix begins the only request that may be longer than others.
	SubscribePrefix = []byte("subscribe|")

	// AckPrefix begins the acknowledgement of messages, on streams that have some.
	AckPrefix = []byte("ack|")

	expectedForm = TextFault{[]byte("Error: " + TextForm)}
	expectedName = TextFault{[]byte("Error: empty token name; expected names separated by commas")}
)

// ParseText reads a request of the text dialect. Its error is a TextFault.
func ParseText(p []byte) (TextRequest, error) {
	word, names, found := bytes.Cut(p, []byte{'|'})
	word = bytes.TrimSpace(word)
	if !found || len(word) == 0 {
		return TextRequest{}, expectedForm
	}
	req := TextRequest{Names: names}
	switch {
	case bytes.Equal(word, subscribeWord):
		req.Action = Subscribe
	case bytes.Equal(word, unsubscribeWord):
		req.Action = Unsubscribe
	default:
		answer := appendCut([]byte("Unknown action: "), word, echoBytesMax)
		return TextRequest{}, TextFault{answer}
	}
	for rest := names; ; {
		name, more, ok := NextName(rest)
		if len(name) == 0 {
			return TextRequest{}, expectedName
		}
		if !ok {
			return req, nil
		}
		rest = more
	}
}

// ParseID reads the id of a message.
func ParseID(p []byte) (uint64, bool) {
	n, err := strconv.ParseUint(string(bytes.TrimSpace(p)), 10, 53)
	return n, err == nil && n > 0
}

// NextName returns the first of a list of names, trimmed, and the list after it;
// more is false at the last one.
func NextName(names []byte) (name, rest []byte, more bool) {
	name, rest, more = bytes.Cut(names, []byte{','})
	return bytes.TrimSpace(name), rest, more
}

// AppendSubscribed appends the answer to a subscribe that was served.
func AppendSubscribed(dst, names []byte) []byte {
	return appendNames(append(dst, "Subscribed to tokens: "...), names)
}

// AppendUnsubscribed appends the answer to an unsubscribe.
func AppendUnsubscribed(dst, names []byte) []byte {
	return appendNames(append(dst, "Unsubscribed from tokens: "...), names)
}

func appendNames(dst, names []byte) []byte {
	for more := true; more; {
		var name []byte
		name, names, more = NextName(names)
		dst = append(dst, name...)
		if more {
			dst = append(dst, ", "...)
		}
	}
	return dst
}

// A NotFound collects unknown tokens into the answer that refuses a subscribe.
// It repeats no more than namesBytesMax of what a client sent.
type NotFound struct {
	answer []byte
	more   int
}

// Add adds an unknown token's name.
func (f *NotFound) Add(name []byte) {
	switch {
	case f.answer == nil:
		f.answer = append(f.answer, "Tokens not found: "...)
	case len(f.answer) > namesBytesMax:
		f.more++
		return
	default:
		f.answer = append(f.answer, ", "...)
	}
	f.answer = appendCut(f.answer, name, TokenBytesMax)
}

// Answer returns the answer, nil if every token was found.
func (f *NotFound) Answer() []byte {
	if f.more > 0 {
		return append(f.answer, ", …"...)
	}
	return f.answer
}

// appendCut appends at most max bytes of p, cut at a rune and marked if cut.
func appendCut(dst, p []byte, max int) []byte {
	if len(p) <= max {
		return append(dst, p...)
	}
	for max > 0 && !utf8.RuneStart(p[max]) {
		max--
	}
	return append(append(dst, p[:max]...), "…"...)
}
