// Package client speaks to an Azira server as its users do: accounts over HTTP,
// ticks over WebSocket, and the ZeroMQ bus behind the server.
//
//	Auth ── HTTP ──────▶ /api/v1/users, /api/v1/token      register, login, refresh, logout
//	                     /api/v1/messages                  send, read the inbox
//	Keeper ─ Auth ─────▶ a bearer that is always fresh
//	Stream ─ WebSocket ▶ /api/v1/stream                    subscribe, ticks, reconnect
//	Bus ──── ZeroMQ ───▶ tcp://…:5556                      the feed itself, without a server
//
// Those who know AziraClient find its AuthClient in [Auth], its SubscribeToToken
// in [Stream] and its ZMQTestSubscriber in [Bus].
//
// A Stream speaks the original's text dialect, or one of the typed ones, [JSON]
// and [Binary], whose ticks are numbered:
//
//	Stream.Ticks     ticks and snaps, with what was Skipped, Missed or is a Gap before them
//	Stream.Events    the feed's state, drains, gaps, holes, who is online; read or not
//	Stream.Messages  to the account, until they are acknowledged by Stream.Ack
//	Stream.Complete  whether anything is missing, as of the last heartbeat
//
// There a reconnect goes on where the connection before ended, token by token. While
// there is no connection the feed is unknown and nothing is proved.
//
// Where a server closes streams whose bearer has ended (3005), a Stream with a Keeper
// reconnects by itself with a fresh bearer; [Stream.Renew] is for who wants no reconnect.
//
// A Stream and a Bus give ticks on a channel. Neither ever waits for its
// consumer: behind the channel up to Buffer ticks wait in order, and when more
// come, only the newest of each token is kept. What was dropped is counted, in
// Stats().Conflated and, token by token, in [Tick].Missed. Messages are not dropped:
// what is more than fits stays with the server, see [Stream.Messages].
//
// The module is in no registry: a program depends on a checkout of it, in its go.mod
//
//	require azira v0.0.0
//
//	replace azira => ../azira
//
// Two goroutines serve a connection, in a typed dialect three, and one the channel.
// Close ends them all before it returns.
package client
