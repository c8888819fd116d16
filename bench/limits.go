package bench

import "time"

// Bounds of settings.
const (
	streamsMin    = 4 // one for each size
	streamsMax    = 1_000_000
	tokensMax     = 3000 // of a stream: the server's default
	universeMax   = 100_000
	rateMax       = 1_000_000 // ticks per second
	harnessFull   = 0.9       // share of their processors from which clients may hold a server up
	feedLateMs    = 5
	othersShare   = 0.05 // of the server's processor
	stolenShare   = 0.02 // of it, by the hypervisor
	calmTries     = 4    // of a trial that others disturb
	stepsMax      = 16   // rates of a sweep
	stepUp        = 1.5
	stepNear      = 1.05 // a good and a bad rate as near as this hold the knee between them
	deliveredMin  = 0.95 // of what is offered, at a good rate
	belowKnee     = 0.8  // of the knee: a rate to live with
	stepTries     = 2    // windows at a rate before it is bad
	drainPolls    = 20   // without a change, until what is missing stays so
	serversMax    = 64
	roundsMax     = 100
	deliveriesMax = 1e9 // per second
	perSendMax    = 1000
	churnMax      = 10_000 // clients per second
	boundMin      = 1      // ms
	boundMax      = 60_000
	pairsMax      = 50
	stallMax      = 3600 // seconds
	profileMax    = 20   // seconds of a window; scrapeTimeout is longer
	secondsMin    = 1
	secondsMax    = 600
	fdSpare       = 64    // descriptors of the bench that are no streams
	sizes         = 4     // at which memory is measured
	keptShare     = 8     // Go keeps a tenth of its heap for what comes; an eighth is near enough
	stillPolls    = 2     // alike, until memory has settled
	stillShare    = 0.002 // of it, that it may change by and be alike
	openParallel  = 64    // streams being opened at a time, by one swarm

	swarmStreams  = 15_000 // of one process
	sourceStreams = 8_000  // of one source address, which has 28,000 ports
)

// Bounds of what is read.
const (
	pageBytesMax    = 4 << 20   // of a metrics page
	answerBytesMax  = 4 << 10   // of a handshake's answer
	logTailBytes    = 4 << 10   // of the server's log, shown on failure
	readBytes       = 256 << 10 // one read of any stream
	recordsBytes    = 64 << 10  // one read of a stream with TLS
	slowBufferBytes = 32 << 10  // that a slow client's kernel may hold
	slowBytes       = 4 << 10   // that a slow client may cost Azira, and for each of its tokens
	slowTokenBytes  = 8         // so many more
	readsAgain      = 2         // that show a client served again
	restKeptMax     = 1 << 10   // of memory for unfinished frames, kept by each client
	swarmProcs      = 2         // a thread reads commands while the other is busy
	hearRounds      = 5         // of first ticks
	swarmEvents     = 512       // sockets served between two looks at the time
	tickBytes       = 160       // at most, of a tick made here
	controlMax      = 125       // RFC 6455 §5.5
	frameBytesMax   = 64 << 20  // of a server's frame
	refsMax         = 2 * universeMax
)

const _ = uint(readBytes/2 - recordsBytes - 16<<10) // what they carry fits, and a record before

// moreTimes is by how much the second window of streams is faster than the first.
const moreTimes = 4

// Of intake.
const (
	intakeTokensMax = 10_000
	intakeRate      = "1000000" // ticks per second, the most that azira feed makes
)

// Of virtual fleets.
const (
	virtualChunks = 9      // spans of a row: the middle one counts
	virtualBatch  = 10_000 // clients attached before the loop is waited for
	virtualBursts = 20     // between two looks at the time
	virtualMax    = 4_000_000
	burstMax      = 10_000
	checkRate     = 2000 // ticks per second, to real clients
)

// Times.
const (
	virtualNap      = 20 * time.Microsecond // between two looks whether the loop is at rest
	startTimeout    = 20 * time.Second      // from the start of the process to its ready line
	stopTimeout     = 15 * time.Second      // from SIGTERM to its end
	drainWindow     = time.Second           // of the server started here
	scrapeTimeout   = 30 * time.Second
	openTimeout     = 30 * time.Second // of one stream, the server being busy
	settleTimeout   = 30 * time.Second // for the server to have done what was asked
	returnTimeout   = 20 * time.Second // for freed memory to be given back
	returnPoll      = 500 * time.Millisecond
	pollEvery       = 50 * time.Millisecond
	sourceStep      = 500 * time.Microsecond // between bursts of ticks
	sourceNapMax    = 50 * time.Millisecond  // between two looks whether to stop
	swarmWait       = 2 * time.Millisecond   // between two looks at the commands
	slowStep        = 50 * time.Millisecond  // between reads of slow clients
	stormTimeout    = time.Minute
	certificateTime = 7 * 24 * time.Hour    // longer than any run
	warmTime        = time.Second           // of a window, before it counts
	aloneTime       = 5 * time.Second       // in which servers have no connections
	restTime        = time.Second           // between opening streams and weighing the server
	hearTimeout     = 2 * time.Second       // for the first ticks, before they are sent anew
	hearEach        = 20 * time.Microsecond // more for each of them
	retryPause      = time.Second           // of a client whose connection failed
	windowTail      = time.Second           // of a window, after its last tick
	openRateMin     = 200                   // streams per second; slower is given up
)
