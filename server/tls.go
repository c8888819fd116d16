package server

import (
	"crypto/tls"
	"net"
	"os"
	"time"
)

// A tlsSession is the TLS session of a stream, taken from net/http after its upgrade.
// crypto/tls keeps its state over reads that bring nothing, so that it needs neither
// goroutine nor socket: it reads what it is given, and what it writes is taken away.
//
//	socket ▶ records ▶ Open ▶ tls.Conn.Read  ▶ bytes
//	bytes  ▶ Seal ▶ tls.Conn.Write ▶ records ▶ socket
//
// It is the engine's Sealer.
type tlsSession struct {
	c *tls.Conn
	w *tlsWire
}

// A tlsWire is what a tls.Conn takes for its connection: a socket during the handshake
// and the upgrade, and then memory.
type tlsWire struct {
	net.Conn        // nil once it is memory
	in       []byte // records to be read
	out      []byte // records written
	records  recordScan
}

func newTLSSession(c net.Conn, config *tls.Config) *tlsSession {
	w := &tlsWire{Conn: c}
	return &tlsSession{tls.Server(w, config), w}
}

// errDry is what a tlsWire says when it has no more records: try again later.
var errDry = &net.OpError{Op: "read", Net: "memory", Err: os.ErrDeadlineExceeded}

func (w *tlsWire) Read(p []byte) (int, error) {
	if w.Conn != nil {
		n, err := w.Conn.Read(p)
		w.records.watch(p[:n])
		return n, err
	}
	if len(w.in) == 0 {
		return 0, errDry
	}
	n := copy(p, w.in)
	w.records.watch(p[:n])
	w.in = w.in[n:]
	return n, nil
}

func (w *tlsWire) Write(p []byte) (int, error) {
	if w.Conn != nil {
		return w.Conn.Write(p)
	}
	w.out = append(w.out, p...)
	return len(p), nil
}

// SetDeadline, SetReadDeadline and SetWriteDeadline mean nothing to memory.
func (w *tlsWire) SetDeadline(t time.Time) error {
	if w.Conn != nil {
		return w.Conn.SetDeadline(t)
	}
	return nil
}

func (w *tlsWire) SetReadDeadline(t time.Time) error {
	if w.Conn != nil {
		return w.Conn.SetReadDeadline(t)
	}
	return nil
}

func (w *tlsWire) SetWriteDeadline(t time.Time) error {
	if w.Conn != nil {
		return w.Conn.SetWriteDeadline(t)
	}
	return nil
}

// Close closes the socket, if there still is one.
func (w *tlsWire) Close() error {
	if w.Conn != nil {
		return w.Conn.Close()
	}
	return nil
}

// Seal appends the records that carry p.
func (s *tlsSession) Seal(dst, p []byte) ([]byte, error) {
	s.w.out = dst
	_, err := s.c.Write(p)
	dst, s.w.out = s.w.out, nil
	return dst, err
}

// Open takes records and appends what they carry.
func (s *tlsSession) Open(dst, p []byte) (plain, reply []byte, err error) {
	s.w.in = p
	for {
		if cap(dst)-len(dst) < tlsReadBytesMin {
			dst = append(dst, make([]byte, tlsReadBytes)...)[:len(dst)]
		}
		n, err := s.c.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		if err != nil {
			reply, s.w.out, s.w.in = s.w.out, nil, nil
			slack.release(s.c, tlsKeptBytes)
			if err == error(errDry) {
				err = nil
			}
			return dst, reply, err
		}
	}
}

// Held is how much there is of a record that is not whole.
func (s *tlsSession) Held() int { return s.w.records.held() }

// Bye appends the alert that says that nothing more comes.
func (s *tlsSession) Bye(dst []byte) []byte {
	s.w.out = dst
	_ = s.c.CloseWrite() // into memory
	dst, s.w.out = s.w.out, nil
	return dst
}
