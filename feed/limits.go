package feed

import (
	"time"

	"azira/proto"
)

const (
	// greetingBytes is the size of a ZMTP greeting.
	greetingBytes = 64
	// readyBytesMax bounds the READY command of a peer.
	readyBytesMax = 1 << 10
	// headerBytesMax is a frame's flags and long length.
	headerBytesMax = 9
	// frameSkipBytesMax bounds what is skipped of an over-long frame; a peer that
	// announces more is not speaking ZMTP.
	frameSkipBytesMax = 1 << 30

	// tickBytesMax bounds a frame that is looked at; CheckTick's limits lie below,
	// so that what is only a little too long gets its exact reason.
	tickBytesMax = 2 * proto.DataBytesMax
	// readBytes is a subscriber's read buffer: one read(2) under load.
	readBytes = 256 << 10
	// receiveBytes is asked of the kernel for a subscriber's socket, so that a pause
	// of the reader does not reach the publisher's high-water mark.
	receiveBytes = 8 << 20

	// subscribeBytesMax bounds one subscription of a peer, in bytes.
	subscribeBytesMax = 1 << 10
	// subscriptionsMax bounds the prefixes of one peer.
	subscriptionsMax = 10_000
	// peersMax bounds the subscribers of a publisher.
	peersMax = 1024
	// peerBytesDefault bounds what is queued for one subscriber.
	peerBytesDefault = 16 << 20
	// chunkBytes is how much a publisher gathers before it hands over by itself.
	chunkBytes = 64 << 10

	// requestBytesMax bounds a control request.
	requestBytesMax = 1 << 20
	// envelopeFramesMax and envelopeBytesMax bound the routing frames before it.
	envelopeFramesMax = 16
	envelopeBytesMax  = 4 << 10
	// controlPeersMax bounds the connections to a control socket.
	controlPeersMax = 128
	// tokensMax bounds the tokens of a simulated feed.
	tokensMax = 100_000
	// rateMax bounds a simulated feed, in ticks per second.
	rateMax = 1_000_000
	// speedMax bounds how much faster than recorded a replay may be.
	speedMax = 1e6
	// burstTicksMax is how many ticks leave before the feed looks at its requests again.
	burstTicksMax = 4096
)

const (
	dialTimeout      = 3 * time.Second
	handshakeTimeout = 5 * time.Second
	pongTimeout      = time.Second
	retryMin         = 50 * time.Millisecond
	retryMax         = 2 * time.Second
	acceptPause      = 50 * time.Millisecond // after a failed accept: no spinning on EMFILE
	drainTimeout     = 2 * time.Second
	requestTimeout   = 10 * time.Second       // from a request's first byte to its last
	paceStep         = 500 * time.Microsecond // between bursts of a fast feed
	behindMax        = time.Second            // what a feed catches up before it gives up time
	tellBehind       = 5 * time.Second        // of time given up between two warnings
	idleTimeout      = 10 * time.Minute       // of a control connection between requests
)

const (
	_ = uint(readBytes - 2*(tickBytesMax+headerBytesMax)) // a message fits the buffer
	_ = uint(tickBytesMax - (proto.TokenBytesMax + 3 + proto.DataBytesMax))
	_ = uint(chunkBytes - (headerBytesMax + proto.TokenBytesMax + 3 + proto.DataBytesMax))
	_ = uint(peerBytesDefault - 2*chunkBytes)
)
