package client

import "sync"

// A mailbox stands between a reader that must not wait and a consumer that may.
//
// Up to limit ticks wait in order. When they are more, all but the newest of
// each token are dropped and counted; so a consumer that falls behind gets
// fresh prices, and memory is bounded by limit or twice the number of tokens.
type mailbox struct {
	limit int
	out   chan Tick // closed by deliver

	mu        sync.Mutex
	queue     []Tick // queue[head:] wait
	head      int
	full      int // ticks at which the queue is conflated
	conflated uint64
	ended     bool
	wake      chan struct{} // of one place: something was put, or the end came
}

func newMailbox(limit int) *mailbox {
	if limit <= 0 {
		limit = bufferDefault
	}
	return &mailbox{limit: limit, full: limit, out: make(chan Tick), wake: make(chan struct{}, 1)}
}

// put hands a tick over. It never waits for the consumer. Any goroutine.
func (m *mailbox) put(t Tick) {
	m.mu.Lock()
	if len(m.queue)-m.head >= m.full {
		m.conflate()
	}
	if len(m.queue) == cap(m.queue) && 2*m.head >= len(m.queue) {
		m.slide()
	}
	m.queue = append(m.queue, t)
	m.mu.Unlock()
	m.poke()
}

// end lets deliver return once what waits has been taken. Any goroutine.
func (m *mailbox) end() {
	m.mu.Lock()
	m.ended = true
	m.mu.Unlock()
	m.poke()
}

func (m *mailbox) poke() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// deliver moves ticks to the channel until end or stop, then closes it.
func (m *mailbox) deliver(stop <-chan struct{}) {
	defer close(m.out)
	for {
		t, ok, ended := m.take()
		switch {
		case ok:
			select {
			case m.out <- t:
			case <-stop:
				return
			}
		case ended:
			return
		default:
			select {
			case <-m.wake:
			case <-stop:
				return
			}
		}
	}
}

func (m *mailbox) take() (t Tick, ok, ended bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.head == len(m.queue) {
		return Tick{}, false, m.ended
	}
	t = m.queue[m.head]
	m.queue[m.head] = Tick{}
	m.head++
	if m.head == len(m.queue) {
		m.queue, m.head = m.queue[:0], 0
	}
	return t, true, false
}

// conflate keeps the newest waiting tick of each token, in their order, and
// adds to its Missed what was dropped before it.
func (m *mailbox) conflate() {
	newest := make(map[string]int) // token → place in queue
	for i := len(m.queue) - 1; i >= m.head; i-- {
		t := &m.queue[i]
		keep, seen := newest[t.Token]
		if !seen {
			newest[t.Token] = i
			continue
		}
		m.queue[keep].follow(t)
		m.conflated++
	}
	kept := m.queue[:0]
	for i := m.head; i < len(m.queue); i++ {
		if newest[m.queue[i].Token] == i {
			kept = append(kept, m.queue[i])
		}
	}
	clear(m.queue[len(kept):])
	m.queue, m.head = kept, 0
	// Half the room is free again, so that the walk above is paid by many puts.
	m.full = max(m.limit, 2*len(kept))
}

func (m *mailbox) slide() {
	n := copy(m.queue, m.queue[m.head:])
	clear(m.queue[n:])
	m.queue, m.head = m.queue[:n], 0
}

// lost says how many ticks were conflated away. Any goroutine.
func (m *mailbox) lost() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.conflated
}
