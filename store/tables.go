package store

// A Table is a set of records under one key prefix of one byte. The values are
// part of what is on disk: never change or reuse one.
type Table byte

// All tables of the one database, so that no two packages take the same.
const (
	tableMeta Table = 'm' // schema version, commit sequence

	TableAuth     Table = 'n' // signing key, issuer, account numbering
	TableAccounts Table = 'a' // username → account and credential
	TableSessions Table = 's' // account, session → login session
	TableRules    Table = 'r' // username → what an operator has set for it
	TableTicks    Table = 't' // token → last tick
	TableInbox    Table = 'i' // messages by username
	TableVendors  Table = 'v' // API keys and whom their owner created
	TablePresence Table = 'p' // username → when it was last connected
)

// Keys of tableMeta.
var (
	keySchema   = []byte{byte(tableMeta), 's'}
	keySequence = []byte{byte(tableMeta), 'q'}
)
