// Package inbox keeps messages to people, and brings them to their open streams.
//
//	Send ─▶ sequencer: id ▶ one batch ▶ fsync ─┬▶ receipt
//	                                           └▶ desks of those who are here
//	desk (an account) ─▶ seat (a stream): page from the store ▶ Outlet.Post ▶ Took ▶ next
//
// Messages lie in logs: one for each account, and one for each group, which all its
// members read. An inbox is what an account's own log and those of its groups hold,
// by id. Ids are those of the whole server and strictly increase: Unix µs, or one more
// than the last.
//
// Nothing waits in memory: a stream that takes no bytes has a place in its inbox and, at
// most, one page on its way.
package inbox
