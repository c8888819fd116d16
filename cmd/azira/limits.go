package main

import "time"

// Limits and times of client and demo.
const (
	lineBytesMax    = 4096    // of input
	contentBytesMax = 1 << 20 // of a message to be sent; the server says what it takes
	hexBytesMax     = 32      // shown of a message that is no text
	inboxPage       = 500     // messages asked for at once
	inboxShown      = 100     // messages, unless --limit says otherwise

	secretBytesMax = 4096 // of a password file; a password has at most 1,024
	answerBytesMax = 64 << 10
	gaugeBytesMax  = 1 << 20
	adminBytesMax  = 8 << 20 // of one answer of the admin port
	usersPage      = 500     // accounts asked for at once

	widthDefault  = 100 // columns, where there is no terminal to ask
	heightDefault = 40

	redrawEvery    = 250 * time.Millisecond // of a table on a terminal
	linesEvery     = time.Second            // of a table that is none
	proofEvery     = time.Second            // a look at whether a stream is complete
	sampleEvery    = 900 * time.Millisecond // of its rates, at least
	gaugeEvery     = 900 * time.Millisecond // of the server's counters, at least
	healthTimeout  = 4 * time.Second        // less than a supervisor waits
	gaugeTimeout   = 500 * time.Millisecond
	backupTimeout  = time.Hour        // of one that reads the whole database
	adminTimeout   = 30 * time.Second // of a call at the admin port
	confirmTimeout = 10 * time.Second // of a subscribe
	goodbyeTimeout = 2 * time.Second  // logging out at the end
	busWait        = 2 * time.Second  // before it is said that nobody publishes

	topEvery     = time.Second // between two looks at the server
	topTimeout   = 5 * time.Second
	topLoopsMax  = 16 // rows; of more loops the busiest are shown
	topTokensMax = 10 // rows
	topParkedMax = 10 // rows

	demoDrain      = time.Second // streams are closed within it at the end
	demoTokensMax  = 100         // rows of the demo's table, at most
	demoTokensWait = 5 * time.Second
	demoPoll       = 50 * time.Millisecond
)
