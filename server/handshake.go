package server

import (
	"crypto/sha1"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
)

// wsGUID is what a handshake's key is hashed with (RFC 6455 §1.3).
const wsGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

// handshake checks the opening request of a WebSocket (RFC 6455 §4.2.1) and
// returns its key. What is wrong becomes the answer.
func handshake(r *http.Request) (key string, a answer, ok bool) {
	bad := func(text string) (string, answer, bool) {
		return "", detail(http.StatusBadRequest, "Not a WebSocket handshake: "+text), false
	}
	h := r.Header
	switch {
	case r.Method != http.MethodGet:
		return bad("expected GET")
	case !hasToken(h["Upgrade"], "websocket"), !hasToken(h["Connection"], "upgrade"):
		return "", detail(http.StatusUpgradeRequired,
			"WebSocket required: expected Connection: Upgrade and Upgrade: websocket").
			with("Upgrade", "websocket").with("Connection", "Upgrade").
			with("Sec-WebSocket-Version", wsVersion), false
	case !r.ProtoAtLeast(1, 1):
		return bad("expected HTTP/1.1")
	case r.ContentLength > 0 || len(r.TransferEncoding) > 0:
		key, a, ok = bad("expected no body")
		return key, a.with("Connection", "close"), ok // whatever comes is not read
	}
	if v := h["Sec-Websocket-Version"]; len(v) != 1 || v[0] != wsVersion {
		return "", detail(http.StatusUpgradeRequired, "expected Sec-WebSocket-Version: 13").
			with("Sec-WebSocket-Version", wsVersion), false
	}
	keys := h["Sec-Websocket-Key"]
	if len(keys) != 1 {
		return bad("expected one Sec-WebSocket-Key")
	}
	if nonce, err := base64.StdEncoding.Strict().DecodeString(keys[0]); err != nil ||
		len(nonce) != wsKeyBytes || strings.ContainsAny(keys[0], "\r\n") {
		return bad("expected 16 bytes in base64 as Sec-WebSocket-Key")
	}
	return keys[0], answer{}, true
}

// hasToken finds a word in a comma-separated header, whatever its case.
func hasToken(lines []string, word string) bool {
	return slices.ContainsFunc(splitList(lines), func(item string) bool {
		return strings.EqualFold(item, word)
	})
}

// appendSwitch appends the answer that makes a connection a WebSocket. No extension
// is agreed to, and no subprotocol if that is empty.
func appendSwitch(dst []byte, key, protocol, took string) []byte {
	sum := sha1.Sum([]byte(key + wsGUID))
	dst = append(dst, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"+
		"Connection: Upgrade\r\nSec-WebSocket-Accept: "...)
	dst = base64.StdEncoding.AppendEncode(dst, sum[:])
	if protocol != "" {
		dst = append(dst, "\r\nSec-WebSocket-Protocol: "...)
		dst = append(dst, protocol...)
	}
	dst = append(dst, "\r\nX-Process-Time: "...)
	dst = append(dst, took...)
	return append(dst, "\r\n\r\n"...)
}
