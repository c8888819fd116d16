package feed

import (
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

type peerCounters struct {
	sent    atomic.Uint64
	dropped atomic.Uint64
}

// A peer is one subscriber of a Publisher: a goroutine that reads its subscriptions,
// one that writes, and between publisher and writer a queue of bounded bytes.
type peer struct {
	// Fixed after newPeer.
	conn     net.Conn
	bytesMax int
	wake     chan struct{} // holds one token: there is something to write or to end
	done     chan struct{} // closed when the reader has ended

	// Owned by the reading goroutine.
	wanted map[string]struct{}

	// Shared.
	peerCounters
	greeted atomic.Bool
	held    atomic.Int64             // subscriptions
	wants   atomic.Pointer[prefixes] // made of wanted, once per burst of subscriptions
	mu      sync.Mutex
	queue   []byte // under mu: frames to write
	ending  bool   // under mu: write the queue, then end
}

func newPeer(conn net.Conn, bytesMax int) *peer {
	pe := &peer{
		conn: conn, bytesMax: bytesMax, wanted: map[string]struct{}{},
		wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	pe.wants.Store(new(prefixes))
	return pe
}

// offer queues those frames of a chunk that the peer wants, as far as they fit. Once
// one does not, the others of this chunk are dropped with it.
func (pe *peer) offer(chunk []byte, ends []int) {
	wants := *pe.wants.Load()
	if len(wants) == 0 {
		return
	}
	pe.mu.Lock()
	room := pe.bytesMax - len(pe.queue)
	if wants.all() && len(chunk) <= room {
		pe.queue = append(pe.queue, chunk...)
		pe.sent.Add(uint64(len(ends)))
	} else {
		pe.offerSome(chunk, ends, wants, room)
	}
	pe.mu.Unlock()
	pe.poke()
}

// offerSome picks frame by frame; it is called with mu held.
func (pe *peer) offerSome(chunk []byte, ends []int, wants prefixes, room int) {
	begin, sent, dropped := 0, 0, 0
	for _, end := range ends {
		framed := chunk[begin:end]
		begin = end
		header := 2
		if framed[0]&flagLong != 0 {
			header = headerBytesMax
		}
		switch {
		case !wants.match(framed[header:]):
		case dropped > 0 || len(framed) > room:
			dropped++
		default:
			pe.queue = append(pe.queue, framed...)
			room -= len(framed)
			sent++
		}
	}
	pe.sent.Add(uint64(sent))
	pe.dropped.Add(uint64(dropped))
}

func (pe *peer) poke() {
	select {
	case pe.wake <- struct{}{}:
	default: // it is woken already
	}
}

// finish lets the writer drain the queue for at most drainTimeout and then end.
// A peer still in its handshake ends at once.
func (pe *peer) finish() {
	pe.mu.Lock()
	pe.ending = true
	pe.mu.Unlock()
	if !pe.greeted.Load() {
		pe.conn.Close()
		return
	}
	// It fails on a closed connection only, which needs no deadline.
	_ = pe.conn.SetDeadline(time.Now().Add(drainTimeout))
	pe.poke()
}

// serve speaks with the peer until one side ends; the error says why it did.
func (pe *peer) serve() error {
	defer pe.conn.Close()
	if err := handshake(pe.conn, rolePub, handshakeTimeout); err != nil {
		return err
	}
	pe.greeted.Store(true)
	pe.mu.Lock()
	ending := pe.ending
	pe.mu.Unlock()
	if ending {
		return nil
	}
	var writing sync.WaitGroup
	writing.Go(pe.write)
	err := pe.read()
	pe.conn.Close() // ends a write in progress
	close(pe.done)
	writing.Wait()
	return err
}

// write sends what is queued, all of it with one call, until the peer is done.
func (pe *peer) write() {
	var out []byte
	for {
		select {
		case <-pe.done:
			return
		case <-pe.wake:
		}
		pe.mu.Lock()
		out, pe.queue = pe.queue, out[:0]
		ending := pe.ending
		pe.mu.Unlock()
		if _, err := pe.conn.Write(out); err != nil {
			pe.conn.Close() // ends the reader
			return
		}
		if ending {
			pe.endWriting()
			return
		}
	}
}

// endWriting tells the peer that no more comes and leaves the connection to the
// reader: closing it at once could destroy bytes that the peer has not read yet.
func (pe *peer) endWriting() {
	if half, ok := pe.conn.(interface{ CloseWrite() error }); !ok || half.CloseWrite() != nil {
		pe.conn.Close()
	}
}

// read takes subscriptions until the connection ends.
func (pe *peer) read() error {
	rd := newFrameReader(pe.conn, 512, subscribeBytesMax)
	changed := false
	for {
		f, err := rd.next()
		switch err {
		case nil:
			changed = pe.take(&f) || changed
			if len(pe.wanted) > subscriptionsMax {
				return errGreedy
			}
		case errFrameBig: // no tick's beginning is as long as that
		case errFrameShort:
			if changed {
				pe.held.Store(int64(len(pe.wanted)))
				wants := newPrefixes(pe.wanted)
				pe.wants.Store(&wants)
				changed = false
			}
			if err := rd.fill(); err != nil {
				return fmt.Errorf("read: %w", err)
			}
		default:
			return fmt.Errorf("read: %w", err)
		}
	}
}

// Subscriptions as commands, ZMTP 3.1 (RFC 37); in 3.0 they are messages that begin with 1 or 0.
const (
	commandSubscribe = "\x09SUBSCRIBE"
	commandCancel    = "\x06CANCEL"
)

// take does what one frame says and tells whether the subscriptions changed.
func (pe *peer) take(f *frame) bool {
	body := f.body
	if !f.command() {
		if len(body) == 0 || body[0] > 1 {
			return false // no subscription: a PUB socket passes over what is said to it
		}
		return pe.subscribe(body[0] == 1, body[1:])
	}
	if name := commandSubscribe; len(body) >= len(name) && string(body[:len(name)]) == name {
		return pe.subscribe(true, body[len(name):])
	}
	if name := commandCancel; len(body) >= len(name) && string(body[:len(name)]) == name {
		return pe.subscribe(false, body[len(name):])
	}
	pe.mu.Lock()
	if len(pe.queue) < pe.bytesMax {
		pe.queue = appendPong(pe.queue, body)
	}
	pe.mu.Unlock()
	pe.poke()
	return false
}

func (pe *peer) subscribe(on bool, prefix []byte) bool {
	_, held := pe.wanted[string(prefix)]
	switch {
	case held == on:
		return false
	case on:
		pe.wanted[string(prefix)] = struct{}{}
	default:
		delete(pe.wanted, string(prefix))
	}
	return true
}
