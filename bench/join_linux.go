package bench

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// A refusal is a server's wish that the client come again later.
type refusal struct {
	error
	after int64 // seconds
}

// grow makes members until there are n; turns dial them.
func (h *herd) grow(n int) {
	h.dialMax = openParallel
	for at := len(h.members); at < n; at++ {
		h.list = h.picker.list(h.list[:0], h.setup.First+at)
		m := member{fd: -1}
		h.join(&m, h.list)
		h.members = append(h.members, m)
		h.queue = append(h.queue, at)
	}
}

// opened says whether nobody is on the way any more.
func (h *herd) opened() bool { return len(h.queue)+len(h.retries)+h.dialing == 0 }

// dialMore takes members from the queue while not too many are on the way.
func (h *herd) dialMore(now time.Time) {
	for len(h.retries) > 0 && !h.retries[0].at.After(now) {
		h.queue = append(h.queue, h.retries[0].member)
		h.retries = h.retries[1:]
	}
	for len(h.queue) > 0 && h.dialing < h.dialMax && h.failed == nil {
		at := h.queue[0]
		h.queue = h.queue[1:]
		h.dialing++
		if err := h.dial(at, &h.members[at]); err != nil {
			h.lost(at, &h.members[at], err)
		}
	}
}

// dial begins to connect. Source addresses differ, as one has too few ports for
// a large swarm.
func (h *herd) dial(at int, m *member) error {
	fd, err := unix.Socket(unix.AF_INET,
		unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("make socket: %w", err)
	}
	m.fd = int32(fd)
	// The port is chosen by connect, which may use one that goes elsewhere too.
	if err := unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1); err != nil {
		return fmt.Errorf("set option: %w", err)
	}
	from := unix.SockaddrInet4{Addr: [4]byte{127, 0, h.setup.Source, byte(1 + at/sourceStreams)}}
	if err := unix.Bind(fd, &from); err != nil {
		return fmt.Errorf("bind address: %w", err)
	}
	err = unix.Connect(fd, &h.server)
	if err != nil && err != unix.EINPROGRESS {
		return fmt.Errorf("connect: %w", err)
	}
	return h.watch(unix.EPOLL_CTL_ADD, at, m, unix.EPOLLOUT)
}

func (h *herd) watch(op, at int, m *member, events uint32) error {
	ev := unix.EpollEvent{Events: events, Fd: int32(at)}
	if err := unix.EpollCtl(h.epoll, op, int(m.fd), &ev); err != nil {
		return fmt.Errorf("watch socket: %w", err)
	}
	return nil
}

// connected sends the handshake, or finds out why there is no connection.
func (h *herd) connected(at int, m *member) {
	code, err := unix.GetsockoptInt(int(m.fd), unix.SOL_SOCKET, unix.SO_ERROR)
	if err == nil && code != 0 {
		err = unix.Errno(code)
	}
	switch {
	case err != nil:
	case h.sealing != nil:
		err = h.shake(at, m)
	default:
		m.state = memberAsked
		if err = h.ask(at, m); err == nil {
			err = h.watch(unix.EPOLL_CTL_MOD, at, m, unix.EPOLLIN)
		}
	}
	if err != nil {
		h.lost(at, m, fmt.Errorf("open stream: %w", err))
	}
}

// ask sends the handshake.
func (h *herd) ask(at int, m *member) error {
	path := "/api/v1/stream"
	if h.setup.Dialect == dialectURL {
		h.list = h.picker.list(h.list[:0], h.setup.First+at)
		path = string(appendNames([]byte("/sub/"), h.list))
	}
	h.out = appendUpgrade(h.out[:0], path, h.setup.Addr, h.setup.Bearer,
		subprotocol(h.setup.Dialect))
	return h.write(m, h.out)
}

// lost is the end of a member's socket. One that was on its way back tries again;
// one that was to be opened for the first time fails the swarm; of others the end
// is counted.
func (h *herd) lost(at int, m *member, why error) {
	wasOpen := m.state >= memberOpen
	h.drop(at, m)
	var later refusal
	switch {
	case wasOpen && m.since == 0:
		m.state = memberClosed
		if !m.slow { // a server may have its fill of those
			h.tally.Faults.Closed++
			h.first("%v", why)
		}
	case m.since != 0:
		h.refused++
		if !wasOpen {
			h.dialing--
		}
		pause := retryPause
		if errors.As(why, &later) {
			pause = time.Duration(later.after) * time.Second
		}
		h.retries = append(h.retries, retry{time.Now().Add(pause), at})
	case h.failed == nil:
		h.failed = why
	}
}

// drop closes a member's socket.
func (h *herd) drop(at int, m *member) {
	if m.fd >= 0 {
		_ = unix.Close(int(m.fd)) // the epoll forgets it by this
	}
	delete(h.parts, at)
	delete(h.seals, m.fd)
	m.fd, m.state, m.rest = -1, memberAway, nil
}

// again has a member come back: anew, when what it saw before tells nothing, or cut off
// and to go on where it was.
func (h *herd) again(at int, cutOff bool) {
	m := &h.members[at]
	if m.state < memberOpen || m.slow {
		return // on its way, or busy with something else
	}
	if !cutOff {
		h.table(m).forget()
	} else if err := h.cut(m); err != nil {
		h.odd("%v", err)
	}
	h.drop(at, m)
	m.since = uint32(max(h.clock.now()/1000, 1))
	h.waiting++
	h.queue = append(h.queue, at)
}
