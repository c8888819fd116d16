// Package bench measures a running server from outside: it starts one, feeds it
// over ZeroMQ, opens streams over WebSocket, and reads what any operator can.
//
//	scenario ─┬─ source ──────── ZeroMQ ────▶ azira serve or a peer, a process of its own
//	          ├─ fleet ─ swarms ─ WebSocket ─▶   /api/v1/stream
//	          └─ scrape ──────── HTTP ──────▶   /metrics, /debug/pprof/heap?gc=1
//
// A swarm is a process too: up to 15,000 clients on one epoll, which check each tick
// they get and, in the typed dialects, each proof. It follows a fleet's commands, lines
// of JSON on its standard input.
//
// A scenario is one file: its settings, its phases, its report. It shows figures
// and judges nothing. Ticks are sent at fixed times, whatever the server does
// (an open loop), so that a slow server cannot slow its own load down.
//
// What a scenario starts it stops, whether it succeeds, fails or is interrupted.
package bench
