package bench

import "math/bits"

// A member is one client of a swarm: 56 bytes, 8 for each place of its table of
// tokens, and what it has of an unfinished frame.
type member struct {
	rest   []byte // of the stream, not taken yet
	late   uint64 // µs, over the window's frames
	frames uint32 // of the window
	seen   uint32 // where its table begins in herd.seen
	fd     int32
	state  memberState
	bits   uint8 // of its table's size
	slow   bool
	again  uint8  // reads since it was healed, up to readsAgain
	since  uint32 // when it was told to come back: ms of the run

	resuming bool // it asked for what it missed and does not have all of it yet
}

// A memberState is how far a member has come.
type memberState uint8

const (
	memberAway    memberState = iota // no socket, or one that is being connected
	memberShaking                    // TLS is shaking hands, elsewhere
	memberAsked                      // the handshake is sent
	memberOpen                       // the subscribe is sent
	memberHeard                      // the server has said something since
	memberClosed                     // by the server
)

// A place says which tick of a token came last. Free ones have token 0.
type place struct {
	token uint32 // plus 1
	last  uint32 // n of the last tick, seq in typed dialects; 0 before the first
}

// tableBits is the size of a table with room to spare for so many tokens.
func tableBits(tokens int) uint8 { return uint8(bits.Len(uint(tokens + tokens/2))) }

// places find those of one member's tokens: open addressing, never full.
type places []place

func (t places) slot(token uint32) int {
	return int(token * 0x9E3779B1 >> (32 - bits.TrailingZeros(uint(len(t)))))
}

// find is the place of a token, nil if the member does not hold it.
func (t places) find(token uint32) *place {
	for i := t.slot(token); ; i++ {
		p := &t[i&(len(t)-1)]
		switch p.token {
		case token + 1:
			return p
		case 0:
			return nil
		}
	}
}

func (t places) insert(token uint32) {
	i := t.slot(token)
	for t[i&(len(t)-1)].token != 0 {
		i++
	}
	t[i&(len(t)-1)].token = token + 1
}

// forget takes all ticks as not seen.
func (t places) forget() {
	for i := range t {
		t[i].last = 0
	}
}

// sum is that of the last ticks' numbers.
func (t places) sum() (n uint64) {
	for _, p := range t {
		n += uint64(p.last)
	}
	return n
}

// keep holds on to what is left of a read. Memory for much of it is not kept once
// it is gone.
func (m *member) keep(rest []byte) {
	if len(rest) == 0 && cap(m.rest) > restKeptMax {
		m.rest = nil
		return
	}
	m.rest = append(m.rest[:0], rest...)
}
