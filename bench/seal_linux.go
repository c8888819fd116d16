package bench

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// A seal is a client's TLS session. Its handshake is a goroutine's, on the socket; then
// the session is the herd's, and its records come from memory and go there: crypto/tls
// keeps its state over reads that bring nothing.
type seal struct {
	net.Conn // nil: what crypto/tls does not call

	c   *tls.Conn
	fd  int    // -1 once the handshake is over
	in  []byte // records to be read
	out []byte // records written
}

// A shaken says how a member's handshake went.
type shaken struct {
	member int
	s      *seal
	err    error
}

// sealConfig is alike for all servers: TLS 1.3, and no session is resumed. Of those that
// know it, hybrid asks for ML-KEM too, as browsers do.
func sealConfig(trusted *x509.CertPool, hybrid bool) *tls.Config {
	c := &tls.Config{RootCAs: trusted, ServerName: "127.0.0.1", MinVersion: tls.VersionTLS13,
		CurvePreferences: []tls.CurveID{tls.X25519}, NextProtos: []string{"http/1.1"}}
	if hybrid {
		c.CurvePreferences = []tls.CurveID{tls.X25519MLKEM768, tls.X25519}
	}
	return c
}

// sealAll has members do TLS if they are to trust a certificate.
func (h *herd) sealAll() error {
	if h.setup.Trust == "" {
		return nil
	}
	trusted, err := roots(h.setup.Trust)
	if err != nil {
		return err
	}
	h.sealing, h.seals = sealConfig(trusted, h.setup.Hybrid), map[int32]*seal{}
	h.records, h.shaken = make([]byte, recordsBytes), make(chan shaken, openParallel)
	return nil
}

// errDry is what a seal says when there are no more records.
var errDry = &net.OpError{Op: "read", Net: "memory", Err: os.ErrDeadlineExceeded}

// shake has a member's handshake done elsewhere; shook tells when it is over.
func (h *herd) shake(at int, m *member) error {
	if err := h.watch(unix.EPOLL_CTL_DEL, at, m, 0); err != nil {
		return err
	}
	m.state = memberShaking
	h.shaking++
	s := &seal{fd: int(m.fd)}
	s.c = tls.Client(s, h.sealing)
	go func() {
		err := s.c.Handshake()
		s.fd = -1
		h.shaken <- shaken{at, s, err}
	}()
	return nil
}

// shook goes on with members whose handshake is over.
func (h *herd) shook() {
	for h.shaking > 0 {
		select {
		case x := <-h.shaken:
			h.shaking--
			m := &h.members[x.member]
			h.seals[m.fd] = x.s
			if x.err == nil {
				m.state = memberAsked
				x.err = h.ask(x.member, m)
			}
			if x.err == nil {
				x.err = h.watch(unix.EPOLL_CTL_ADD, x.member, m, unix.EPOLLIN)
			}
			if x.err != nil {
				h.lost(x.member, m, fmt.Errorf("open TLS stream: %w", x.err))
			}
		default:
			return
		}
	}
}

// endShakes waits for handshakes in progress, which are cut short.
func (h *herd) endShakes() {
	for i := range h.members {
		if m := &h.members[i]; m.state == memberShaking {
			_ = unix.Shutdown(int(m.fd), unix.SHUT_RDWR) // it may be gone already
		}
	}
	for ; h.shaking > 0; h.shaking-- {
		<-h.shaken
	}
}

// Read takes records: in the handshake from the socket, which it waits for.
func (s *seal) Read(p []byte) (int, error) {
	if s.fd < 0 {
		if len(s.in) == 0 {
			return 0, errDry
		}
		n := copy(p, s.in)
		s.in = s.in[n:]
		return n, nil
	}
	for {
		n, err := unix.Read(s.fd, p)
		switch {
		case n > 0:
			return n, nil
		case err == nil:
			return 0, io.EOF
		case err != unix.EAGAIN && err != unix.EINTR:
			return 0, fmt.Errorf("read: %w", err)
		}
		ready := []unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLIN}}
		if n, err := unix.Poll(ready, int(openTimeout.Milliseconds())); n == 0 && err == nil {
			return 0, fmt.Errorf("%w for the handshake", errLate)
		}
	}
}

// Write takes records: there is always room for a handshake's.
func (s *seal) Write(p []byte) (int, error) {
	if s.fd < 0 {
		s.out = append(s.out, p...)
		return len(p), nil
	}
	n, err := unix.Write(s.fd, p)
	if err != nil {
		return n, fmt.Errorf("write: %w", err)
	}
	return n, nil
}

// seal is the records that carry p, valid until the next.
func (s *seal) seal(p []byte) ([]byte, error) {
	s.out = s.out[:0]
	_, err := s.c.Write(p)
	return s.out, err
}

// open appends what records carry to dst, which has room for it.
func (s *seal) open(dst, records []byte) ([]byte, error) {
	s.in = records
	for {
		n, err := s.c.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		switch {
		case err == error(errDry):
			return dst, nil
		case errors.Is(err, io.EOF):
			return dst, fmt.Errorf("%w: 1006", errClosed)
		case err != nil:
			return dst, fmt.Errorf("open record: %w", err)
		}
	}
}
