// Package soak holds the program to its promises for hours: `make soak`.
//
// Its one long test starts the real azira serve and azira feed and has all kinds of
// clients at the server at once, at rates that leave most of a core alone:
//
//	provers   read all they get and hold it to account, tick by tick
//	storm     300 streams that are cut off by reset, and resume
//	churn     streams and messages that come and go, some badly; wrong credentials, garbage
//	slow      streams that read little, now and then, or never
//	operator  kills and restarts the feed, makes checkpoints and restores them
//
//	clients ──▶ cutter (resets, stalls, shuts) ──▶ azira serve ◀── azira feed
//	                                                   ▲ admin port
//	                                               sampler, every 10 s
//
// Every quarter of an hour all fall silent: then each stream's received + skipped + gapped
// is what the server published, token by token. In the end heap, descriptors and goroutines
// are where they were in the second sixth of the time.
//
// All of it is in tests: without AZIRA_SOAK=DURATION the long one is skipped.
package soak
