package client

import "time"

const (
	bodyBytesMax        = 1 << 20   // of an HTTP answer
	refusalBytesMax     = 16 << 10  // of the body of a refused upgrade
	detailBytesMax      = 512       // of the server's words kept in an error
	messageBytesMax     = 1 << 20   // of one WebSocket message, all fragments
	subscribeBytesMax   = 120 << 10 // of one subscribe; the server takes 128 KiB
	unsubscribeBytesMax = 4000      // of one unsubscribe; the server takes 4 KiB
	controlBytesMax     = 125       // RFC 6455 §5.5
	readBufferBytes     = 64 << 10

	bufferDefault = 4096    // ticks that wait for a slow consumer in order
	namesMax      = 1 << 16 // token names a connection remembers to share their strings

	httpTimeout      = 15 * time.Second
	handshakeTimeout = 10 * time.Second // connect, TLS and upgrade together
	writeTimeout     = 10 * time.Second // one frame into the socket
	answerTimeout    = 30 * time.Second // a request's confirmation
	closeTimeout     = time.Second      // the peer's close frame, after ours
	idleTimeout      = 75 * time.Second // silence; the server pings every 25 s
	backoffMin       = 250 * time.Millisecond
	backoffMax       = 15 * time.Second
	retryAfterMax    = 5 * time.Minute // a longer Retry-After is cut to this
	stableAfter      = 5 * time.Second // a connection this old starts the back-off anew
	renewBefore      = time.Minute     // a bearer's end
)

// A ping may be missed, two may not.
const _ = uint(idleTimeout - 2*25*time.Second)
