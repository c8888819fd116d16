package inbox

import "time"

const (
	// Bounds of a message.
	KindBytesMax  = 32
	KeyBytesMax   = 255 // of an Idempotency-Key
	RecipientsMax = 1000

	// Defaults of Options. PROTOCOL §6 and §8: 16 KiB; 7 days or 1,000 messages.
	contentBytes = 16 << 10
	messagesMax  = 1000
	bytesMax     = 16 << 20
	keptFor      = 7 * 24 * time.Hour

	keyKeptFor = 24 * time.Hour // for how long a retry is known as one

	// A commit takes what waits, up to these.
	roundJobs  = 512
	roundBytes = 2 << 20
	jobsMax    = 4096 // that may wait
	headsMax   = 8192 // headers of logs remembered

	pageBytes   = 8 << 10 // of frames on their way to one stream, or one message
	pageMost    = 64      // messages in them
	historyMost = 500     // messages in one page of history
	scanBytes   = 1 << 20 // of messages read for one page

	bodyBytesMax = 1 << 20 // more is no record of ours

	sweepEvery = time.Hour
	sweepPage  = 500 // logs looked at in one go

	// In turns, who takes nothing for so long is passed over.
	turnPatience = 200 * time.Millisecond
)
