package main

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
)

// acceptSuffix is what RFC 6455 §4.2.2 has hashed behind the client's key.
const acceptSuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

var (
	headEnd  = []byte("\r\n\r\n")
	lineEnd  = []byte("\r\n")
	keyField = []byte("sec-websocket-key")
)

// answerHandshake returns the answer to the request at the start of p and the
// bytes after it; answer is nil while the request is incomplete. It asks for
// nothing but a key: path and credentials are ignored.
func answerHandshake(p []byte) (answer, rest []byte, err error) {
	at := bytes.Index(p, headEnd)
	if at < 0 {
		if len(p) > headBytesMax {
			return nil, nil, errHead
		}
		return nil, p, nil
	}
	for line := range bytes.SplitSeq(p[:at], lineEnd) {
		name, value, _ := bytes.Cut(line, []byte{':'})
		if bytes.EqualFold(name, keyField) {
			return appendAccept(nil, bytes.TrimSpace(value)), p[at+len(headEnd):], nil
		}
	}
	return nil, nil, errHead
}

func appendAccept(dst, key []byte) []byte {
	sum := sha1.Sum(append(bytes.Clone(key), acceptSuffix...))
	dst = append(dst, "HTTP/1.1 101 Switching Protocols\r\n"+
		"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "...)
	dst = base64.StdEncoding.AppendEncode(dst, sum[:])
	return append(dst, headEnd...)
}
