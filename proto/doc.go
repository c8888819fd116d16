// Package proto holds the wire formats: the bus's ticks, WebSocket frames and
// the text dialect. It is pure: bytes in, bytes out, no sockets, no clocks.
//
// A server frame (RFC 6455, section 5.2) is never masked:
//
//	0        1                 2…9
//	┌────────┬─────────────────┬──────────┬─────────┐
//	│FIN  op │0  len 0…125     │ 2 or 8 B │ payload │   126: 2 bytes of length
//	└────────┴─────────────────┴──────────┴─────────┘   127: 8 bytes of length
//
// A client frame has bit 7 of the second byte set and four bytes of mask before
// its payload. Decoder turns client bytes into messages, in place where they
// came whole.
package proto
