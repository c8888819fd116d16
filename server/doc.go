// Package server is a whole Azira process behind two ports, and its life.
//
//	          ┌ public port ──────────────────────────────────────────────┐
//	request ▶ │ budget ▶ CORS ▶ rates ▶ route ▶ bearer ▶ handler ▶ answer │
//	          │                                            └ upgrade      │
//	          └───────────────────────────────────────────────│───────────┘
//	feeds ▶ engine.Publisher ▶ engine ◀──────── socket, slot ─┘
//	lasts ⇄ store ⇄ auth
//	          admin port: livez, readyz, metrics, pprof
//
// A stream begins as a request of net/http: its credential is checked, its
// account's slot taken, the handshake answered; then the socket is duplicated
// out of net/http and belongs to the engine alone.
//
// Run takes a Config, serves until its context ends, then drains: not ready, no
// new streams, each open one closed at an instant of its own, everything saved.
// LoadConfig makes a Config of file, environment and flags by one table of
// settings.
package server
