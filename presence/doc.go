// Package presence knows who is connected, since when, and when others last were, and
// tells those who may see them.
//
//	event loops                 flush, each 50 ms                       couriers
//	auth ─ Changed(name) ─▶ dirty ─▶ Accounts.Connections ─▶ clients
//	                                     came: at once         │
//	                                     went: after 750 ms    ▼
//	           Groups ─▶ keeper ─▶ rosters: a log of changes each ─▶ Watch.Next ─▶ frames
//	           store ◀── last seen ◀──┘
//
// Changed only marks a name; what is true is asked for when the mark is looked at, so
// marks can be doubled, or late, and nothing is wrong for long. Nobody is online when a
// Tracker starts.
//
// A roster is what one account may see: itself and, if it is a vendor, its clients. It
// is in memory only while somebody watches it. Its log has each member once, by the
// number of its last change; a member that changes again moves to the end:
//
//	log   3 ann on │ 5 – │ 6 bob off │ 7 – │ 9 cid on │ 11 eve left
//	               ▲ told: 5             ▲ moved on     ▲ the newest
//
// A Watch is a number in that log, so one that is slow, or not read at all, costs 96
// bytes, and gets the last state of each member when it is read again.
package presence
