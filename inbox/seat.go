package inbox

import (
	"math"
	"sync/atomic"
)

// An Outlet is a stream that takes frames: in the end, or when it can take some again,
// its Seat is told by Took. Post keeps the frames and does not block.
type Outlet interface {
	Post(frames []byte)
}

// An Extra is what else a stream is owed beside messages. Its methods are called by one
// goroutine at a time.
type Extra interface {
	// Next appends frames of up to about room bytes; more says that there are others.
	Next(dst []byte, room int) (frames []byte, more bool)
	// Again says that the frames of the last Next were not taken.
	Again()
	// Close is called once, when the stream has ended or wants no more of it.
	Close()
}

// A Seat is a stream that takes messages. Its methods but for Sit may be called on an
// event loop: they note what is to be done and return.
type Seat struct {
	// Fixed after Sit.
	service *Service
	desk    *desk
	out     Outlet

	// Shared.
	state atomic.Uint32 // one of the seat's states
	acked atomic.Uint64 // the greatest id acknowledged on the stream
	heard atomic.Uint64 // the id acknowledged last, until the desk has taken it; 0 = none
	extra atomic.Pointer[Extra]

	// Owned by whoever has the desk.
	place    place  // before the page on its way
	next     place  // behind it
	seated   bool   // place was found
	free     bool   // it was seen idle, and may be given something
	posted   bool   // a page is on its way, or was taken since
	again    uint64 // messages up to this id were on their way before it came
	has      Extra
	held     []uint64 // in turns: ids that it got and has not acknowledged, as given
	page     []uint64 // in turns: those on their way
	postedAt int64    // Unix ms
	extras   bool     // the page has some of has
}

// A place is how far a stream is in its inbox.
type place struct {
	id uint64
	n  []uint64 // number reached in each source, or unknown; nil = none is known

	whole bool // what is gone without anything behind it was told
}

// unknown is a number that is to be asked for.
const unknown = math.MaxUint64

// The states of a seat.
const (
	seatNew   = iota // has no stream yet
	seatIdle         // may be given something
	seatBusy         // has a page on its way
	seatAgain        // its page was not taken: to be given anew
	seatGone
)

// Sit makes a seat for a stream of an account. It gets what is not acknowledged once it
// is Opened.
func (s *Service) Sit(username string, out Outlet) *Seat {
	st := &Seat{service: s, out: out}
	s.floor.sit(username, st)
	return st
}

// Opened says that the stream is there.
func (st *Seat) Opened() {
	if st.state.CompareAndSwap(seatNew, seatIdle) {
		st.service.floor.call(st.desk)
	}
}

// Took says that the frames posted last were taken, or that they were not but would be
// now.
func (st *Seat) Took(all bool) {
	to := uint32(seatIdle)
	if !all {
		to = seatAgain
	}
	if st.state.CompareAndSwap(seatBusy, to) {
		st.service.floor.call(st.desk)
	}
}

// Ack acknowledges the messages up to an id, for the account. It is false if there are no
// messages so far yet.
func (st *Seat) Ack(id uint64) bool {
	if id > st.service.committed.Load() {
		return false
	}
	for was := st.acked.Load(); id > was; was = st.acked.Load() {
		if st.acked.CompareAndSwap(was, id) {
			break
		}
	}
	st.heard.Store(id)
	st.service.floor.call(st.desk)
	return true
}

// Want gives the stream what x has, or no more of anything but messages if x is nil.
func (st *Seat) Want(x Extra) {
	if x == nil {
		x = nothing{}
	}
	if old := st.extra.Swap(&x); old != nil {
		(*old).Close()
	}
	st.service.floor.call(st.desk)
}

// Call has the seat looked at: its Extra has something.
func (st *Seat) Call() { st.service.floor.call(st.desk) }

// Ended says that the stream is gone.
func (st *Seat) Ended() {
	if st.state.Swap(seatGone) != seatGone {
		st.service.floor.call(st.desk)
	}
}

// nothing is an Extra that has nothing.
type nothing struct{}

func (nothing) Next(dst []byte, _ int) ([]byte, bool) { return dst, false }
func (nothing) Again()                                {}
func (nothing) Close()                                {}
