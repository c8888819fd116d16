package server

import "time"

// Limits of the public port. Those of streams are the engine's, those of
// names and passwords auth's.
const (
	headerBytesMax    = 8 << 10 // request line and header
	bodyBytesMax      = 64 << 10
	sendBodyMax       = 256 << 10 // of a message: 32 KiB, each byte as \u00XX
	sendManyBodyMax   = 1 << 20   // of one to a list: 1,000 names besides, escaped too
	nativeBytesMax    = 1 << 10   // an answer that net/http makes by itself
	gzipBytesMin      = 1000      // answers from this size are compressed where asked for
	agentBytesMax     = 120       // of User-Agent, kept with a stream
	bearerBytesMax    = 4 << 10
	fieldNameBytesMax = 64
	adminTokenMin     = 16 // bytes of --admin-token
	keyBytesMin       = 32 // of a signing key given by --jwt-key-file
	keyBytesMax       = 4 << 10
	keysMax           = 16 // in a directory of them
	keySetBytesMax    = 64 << 10
	wsKeyBytes        = 16 // RFC 6455 §4.1: the nonce of a handshake
	wsVersion         = "13"
	requestIDBytes    = 8
	usersPage         = 100 // accounts in one answer of the admin port
	usersPageMax      = 1000
	secondsMax        = 10 * 365 * 24 * 3600 // of an API key
	messagesPage      = 100                  // in one answer of GET /api/v1/messages
	messagesPageMax   = 500
	ttlMax            = 366 * 24 * time.Hour // of a message
	corsMaxAge        = "600"                // seconds
	cookieMaxAge      = 30 * time.Minute
	headerTimeout     = 5 * time.Second
	bodyTimeout       = 15 * time.Second
	writeTimeout      = 30 * time.Second
	idleTimeout       = 60 * time.Second
	upgradeTimeout    = 5 * time.Second // writing the 101
	retryAfter        = "2"             // seconds, told with each 503
	retryAfterTickets = "60"
	retryAfterBusy    = "1"
	shutdownTimeout   = 5 * time.Second // for HTTP requests under way at the end
	certificateLook   = time.Second     // at the certificate's files
	certificateWarn   = 7 * 24 * time.Hour
	keyLook           = time.Second     // at signing keys, and the issuer's in a file
	keySetEvery       = 5 * time.Minute // the issuer's keys are asked for
	keySetPause       = 10 * time.Second
	keySetTimeout     = 10 * time.Second
	tlsReadBytes      = 16 << 10 // one read of a TLS session: what a record carries
	tlsReadBytesMin   = 1 << 10
	tlsKeptBytes      = 2 << 10 // a buffer of records up to so large stays with its stream
	memoryLook        = time.Second
	memoryTight       = 0.9 // of the memory there may be: no more streams
	memoryCalm        = 0.8
	watchdogMax       = 1e12            // microseconds
	shortageCalm      = 5 * time.Second // after a connection there was no descriptor for
	backupNameMax     = 64              // bytes of a checkpoint's name
	backupsMax        = 64              // checkpoints in --backup-dir
	lastTickPeriod    = 10 * time.Second
	lastNamePeriod    = time.Second
)

// Of callers.
const (
	rateMax        = 1_000_000 // of a setting
	talliesMax     = 1 << 16   // callers remembered, 32 bytes each
	provenMax      = 1 << 17   // accounts at addresses, likewise; apart, as they last
	tallyWays      = 8         // of one set
	tallyLocks     = 64
	rateBurst      = 20 * time.Second // what a rate brings in this time may come at once,
	burstMin       = 20               // or so many
	accountShare   = 10               // of an address's rate, one account has a so-manieth part
	networkBits    = 64               // of an IPv6 address, which are one customer
	pairFree       = 20               // wrong guesses at one account from one address
	addressFree    = 50               // and at any from one address, before there are pauses
	pauseDoublings = 7
	guessPauseMax  = time.Minute
	guessForget    = 30 * time.Second
	provenFor      = 30 * 24 * time.Hour
	addressPart    = 4    // of all connections that are no streams, one address may have a part
	addressMin     = 32   // and at least so many,
	addressMax     = 4096 // and at most
	forwardedMax   = 16   // addresses looked at in X-Forwarded-For
	hstsAge        = "max-age=31536000"
)

// Of storms.
const (
	stormLook    = 100 * time.Millisecond // how long connections wait is looked at in spans of
	stormWaitMax = 3 * time.Second        // waited by each that came in a span: too many come
	stormBackMin = 1                      // seconds until a client turned away is to come again,
	stormSoonMax = 5
	stormBackMax = 30 // at most
)

const (
	_ = -uint(talliesMax & (talliesMax - 1))
	_ = -uint(tallyLocks & (tallyLocks - 1))
	_ = uint(talliesMax/tallyWays - tallyLocks)
)

// The answers about latency.
const (
	latencyTokens    = 100 // listed, unless ?limit= says otherwise
	latencyTokensMax = 1000
	latencyListEvery = time.Second
)

// The status page of the admin port.
const (
	parkedRows    = 20 // streams listed, unless ?limit= says otherwise
	parkedRowsMax = 1000
	busiestTokens = 20
	busiestEvery  = 900 * time.Millisecond // for those who look once a second
)

// The log: of each kind of lines so many pass in a time.
const (
	logLines     = 20
	logEvery     = 10 * time.Second
	logKinds     = 256 // further kinds count as one
	logKindWords = 5   // of a line tell its kind
)

// How much is sampled while a profile is taken.
const (
	mutexFraction = 1                     // of the times that a lock was waited for, one in so many
	blockSample   = 10 * time.Microsecond // waits this long all count, shorter ones by chance
)

// What the engine can be made with: it refuses more, or less. A test holds both together.
const (
	loopsMax      = 256
	loopsPerShard = 4       // more shards mean more writers, each of which wakes every loop
	ringBytesMin  = 1 << 20 // the engine would take less, but little is read back of that
	ringBytesMax  = 1 << 36
)

// Descriptors.
const (
	streamsFew  = 1000 // fewer than this and the log warns
	fdMin       = 256  // fewer than this and serve refuses to start
	fdReserve   = 128  // database, listeners, epoll, feed, logs, spare
	fdPerLoop   = 5    // epoll, two eventfds, timer, spare
	fdHTTPShare = 8    // one in so many is kept for requests that are no streams
	fdHTTPMax   = 1024
)

// net/http reads 4,096 bytes more than MaxHeaderBytes says.
const headerSlack = 4096

const _ = uint(headerBytesMax - headerSlack - 1) // MaxHeaderBytes is positive
