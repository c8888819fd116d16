package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// A session is one connection of a Stream, from its upgrade to its end. Its
// reader hands ticks to the Stream and answers to those who asked.
type session struct {
	// Fixed after newSession.
	c       *conn
	w       wire
	s       *Stream
	born    time.Time
	greeted chan struct{} // closed by the reader at the welcome
	broken  chan struct{} // of one place: the ledger has a hole to heal
	done    chan struct{} // closed by the reader when the connection has ended
	err     error         // why; set before done is closed
	again   time.Time     // not to connect before; likewise, from a drain

	// Owned by the reader.
	refused error          // Text: the last answer, if it was a refusal
	beats   int            // heartbeats so far
	roster  []RosterClient // its pieces so far
	missed  uint64         // messages that are gone, before the next one

	// Shared.
	mu      sync.Mutex // also the order of requests on the wire
	pending []*request // sent, not answered, oldest first
	asked   uint64     // requests so far
	scratch []byte

	replaced atomic.Bool // it was ended by us, to have another
}

func newSession(c *conn, w wire, s *Stream) *session {
	x := &session{c: c, w: w, s: s, born: time.Now(), greeted: make(chan struct{}),
		broken: make(chan struct{}, 1), done: make(chan struct{})}
	go x.read()
	if s.o.Dialect.typed() {
		s.wg.Go(x.heal)
	}
	return x
}

// read is the session's goroutine.
func (x *session) read() {
	defer close(x.done)
	defer x.c.close()
	for {
		p, err := x.c.next()
		if err != nil {
			x.err = x.verdict(err)
			x.s.cutOff(time.Now())
			return
		}
		x.s.bytes.Add(uint64(len(p)))
		switch e := x.w.parse(p, x.c.isText); {
		case e.kind == eventTick:
			x.tick(e.tick)
		case e.kind == eventAnswer && e.f == nil:
			x.answered(e.answer)
		case e.kind == eventBad:
			x.s.bad.Add(1)
		default:
			x.told(e.kind, e.f)
		}
	}
}

// tick passes a tick on, if the ledger finds that it is news.
func (x *session) tick(t Tick) {
	if x.s.o.Dialect.typed() {
		news, hole := x.s.book.tick(&t)
		x.missing(hole)
		if !news {
			return
		}
	}
	t.Data, t.Value = bytes.Clone(t.Data), bytes.Clone(t.Value)
	x.s.ticks.Add(1)
	x.s.box.put(t)
}

// told takes what a typed dialect says beside ticks.
func (x *session) told(kind eventKind, f *frame) {
	switch kind {
	case eventWelcome:
		x.welcomed(f.welcome(time.Now()))
	case eventAnswer:
		x.replied(f)
	case eventSkip:
		x.missing(x.s.book.skip(f.Token, uint64(max(0, f.Count)), f.Seq))
	case eventGap:
		if f.Token == "" && f.Dropped > 0 {
			x.missed += f.Dropped
			x.s.events.tell(Missed{f.Dropped})
			return
		}
		g := Gap{Token: f.Token, From: uint64(max(0, f.From.seq)), To: uint64(max(0, f.To)),
			Reason: f.Reason}
		x.missing(x.s.book.gap(g))
		x.s.events.tell(g)
	case eventBeat:
		x.beat(f, time.Now())
	case eventDrain:
		now := time.Now()
		x.again = now.Add(millis(f.AgainMS))
		x.s.events.tell(Drain{Again: x.again, Ending: now.Add(millis(f.EndingMS))})
	case eventMessage:
		x.posted(f)
	case eventRoster:
		x.rostered(f)
	case eventPresence:
		x.s.events.tell(Presence{Client: f.Client, Online: f.Online, Left: f.Left,
			Time: time.UnixMicro(f.TS)})
	}
}

// posted hands a message over.
func (x *session) posted(f *frame) {
	m, ok := f.message()
	if !ok {
		x.s.bad.Add(1)
		return
	}
	m.Missed, x.missed = x.missed, 0
	if x.s.post.put(m) && !x.s.o.NoReconnect {
		x.s.wg.Go(x.catchUp)
	}
}

// welcomed begins the connection: from here on heartbeats must come.
func (x *session) welcomed(w Welcome) {
	select {
	case <-x.greeted:
		return // a second one
	default:
	}
	if w.Beat > 0 {
		x.c.hurry(beatsMissed * min(max(w.Beat, beatMin), beatMax))
	}
	x.s.book.begin(w.Epoch)
	x.s.welcome.Store(&w)
	x.s.events.tell(w)
	close(x.greeted)
}

// await waits for the welcome.
func (x *session) await(ctx context.Context) error {
	late := time.NewTimer(handshakeTimeout)
	defer late.Stop()
	select {
	case <-x.greeted:
		return nil
	case <-x.done:
		return x.err
	case <-late.C:
		return fmt.Errorf("%s: %w: no welcome", opStream, ErrNoAnswer)
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", opStream, ctx.Err())
	}
}

func (x *session) beat(f *frame, now time.Time) {
	feed := Feed{State: f.Feed, Age: -1, At: now}
	if f.AgeMS != nil {
		feed.Age = millis(*f.AgeMS)
	}
	before := x.s.feed.Swap(&feed)
	if x.beats++; x.beats == 1 || before.State != feed.State {
		x.s.events.tell(feed)
	}
	x.missing(x.s.book.beat(f.Sum, f.Pending, now))
}

// verdict names the end of the connection: a close that follows a refusal is
// that refusal.
func (x *session) verdict(err error) error {
	if x.replaced.Load() {
		return &CloseError{Code: closeLost, Cause: errBehind}
	}
	var closed *CloseError
	if x.refused != nil && errors.As(err, &closed) && closed.Code == closePolicy {
		return x.refused
	}
	return err
}

// answered gives the oldest request its answer, in the text dialect. What a
// confirmed request asked for holds from here on, even if nobody waits any more.
func (x *session) answered(refusal error) {
	r := x.oldest()
	if r == nil {
		return
	}
	x.refused = refusal
	if refused, ok := refusal.(*RefusedError); ok {
		refused.Op = string(r.verb)
	} else {
		for _, t := range r.tokens {
			r.ack.OK = append(r.ack.OK, Held{Token: t})
		}
		x.keep(r, r.ack)
	}
	r.answer <- answer{err: refusal, ack: r.ack}
}

func (x *session) oldest() *request {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.pending) == 0 {
		return nil
	}
	r := x.pending[0]
	x.pending = x.pending[1:]
	return r
}

// keep enters in the ledger what an answer confirms. What is given up is gone, also
// if the server did not hold it.
func (x *session) keep(r *request, a Ack) {
	switch r.verb {
	case subscribe:
		for _, h := range a.OK {
			x.missing(x.s.book.hold(h, r))
		}
	case unsubscribe:
		for _, t := range r.tokens {
			x.s.book.release(t)
		}
	}
}

// replied takes a piece of a typed dialect's answer. Answers come in the order of
// the requests, but an error may be to no request of ours.
func (x *session) replied(f *frame) {
	r := x.requestOf(f)
	if r == nil {
		x.s.o.Logger.Warn("server says", "error", clean(f.Error), "code", f.Code)
		return
	}
	done := answer{last: f}
	switch f.Type {
	case "error":
		done.err = &RefusedError{Op: string(r.verb), Code: f.Code, Retry: millis(f.RetryMS),
			Detail: fmt.Sprintf("%s (%d)", clean(f.Error), f.Code)}
	case "ack":
		piece := Ack{OK: f.OK, Failed: f.Failed, Count: f.Count, Limit: f.Limit}
		x.keep(r, piece)
		r.ack.add(piece)
		if f.More {
			return
		}
		done.ack = r.ack
	}
	x.forget(r)
	r.answer <- done
}

// requestOf is the request that f answers, or nil.
func (x *session) requestOf(f *frame) *request {
	id := f.id()
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, r := range x.pending {
		if r.id == id {
			return r
		}
	}
	return nil
}

// forget takes a request that was answered off those that wait, and those before
// it, which will not be.
func (x *session) forget(r *request) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.pending = x.pending[1+slices.Index(x.pending, r):]
}

// ask sends one request and waits for its answer. A connection that ends before
// the answer gives the connection's end.
func (x *session) ask(ctx context.Context, r request) (answer, error) {
	r.answer = make(chan answer, 1)
	began := time.Now()
	if err := x.send(&r); err != nil {
		x.c.close()
		<-x.done
		return answer{}, x.err
	}
	late := time.NewTimer(answerTimeout)
	defer late.Stop()
	select {
	case a := <-r.answer:
		a.took = time.Since(began)
		return a, a.err
	case <-x.done:
		select {
		case a := <-r.answer: // the answer came first
			return a, a.err
		default:
			return answer{}, x.err
		}
	case <-late.C:
		return answer{}, fmt.Errorf("%s: %w", r.verb, ErrNoAnswer)
	case <-ctx.Done():
		return answer{}, fmt.Errorf("%s: %w", r.verb, ctx.Err())
	}
}

func (x *session) send(r *request) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.asked++
	r.id = strconv.FormatUint(x.asked, 10)
	x.pending = append(x.pending, r)
	x.scratch = x.w.appendRequest(x.scratch[:0], r)
	return x.c.writeText(x.scratch)
}

// leave closes the connection from our side and waits until it is gone.
func (x *session) leave() {
	x.c.leave()
	late := time.NewTimer(closeTimeout)
	defer late.Stop()
	select {
	case <-x.done:
	case <-late.C:
		x.c.close()
		<-x.done
	}
}
