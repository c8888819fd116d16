package client

import "time"

const (
	bodyBytesMax      = 1 << 20   // of an HTTP answer
	inboxBytesMax     = 16 << 20  // of one with a page of an inbox: 1 MiB, and escapes
	refusalBytesMax   = 16 << 10  // of the body of a refused upgrade
	detailBytesMax    = 512       // of the server's words kept in an error
	messageBytesMax   = 1 << 20   // of one WebSocket message, all fragments
	subscribeBytesMax = 128 << 10 // of one subscribe, unless the server says less
	requestBytesMax   = 4 << 10   // of any other request, likewise
	requestBytesRest  = 192       // of it for all but tokens
	tokenBytesMore    = 20        // of a token in a request beyond its name: "": and a seq
	controlBytesMax   = 125       // RFC 6455 §5.5
	readBufferBytes   = 64 << 10

	bufferDefault = 4096      // ticks that wait for a slow consumer in order
	namesMax      = 1 << 16   // token names a connection remembers to share their strings
	eventsMax     = 256       // events that wait for whoever takes them
	messagesMax   = 256       // messages that wait, of 32 KiB at most
	rosterMax     = 1 << 17   // clients in one roster
	numberMax     = 1<<53 - 1 // of the protocol's own numbers
	rateMin       = 0.1       // ticks per token and second
	rateMax       = 1000

	httpTimeout      = 15 * time.Second
	handshakeTimeout = 10 * time.Second // connect, TLS and upgrade together
	writeTimeout     = 10 * time.Second // one frame into the socket
	answerTimeout    = 30 * time.Second // a request's confirmation
	closeTimeout     = time.Second      // the peer's close frame, after ours
	idleTimeout      = 75 * time.Second // silence; the server pings every 25 s
	armParts         = 16               // of the idle time, until its deadline is set again
	backoffMin       = 250 * time.Millisecond
	backoffMax       = 15 * time.Second
	retryAfterMax    = 5 * time.Minute // a longer Retry-After is cut to this
	stableAfter      = 5 * time.Second // a connection this old starts the back-off anew
	renewBefore      = time.Minute     // a bearer's end
	beatMin          = 500 * time.Millisecond
	beatMax          = 30 * time.Second
	behindEvery      = 100 * time.Millisecond // a look at whether messages that were left have room
	beatsMissed      = 3                      // heartbeats without a frame: the connection is lost
	againMin         = 100 * time.Millisecond // after "too many requests"
)

// A ping may be missed, two may not.
const _ = uint(idleTimeout - 2*25*time.Second)
