package proto

import (
	"errors"
	"unicode/utf8"
)

// DataBytesMax bounds the JSON of one tick, in bytes.
const DataBytesMax = 16 << 10

// tickSeparator stands between a tick's topic and its JSON.
const tickSeparator = " & "

// Why a message of the feed is no tick. The feed counts each by itself.
var (
	ErrNoSeparator  = errors.New(`proto: no " & " between topic and JSON`)
	ErrTopicTooLong = errors.New("proto: topic over 64 bytes")
	ErrTopicName    = errors.New("proto: topic is no token name")
	ErrTooLarge     = errors.New("proto: JSON over 16 KiB")
	ErrNotUTF8      = errors.New("proto: not UTF-8")
	ErrNotObject    = errors.New("proto: not a JSON object")

	ErrTokenEmpty   = errors.New("proto: token name is empty")
	ErrTokenTooLong = errors.New("proto: token name over 64 bytes")
	ErrTokenBlank   = errors.New("proto: token name begins or ends with a blank")
	ErrTokenByte    = errors.New("proto: token name has , | & or something unprintable")
)

// SplitTick cuts a one-frame message `TOPIC & JSON` at its first " & ". Both
// parts alias msg and are unchecked; CheckTick judges them.
func SplitTick(msg []byte) (topic, data []byte, err error) {
	for i := 1; i+1 < len(msg); i++ {
		if msg[i] == '&' && msg[i-1] == ' ' && msg[i+1] == ' ' {
			return msg[: i-1 : i-1], msg[i+2:], nil
		}
	}
	return nil, nil, ErrNoSeparator
}

// AppendTick appends the one-frame message of a tick, SplitTick's opposite.
func AppendTick(dst, topic, data []byte) []byte {
	dst = append(dst, topic...)
	dst = append(dst, tickSeparator...)
	return append(dst, data...)
}

// CheckTick says whether a topic and its JSON may go to a client: nil, or the
// reason why not, one of the errors from ErrTopicTooLong to ErrNotObject.
//
// What passes is a token name, and one JSON object (RFC 8259, nothing beside
// it but white space) in UTF-8. Neither is changed or kept.
func CheckTick(topic, data []byte) error {
	switch {
	case len(topic) > TokenBytesMax:
		return ErrTopicTooLong
	case len(data) > DataBytesMax:
		return ErrTooLarge
	}
	if err := CheckToken(topic); err != nil {
		if err == ErrNotUTF8 {
			return err
		}
		return ErrTopicName
	}
	if !utf8.Valid(data) {
		return ErrNotUTF8
	}
	if !isObject(data) {
		return ErrNotObject
	}
	return nil
}
