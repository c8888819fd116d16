// Package feed is the ZeroMQ side: ticks in, ticks out, and the simulator
// that makes them.
//
//	PUB of a vendor ──▶ Subscriber ──▶ Sink (the engine)      azira serve
//
//	simulator │ replay ──▶ Publisher ──▶ any SUB              azira feed
//	                          ▲
//	REQ of a script ──▶ Control: addto_Feed, terminate
//
// On the wire it is ZMTP 3.0 with the NULL mechanism over tcp:// or ipc://
// (https://rfc.zeromq.org/spec/23/). After a greeting of 64 bytes and a READY
// command each way, everything is frames:
//
//	 0       1                 2 or 9
//	+-------+-----------------+----------------------
//	| flags | length, 1 or 8  | body
//	+-------+-----------------+----------------------
//	  bit 0: more frames of this message follow
//	  bit 1: the length has 8 bytes, big endian, instead of 1
//	  bit 2: a command, not a message
//
// The handshake is the zmq4 library's, fenced in handshake.go; the frames are
// read and written here, since a tick must cost neither an allocation nor a
// channel. Nobody is authenticated on this side: it belongs on loopback or a
// private network.
package feed
