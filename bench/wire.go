package bench

import (
	"encoding/binary"
	"fmt"

	"azira/proto"
)

// Bits of a frame's header (RFC 6455 §5.2).
const (
	finBit  = 0x80
	maskBit = 0x80
)

// A wireFrame is one whole frame of a server.
type wireFrame struct {
	op      proto.Op
	payload []byte
}

// nextFrame takes a frame off the beginning of p and returns what follows it. ok
// is false while p holds no whole frame; rest is p then. No server here sends
// fragments, masks or reserved bits: they are errors.
func nextFrame(p []byte) (f wireFrame, rest []byte, ok bool, err error) {
	if len(p) < 2 {
		return f, p, false, nil
	}
	n, head := uint64(p[1]), 2
	switch {
	case n < 126:
	case n == 126:
		head = 4
	case n == 127:
		head = 10
	default: // masked
		return f, p, false, fmt.Errorf("%w: header %x", errFrame, p[:2])
	}
	f.op = proto.Op(p[0] &^ finBit)
	known := f.op == proto.OpText || f.op == proto.OpBinary ||
		f.op >= proto.OpClose && f.op <= proto.OpPong && n <= controlMax
	if p[0]&finBit == 0 || !known {
		return f, p, false, fmt.Errorf("%w: header %x", errFrame, p[:2])
	}
	if len(p) < head {
		return f, p, false, nil
	}
	switch head {
	case 4:
		n = uint64(binary.BigEndian.Uint16(p[2:]))
	case 10:
		n = binary.BigEndian.Uint64(p[2:])
	}
	if n > frameBytesMax {
		return f, p, false, fmt.Errorf("%w: %d bytes", errFrame, n)
	}
	if uint64(len(p)-head) < n {
		return f, p, false, nil
	}
	end := head + int(n)
	f.payload = p[head:end:end]
	return f, p[end:], true, nil
}

// closeReason is what a close frame says.
func closeReason(payload []byte) error {
	if len(payload) < 2 {
		return fmt.Errorf("%w: %d", errClosed, 1005) // RFC 6455 §7.1.5: none was given
	}
	return fmt.Errorf("%w: %d %s", errClosed, binary.BigEndian.Uint16(payload), payload[2:])
}

// appendClientFrame writes a frame with a mask, as a client's must have one; all
// zeros is as good as any here.
func appendClientFrame(dst []byte, op proto.Op, payload []byte) []byte {
	at := len(dst) + 1
	dst = proto.AppendHeader(dst, op, len(payload))
	dst[at] |= maskBit
	return append(append(dst, 0, 0, 0, 0), payload...)
}

// appendUpgrade asks for a stream of whoever the bearer names, or of nobody, in a
// subprotocol or none.
func appendUpgrade(dst []byte, path, addr, bearer, protocol string) []byte {
	dst = append(append(dst, "GET "+path...), " HTTP/1.1\r\nHost: "+addr+
		"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nUser-Agent: azira-bench\r\n"...)
	if bearer != "" {
		dst = append(dst, "Authorization: Bearer "+bearer+"\r\n"...)
	}
	if protocol != "" {
		dst = append(dst, "Sec-WebSocket-Protocol: "+protocol+"\r\n"...)
	}
	return append(dst, "\r\n"...)
}
