package server

import (
	"bytes"
	"crypto/tls"
	"reflect"
	"unsafe"
)

// A tls.Conn reads records into a buffer that grows to the largest there was, up to 17
// KiB, and never gives it back: with one long request, such as a subscribe to 3,000
// tokens, each stream would hold that for ever. Between records the buffer is empty and
// can go. crypto/tls has no way to say so; its fields are found by name and type, and
// where another Go has no such fields the buffer stays.
//
//	tls.Conn  … │ rawInput bytes.Buffer │ input bytes.Reader │ …
//	               records                 what was in the last one, in rawInput's memory
type tlsSlack struct {
	raw, input uintptr // offsets
	known      bool
}

var slack = findSlack(reflect.TypeFor[tls.Conn]())

func findSlack(conn reflect.Type) (s tlsSlack) {
	raw, ok := conn.FieldByName("rawInput")
	input, ok2 := conn.FieldByName("input")
	if ok && ok2 && raw.Type == reflect.TypeFor[bytes.Buffer]() &&
		input.Type == reflect.TypeFor[bytes.Reader]() {
		s = tlsSlack{raw.Offset, input.Offset, true}
	}
	return s
}

// release gives the buffer of a connection back if it is larger than most and empty. The
// connection's own goroutine, or loop, alone may call it, outside of Read.
func (s tlsSlack) release(c *tls.Conn, most int) {
	if !s.known {
		return
	}
	raw := (*bytes.Buffer)(unsafe.Add(unsafe.Pointer(c), s.raw))
	input := (*bytes.Reader)(unsafe.Add(unsafe.Pointer(c), s.input))
	if raw.Len() == 0 && input.Len() == 0 && raw.Cap() > most {
		*raw, *input = bytes.Buffer{}, bytes.Reader{}
	}
}
