package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// A session is one connection of a Stream, from its upgrade to its end. Its
// reader hands ticks to the Stream and answers to those who asked.
type session struct {
	// Fixed after newSession.
	c    *conn
	w    wire
	s    *Stream
	born time.Time
	done chan struct{} // closed by the reader when the connection has ended
	err  error         // why; set before done is closed

	// Owned by the reader.
	refused error // the last answer, if it was a refusal

	// Shared.
	mu      sync.Mutex // also the order of requests on the wire
	pending []*request // sent, not answered, oldest first
	scratch []byte
}

// A request waits for one answer.
type request struct {
	verb   verb
	tokens []string
	answer chan error // of one place
}

func newSession(c *conn, w wire, s *Stream) *session {
	x := &session{c: c, w: w, s: s, born: time.Now(), done: make(chan struct{})}
	go x.read()
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
			return
		}
		x.s.bytes.Add(uint64(len(p)))
		switch e := x.w.parse(p); e.kind {
		case eventTick:
			e.tick.Data = bytes.Clone(e.tick.Data)
			x.s.ticks.Add(1)
			x.s.box.put(e.tick)
		case eventAnswer:
			x.answered(e.answer)
		}
	}
}

// verdict names the end of the connection: a close that follows a refusal is
// that refusal.
func (x *session) verdict(err error) error {
	var closed *CloseError
	if x.refused != nil && errors.As(err, &closed) && closed.Code == closePolicy {
		return x.refused
	}
	return err
}

// answered gives the oldest request its answer. What a confirmed request asked
// for holds from here on, even if nobody waits any more.
func (x *session) answered(answer error) {
	x.mu.Lock()
	if len(x.pending) == 0 {
		x.mu.Unlock()
		return
	}
	r := x.pending[0]
	x.pending = x.pending[1:]
	x.mu.Unlock()

	x.refused = answer
	if refused, ok := answer.(*RefusedError); ok {
		refused.Op = string(r.verb)
	}
	if answer == nil {
		x.s.hold(r.verb, r.tokens)
	}
	r.answer <- answer
}

// ask sends one request and waits for its answer. A connection that ends before
// the answer gives the connection's end.
func (x *session) ask(ctx context.Context, v verb, tokens []string) error {
	r := &request{verb: v, tokens: tokens, answer: make(chan error, 1)}
	if err := x.send(r); err != nil {
		x.c.close()
		<-x.done
		return x.err
	}
	late := time.NewTimer(answerTimeout)
	defer late.Stop()
	select {
	case err := <-r.answer:
		return err
	case <-x.done:
		select {
		case err := <-r.answer: // the answer came first
			return err
		default:
			return x.err
		}
	case <-late.C:
		return fmt.Errorf("%s: %w", v, ErrNoAnswer)
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", v, ctx.Err())
	}
}

func (x *session) send(r *request) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.pending = append(x.pending, r)
	x.scratch = x.w.appendRequest(x.scratch[:0], r.verb, r.tokens)
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
