package feed

import "encoding/binary"

// Flags of a ZMTP frame.
const (
	flagMore    = 1 << 0
	flagLong    = 1 << 1
	flagCommand = 1 << 2
)

// A frame is one ZMTP frame. Its body aliases the buffer it was parsed from.
type frame struct {
	flags byte
	size  uint64 // of the body, also where the body is too long to be had
	body  []byte
}

func (f *frame) more() bool    { return f.flags&flagMore != 0 }
func (f *frame) command() bool { return f.flags&flagCommand != 0 }

// parseFrame reads the frame at the start of p, which takes n bytes.
//
// errFrameShort: p ends before the frame does, and n is how much is needed, as
// far as known. errFrameBig: the body is over bodyMax; the header alone was
// read and takes n bytes. Any other error: what comes is not ZMTP.
func parseFrame(p []byte, bodyMax int) (f frame, n int, err error) {
	if len(p) < 2 {
		return f, 2, errFrameShort
	}
	f.flags, f.size, n = p[0], uint64(p[1]), 2
	switch f.flags {
	case 0, flagMore, flagCommand:
	case flagLong, flagLong | flagMore, flagLong | flagCommand:
		if len(p) < headerBytesMax {
			return f, headerBytesMax, errFrameShort
		}
		f.size, n = binary.BigEndian.Uint64(p[1:]), headerBytesMax
	default:
		return f, 0, errFrameFlags
	}
	if f.size > uint64(bodyMax) {
		if f.size > frameSkipBytesMax {
			return f, 0, errFrameLength
		}
		return f, n, errFrameBig
	}
	end := n + int(f.size)
	if len(p) < end {
		return f, end, errFrameShort
	}
	f.body = p[n:end:end]
	return f, end, nil
}

// appendHeader appends the header of a frame whose body has size bytes.
func appendHeader(dst []byte, flags byte, size int) []byte {
	if size < 256 {
		return append(dst, flags, byte(size))
	}
	dst = append(dst, flags|flagLong)
	return binary.BigEndian.AppendUint64(dst, uint64(size))
}

// appendFrame appends a whole frame.
func appendFrame(dst []byte, flags byte, body []byte) []byte {
	return append(appendHeader(dst, flags, len(body)), body...)
}

// appendPong appends the answer to a command, if it asks for one: libzmq with
// heartbeats sends PING (ttl 16 bits, context up to 16 bytes) to ZMTP 3.0 peers too
// and hangs up on those that keep silent. RFC 37.
func appendPong(dst, command []byte) []byte {
	const ping, ttlBytes, contextBytesMax = "\x04PING", 2, 16
	n := len(command) - len(ping) - ttlBytes
	if n < 0 || n > contextBytesMax || string(command[:len(ping)]) != ping {
		return dst
	}
	dst = appendHeader(dst, flagCommand, len("\x04PONG")+n)
	dst = append(dst, "\x04PONG"...)
	return append(dst, command[len(ping)+ttlBytes:]...)
}
