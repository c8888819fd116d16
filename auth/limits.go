package auth

import "time"

// VendorLimitMax is the highest of any limit of a vendor.
const VendorLimitMax = 1_000_000_000

const (
	nameRunesMax     = 64   // of a username, after NFC
	nameRawBytesMax  = 1024 // of a username before NFC, which may shorten it
	passwordBytesMin = 8
	passwordBytesMax = 1024

	bearerBytesMax = 4096 // own ones of the longest username have about 900
	keyBytesMin    = 32   // of a signing key that is given
	keyBytes       = 32   // of one that is made

	keysKeptMax = 16          // of the store's that verify, the signing one among them
	keySlack    = time.Minute // beyond the life of an old key's last bearer

	saltBytes    = 16
	hashBytes    = 32
	hashTime     = 2         // argon2id passes
	hashMemory   = 19 * 1024 // KiB
	hashLine     = 128       // waiting for a free hasher; about 5 s of one core
	cacheEntries = 4096      // verified bearers remembered, 80 B each
	cacheWays    = 4         // entries of one set
	cacheLocks   = 64

	accessTTL  = 30 * time.Minute
	refreshTTL = 30 * 24 * time.Hour
	ticketTTL  = 60 * time.Second
	deadAfter  = 10 * time.Second

	ticketsMax           = 100_000 // alive at once, 100 B each
	ticketsPerAccountMax = 64

	issuerKeysMax     = 64       // of one key set
	issuerTextMax     = 64 << 10 // bytes of it
	rsaBitsMin        = 2048
	rsaBitsMax        = 8192
	issuerLeeway      = 5 * time.Second // between the issuer's clock and ours
	streamsMax        = 1_000_000       // the highest limit of one account
	issuerHostMax     = 64              // bytes of the host in an issuer's name
	issuerAccountMark = 1 << 63         // own account numbers are below it

	streamsPerAccount     = 3
	agentBytesMax         = 128
	sessionsPerAccountMax = 64 // the least used ends when one more begins

	keysPerVendorMax    = 32
	clientsPerVendorMax = 1_000_000
	vendorsPerClientMax = 16
	endedPerClientMax   = 64                 // memberships remembered,
	endedFor            = 7 * 24 * time.Hour // for as long as messages are kept
	keyTTLMax           = 10 * 365 * 24 * time.Hour
	keyUsedStep         = 60              // seconds, between two notes that a key is used
	clearRows           = 1000            // memberships removed by one commit
	spendBurst          = time.Second     // of a vendor's rates may be spent at once
	spendWaitMax        = 2 * time.Second // a send waits for them at most

	nameLocks   = 256
	epochs      = 1024 // revocation counters; a session has one of them
	slotShards  = 64
	sweepEvery  = 30 * time.Second
	sweepRows   = 2000 // sessions looked at in one sweep
	numberBlock = 256  // account numbers reserved by one commit
)

// Powers of two, for masks.
const (
	_ = -uint(cacheLocks & (cacheLocks - 1))
	_ = -uint(nameLocks & (nameLocks - 1))
	_ = -uint(epochs & (epochs - 1))
	_ = -uint(slotShards & (slotShards - 1))
)

// Close codes of PROTOCOL.md §5 that this package gives.
const (
	CodeEnded    = 3501 // logged out, revoked, or this stream closed by its owner
	CodeReplaced = 3507 // a newer stream took the place
)
