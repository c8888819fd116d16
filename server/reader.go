package server

import (
	"azira/auth"
	"azira/engine"
	"azira/inbox"
	"azira/presence"
)

// A reader is a stream that gets messages: the engine's owner of the connection, and the
// outlet of its seat in the inbox.
type reader struct {
	*auth.Stream
	seat   *inbox.Seat
	engine *engine.Engine
	people *presence.Tracker
	handle uint64          // valid once Opened
	watch  *presence.Watch // of its roster; nil = none. Owned by the loop
}

// ownerOf is what the engine is to tell of a stream.
func (p *public) ownerOf(st *auth.Stream, w wish) engine.Owner {
	if !w.messages {
		return st
	}
	rd := &reader{Stream: st, engine: p.engine, people: p.people}
	rd.seat = p.inbox.Sit(st.Username(), rd)
	return rd
}

// streamOfOwner is the account's stream; nil if the owner has none.
func streamOfOwner(o engine.Owner) *auth.Stream {
	switch o := o.(type) {
	case *auth.Stream:
		return o
	case *reader:
		return o.Stream
	}
	return nil
}

func (rd *reader) Opened(handle uint64) {
	rd.handle = handle
	rd.Stream.Opened(handle)
	rd.seat.Opened()
}

func (rd *reader) Ended(code int) {
	if rd.watch != nil {
		rd.watch.Close()
	}
	rd.seat.Ended()
	rd.Stream.Ended(code)
}

func (rd *reader) Post(frames []byte) { rd.engine.Post(rd.handle, frames) }

// Took says what became of what was posted last, of which the roster's part may have to
// be told again.
func (rd *reader) Took(all bool) {
	if !all && rd.watch != nil {
		rd.watch.Again()
	}
	rd.seat.Took(all)
}

func (rd *reader) Ack(id uint64) bool { return rd.seat.Ack(id) }

// Roster begins or ends telling the stream of its roster. Begun again, it is told anew.
func (rd *reader) Roster(on bool) bool {
	if rd.watch != nil {
		rd.watch.Close()
		rd.watch = nil
		rd.seat.Want(nil)
	}
	if on {
		rd.watch = rd.people.Watch(rd.Username(), rd.seat.Call)
		rd.seat.Want(rd.watch)
	}
	return true
}
