// Package soak holds the program to its promises for hours: `make soak`.
//
// Its one long test starts the real azira serve and azira feed and has all kinds of
// clients at the server at once, at rates that leave most of a core alone:
//
//	provers   read all they get and hold it to account, tick by tick
//	storm     300 streams that are cut off by reset, and resume
//	churn     streams that come and go, some badly; wrong credentials, garbage
//	slow      streams that read little, now and then, or never
//	operator  kills and restarts the feed, makes checkpoints and restores them
//
//	clients ──▶ cutter (resets, stalls, shuts) ──▶ azira serve ◀── azira feed
//	                                                   ▲ admin port
//	                                               sampler, every 10 s
//
// In the end each stream's received + skipped + gapped is what the server published, and
// heap, descriptors and goroutines are where they were after the first sixth.
//
// All of it is in tests: without AZIRA_SOAK=DURATION the long one is skipped.
package soak
