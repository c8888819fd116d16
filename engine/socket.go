package engine

import (
	"time"

	"golang.org/x/sys/unix"
)

// This is all that loops do to sockets, but for reading them, which a poller tells
// them to. An engine with Options.Null has none: descriptors are mere numbers then.

// write hands bytes to a socket: n of them were taken, fewer than all if it is
// full now. An error says that it is broken.
func (l *loop) write(fd int32, p []byte) (n int, err error) {
	if l.null != nil {
		l.null(int(fd), p)
		return len(p), nil
	}
	for {
		n, err = send(int(fd), p)
		switch err {
		case nil:
			return n, nil
		case unix.EAGAIN:
			return 0, nil
		case unix.EINTR:
		default:
			return 0, err
		}
	}
}

// watch has the poller tell of a socket, and keeps what the kernel holds unsent
// for it small, so that a stuck reader costs kilobytes and is noticed early.
func (l *loop) watch(fd int32) error {
	if l.null != nil {
		return nil
	}
	// A saving, not a need: an error changes nothing else.
	_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, notSentLowBytes)
	return l.poller.add(int(fd))
}

// hangUp sends our end after the close frame.
func (l *loop) hangUp(c *conn) {
	if l.null != nil {
		l.drop(c, int(c.code)) // there is no peer to wait for
		return
	}
	l.bye(c)
	_ = unix.Shutdown(int(c.fd), unix.SHUT_WR) // the peer may be gone already
	c.readable = true
	l.serve(c) // it may have ended before us
}

// acked is how many bytes the peer's kernel has confirmed in all.
func (l *loop) acked(fd int32) uint64 {
	if l.null != nil {
		return 0
	}
	return acked(int(fd))
}

// silent is for how long the peer's kernel has confirmed nothing, though sent bytes
// wait for it; 0 if none do.
func (l *loop) silent(fd int32) time.Duration {
	if l.null != nil {
		return 0
	}
	return silentFor(int(fd))
}

// release gives a descriptor back.
func (l *loop) release(fd int32) {
	if l.null == nil {
		_ = unix.Close(int(fd)) // nothing can be done about an error
	}
}
