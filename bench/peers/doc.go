// Command peers holds the servers that Azira is measured beside. Each does the
// same work, as well as its kind allows: it takes every tick of a ZeroMQ PUB and
// fans it out over WebSocket to those who subscribed to its token.
//
//	PUB ──▶ azira/feed.Subscriber ──▶ sink ──▶ gorilla │ lean │ nats │ floor │ nchan ──▶ clients
//	PUB ─────────────────────────────────────▶ ws (Node)                            ──▶ clients
//
//	peers list              who can run on this machine; for the others, why not
//	peers NAME [flags]      serves until SIGTERM; prints `ready ADDR DIALECT` first
//
// A dialect is how a client says what it wants:
//
//	text   ws://ADDR/any, then `subscribe|A,B` in a text frame; the answer is
//	       `Subscribed to tokens: A, B`, then each tick's JSON in a text frame
//	nats   ws://ADDR/, then the NATS protocol in binary frames; a subject is a token
//	url    ws://ADDR/sub/A,B; each tick's JSON in a text frame, from then on
//
// The CPU and memory of a peer are those of its process and its descendants: nchan
// runs nginx as a child, ws becomes Node itself. What a peer has to say of itself
// (ticks, deliveries, drops) it says at its end, on standard error.
//
// SIGUSR1 has a peer collect its garbage and give free memory back to the system,
// before it is weighed; nginx has none.
//
// All have TCP_NODELAY on, floor, gorilla and lean Azira's TCP_NOTSENT_LOWAT too, nobody
// waits on purpose, and nobody compresses. How
// each peer's settings were chosen is written where they stand; README.md sums up.
package main
