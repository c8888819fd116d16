package main

import "time"

// Bounds of settings.
const (
	clientsMax     = 1_000_000
	clientsDefault = 20_000
	perSendMax     = 1024
)

const notSentLowBytes = 16 << 10 // as Azira's streams have it

// Bounds of what clients send, the same for every peer that asks.
const (
	requestBytesMax = 128 << 10 // as Azira takes
	headBytesMax    = 8 << 10   // of a handshake
)

// Times.
const (
	readyTimeout = 20 * time.Second // to be able to accept
	stopTimeout  = 5 * time.Second  // to end
	pollEvery    = 20 * time.Millisecond
	writeTimeout = 10 * time.Second // a client that takes nothing for so long is dropped
)
