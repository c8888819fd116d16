package bench

import "time"

// Bounds of settings.
const (
	streamsMin   = 4 // one for each size
	streamsMax   = 1_000_000
	tokensMax    = 3000 // of a stream: the server's default
	universeMax  = 100_000
	rateMax      = 1_000_000 // ticks per second
	secondsMin   = 1
	secondsMax   = 600
	fdSpare      = 64 // descriptors of the bench that are no streams
	sizes        = 4  // at which memory is measured
	keptShare    = 8  // Go keeps a tenth of its heap for what comes; an eighth is near enough
	openParallel = 32 // streams being opened at a time
)

// Bounds of what is read.
const (
	pageBytesMax   = 4 << 20  // of a metrics page
	answerBytesMax = 4 << 10  // of a handshake's answer
	logTailBytes   = 4 << 10  // of the server's log, shown on failure
	streamBytes    = 2 << 10  // one read of a stream
	tickBytes      = 160      // at most, of a tick made here
	controlMax     = 125      // RFC 6455 §5.5
	frameBytesMax  = 64 << 20 // of a server's frame
)

// Times.
const (
	startTimeout  = 20 * time.Second // from the start of the process to its ready line
	stopTimeout   = 15 * time.Second // from SIGTERM to its end
	drainWindow   = time.Second      // of the server started here
	scrapeTimeout = 30 * time.Second
	openTimeout   = 30 * time.Second // of one stream, the server being busy
	settleTimeout = 30 * time.Second // for the server to have done what was asked
	returnTimeout = 20 * time.Second // for freed memory to be given back
	returnPoll    = 500 * time.Millisecond
	pollEvery     = 50 * time.Millisecond
	sourceStep    = time.Millisecond // between bursts of ticks
	windowTail    = time.Second      // of a window, after its last tick
	openRateMin   = 200              // streams per second; slower is given up
)
