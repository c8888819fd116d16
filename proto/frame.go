package proto

import (
	"encoding/binary"
	"errors"
)

// An Op is a WebSocket opcode (RFC 6455, section 11.8).
type Op byte

// The opcodes of RFC 6455; all others are reserved.
const (
	OpContinuation Op = 0x0
	OpText         Op = 0x1
	OpBinary       Op = 0x2
	OpClose        Op = 0x8
	OpPing         Op = 0x9
	OpPong         Op = 0xA
)

// Control says that op may interrupt a fragmented message.
func (op Op) Control() bool { return op&0x8 != 0 }

func (op Op) known() bool { return op <= OpBinary || op >= OpClose && op <= OpPong }

// Bits and bounds of a frame's header.
const (
	finBit  = 0x80
	rsvBits = 0x70
	opBits  = 0x0f
	maskBit = 0x80
	lenBits = 0x7f

	len16 = 126 // two bytes of length follow
	len64 = 127 // eight bytes of length follow

	headerBytesMax         = 14  // of a client frame: 2 + 8 + mask
	controlPayloadBytesMax = 125 // RFC 6455, section 5.5
)

var (
	errReserved   = errors.New("proto: reserved bit or opcode")
	errUnmasked   = errors.New("proto: client frame without mask")
	errControl    = errors.New("proto: fragmented or long control frame")
	errLength     = errors.New("proto: length not in its shortest form")
	errFragment   = errors.New("proto: continuation without a message, or a message inside another")
	errFragments  = errors.New("proto: too many fragments")
	errUTF8       = errors.New("proto: text is not UTF-8")
	errTooBig     = errors.New("proto: message too big")
	errCloseFrame = errors.New("proto: malformed close frame")
)

// FrameSize returns the bytes of a server frame with a payload of n bytes.
func FrameSize(n int) int { return headerSize(n) + n }

func headerSize(n int) int {
	switch {
	case n < len16:
		return 2
	case n <= 0xffff:
		return 4
	}
	return 10
}

// AppendHeader appends the header of an unfragmented server frame.
func AppendHeader(dst []byte, op Op, n int) []byte {
	switch {
	case n < len16:
		return append(dst, finBit|byte(op), byte(n))
	case n <= 0xffff:
		return binary.BigEndian.AppendUint16(append(dst, finBit|byte(op), len16), uint16(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, finBit|byte(op), len64), uint64(n))
}

// AppendFrame appends an unfragmented server frame.
func AppendFrame(dst []byte, op Op, payload []byte) []byte {
	return append(AppendHeader(dst, op, len(payload)), payload...)
}

// Payload returns the payload of a whole frame made by AppendFrame.
func Payload(frame []byte) []byte {
	switch frame[1] & lenBits {
	case len16:
		return frame[4:]
	case len64:
		return frame[10:]
	}
	return frame[2:]
}

// A header is the header of a client frame.
type header struct {
	fin    bool
	op     Op
	mask   [4]byte
	length uint64
}

// parseHeader reads a client frame's header. n is its size; 0 asks for more
// bytes, of which p holds fewer than headerBytesMax then.
func parseHeader(p []byte) (h header, n int, err error) {
	if len(p) < 2 {
		return h, 0, nil
	}
	h.fin, h.op = p[0]&finBit != 0, Op(p[0]&opBits)
	h.length = uint64(p[1] & lenBits)
	switch {
	case p[0]&rsvBits != 0 || !h.op.known():
		return h, 0, errReserved
	case p[1]&maskBit == 0:
		return h, 0, errUnmasked
	case h.op.Control() && (!h.fin || h.length > controlPayloadBytesMax):
		return h, 0, errControl
	}
	n = 2
	switch h.length {
	case len16:
		n = 4
	case len64:
		n = 10
	}
	if len(p) < n+4 {
		return h, 0, nil
	}
	switch n {
	case 4:
		h.length = uint64(binary.BigEndian.Uint16(p[2:]))
	case 10:
		h.length = binary.BigEndian.Uint64(p[2:])
	}
	if h.length>>63 != 0 || n > 2 && headerSize(int(h.length)) != n {
		return h, 0, errLength
	}
	copy(h.mask[:], p[n:])
	return h, n + 4, nil
}
