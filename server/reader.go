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
	handle uint64 // valid once Opened
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
	rd.seat.Ended()
	rd.Stream.Ended(code)
}

func (rd *reader) Post(frames []byte) { rd.engine.Post(rd.handle, frames) }
func (rd *reader) Took(all bool)      { rd.seat.Took(all) }
func (rd *reader) Ack(id uint64) bool { return rd.seat.Ack(id) }

// Roster has the stream told who of its account's roster is here, from the beginning.
func (rd *reader) Roster(on bool) bool {
	if on {
		rd.seat.Want(rd.people.Watch(rd.Username(), rd.seat.Call))
	} else {
		rd.seat.Want(nil)
	}
	return true
}
