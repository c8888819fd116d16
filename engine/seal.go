package engine

import (
	"slices"

	"golang.org/x/sys/unix"
)

// A Sealer is the TLS session of a stream, after its handshake: bytes go in and records
// come out, and the other way round, without a socket, a goroutine or a lock. It belongs
// to the stream's loop.
type Sealer interface {
	// Seal appends the records that carry p to dst.
	Seal(dst, p []byte) ([]byte, error)
	// Open takes what the socket had and appends what it carries to dst, as far as
	// records are whole. It may have something to say itself: reply is to be sent.
	Open(dst, p []byte) (plain, reply []byte, err error)
	// Held is how much it keeps of a record that is not whole, in bytes.
	Held() int
	// Bye appends the alert that says that nothing more comes.
	Bye(dst []byte) []byte
}

// sealed is what a loop keeps of a stream with a Sealer, by descriptor.
type sealed struct {
	s    Sealer
	rest []byte // records in progress: they are sealed in order, and can't be taken back
}

// sealAs makes a connection one with a Sealer.
func (l *loop) sealAs(c *conn, s Sealer) {
	for int(c.fd) >= len(l.seals) {
		l.seals = append(l.seals, make([]sealed, int(c.fd)+1-len(l.seals))...)
	}
	l.seals[c.fd] = sealed{s: s}
	c.sealed = true
}

// writeTo hands bytes to a connection, sealed if it has a Sealer: n of them were taken,
// fewer than all if its socket is full. A sealed connection may have taken all and
// still hold records back: held says so.
func (l *loop) writeTo(c *conn, p []byte) (n int, held bool, err error) {
	if c.sealed {
		return l.writeSealed(c.fd, p)
	}
	n, err = l.write(c.fd, p)
	return n, false, err
}

// writeSealed seals a record at a time and hands it to the socket, until that takes
// less than all: what is left of one record is kept.
func (l *loop) writeSealed(fd int32, p []byte) (n int, held bool, err error) {
	x := &l.seals[fd]
	if len(x.rest) > 0 {
		return 0, true, nil
	}
	for n < len(p) {
		chunk := p[n:min(len(p), n+sealBytes)]
		l.scratch.sealed, err = x.s.Seal(l.scratch.sealed[:0], chunk)
		if err != nil {
			return n, false, err
		}
		n += len(chunk)
		took, err := l.write(fd, l.scratch.sealed)
		if err != nil {
			return n, false, err
		}
		if took < len(l.scratch.sealed) {
			x.rest = slices.Clone(l.scratch.sealed[took:])
			return n, true, nil
		}
	}
	return n, false, nil
}

// flushSealed sends the rest of the record in progress; false if some of it is left.
func (l *loop) flushSealed(fd int32) (took int, all bool, err error) {
	x := &l.seals[fd]
	if len(x.rest) == 0 {
		return 0, true, nil
	}
	took, err = l.write(fd, x.rest)
	if err != nil {
		return took, false, err
	}
	if x.rest = x.rest[took:]; len(x.rest) > 0 {
		return took, false, nil
	}
	x.rest = nil
	return took, true, nil
}

// open is what a sealed connection's bytes carry.
func (l *loop) open(c *conn, p []byte) ([]byte, error) {
	plain, reply, err := l.seals[c.fd].s.Open(l.scratch.plain[:0], p)
	l.scratch.plain = plain
	if len(reply) > 0 && err == nil {
		x := &l.seals[c.fd]
		took := 0
		if len(x.rest) == 0 {
			took, err = l.write(c.fd, reply)
		}
		x.rest = append(x.rest, reply[took:]...)
	}
	return plain, err
}

// torn is how much a connection's Sealer keeps of a record that is not whole: it counts
// and has its time as an incomplete request does.
func (l *loop) torn(c *conn) int {
	if !c.sealed {
		return 0
	}
	return l.seals[c.fd].s.Held()
}

// bye tells the peer of a sealed connection that nothing more comes.
func (l *loop) bye(c *conn) {
	if c.sealed {
		l.scratch.sealed = l.seals[c.fd].s.Bye(l.scratch.sealed[:0])
		_, _ = unix.Write(int(c.fd), l.scratch.sealed) // it may be gone already
	}
}
