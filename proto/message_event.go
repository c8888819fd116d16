package proto

import (
	"encoding/base64"
	"unicode/utf8"
)

// An InboxMessage is a message to an account, as its streams get it.
type InboxMessage struct {
	ID      uint64 // Unix µs
	From    string
	Kind    string
	Content []byte
	ReplyTo uint64 // 0 = none
	Group   string // whose members it was sent to; empty = to this account
	Again   bool   // it may have been delivered before
}

// AppendMessage appends {"type":"msg",…}. Content that is not UTF-8 is base64, and
// encoding says so (PROTOCOL §8).
func AppendMessage(dst []byte, m *InboxMessage) []byte {
	dst = append(dst, `{"type":"msg",`...)
	dst = AppendMessageFields(dst, m)
	if m.Again {
		dst = append(dst, `,"redelivered":true`...)
	}
	return append(dst, '}')
}

// AppendMessageFields appends the fields of a message that an event and the history
// have in common.
func AppendMessageFields(dst []byte, m *InboxMessage) []byte {
	dst = appendUint(dst, `"id":`, m.ID)
	dst = append(dst, `,"from":`...)
	dst = AppendString(dst, m.From)
	dst = appendUint(dst, `,"ts":`, m.ID)
	dst = append(dst, `,"kind":`...)
	dst = AppendString(dst, m.Kind)
	if utf8.Valid(m.Content) {
		dst = append(dst, `,"content":`...)
		dst = AppendString(dst, m.Content)
	} else {
		dst = append(dst, `,"encoding":"base64","content":"`...)
		dst = append(base64.StdEncoding.AppendEncode(dst, m.Content), '"')
	}
	if m.ReplyTo > 0 {
		dst = appendUint(dst, `,"reply_to":`, m.ReplyTo)
	}
	if m.Group != "" {
		dst = append(dst, `,"group":`...)
		dst = AppendString(dst, m.Group)
	}
	return dst
}

// AppendDropped appends {"type":"gap",…}: messages that nobody acknowledged had to make
// room.
func AppendDropped(dst []byte, count uint64) []byte {
	return append(appendUint(dst, `{"type":"gap","dropped":`, count), '}')
}
