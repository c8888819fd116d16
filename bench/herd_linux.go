package bench

import (
	"crypto/tls"
	"fmt"
	"net/netip"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A herd is all clients of one process on one epoll: a loop that reads whatever
// socket has something into one buffer, and checks it there.
//
// It belongs to one goroutine.
type herd struct {
	checker

	// Fixed after newHerd.
	setup  swarmLoad
	typed  bool // its dialect
	clock  clock
	epoll  int
	server unix.SockaddrInet4

	sealing *tls.Config     // nil is clear text
	seals   map[int32]*seal // by descriptor
	records []byte          // read by a member with a seal
	shaken  chan shaken     // handshakes that are over
	shaking int             // and those that are not, or not looked at

	picker  *picker
	members []member
	buf     []byte
	out     []byte         // a request being written
	list    []uint32       // its tokens
	parts   map[int][]byte // unfinished messages of NATS that end inside a frame, by member

	queue    []int   // members to dial
	retries  []retry // and those that were refused and wait for it
	dialing  int     // members between dial and heard, or open if none of them is waited for
	dialMax  int
	failed   error // why opening failed
	returned histogram
	refused  int
	waiting  int // members that were told to come back and are not heard yet

	churnRate float64
	churned   float64
	churnFrom time.Time
	churnNext int
	slowRate  float64 // bytes/s of each slow member; 0 is none at all
	slowTurn  time.Time
	began     time.Time // of the window
	cpu       time.Duration
}

// A retry is a member that was refused and is to be dialled again.
type retry struct {
	at     time.Time
	member int
}

func newHerd(s swarmLoad) (*herd, error) {
	addr, err := netip.ParseAddrPort(s.Addr)
	if err != nil || !addr.Addr().Is4() {
		return nil, fmt.Errorf("%w: address %q: expected IPv4 and a port", ErrConfig, s.Addr)
	}
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make epoll: %w", err)
	}
	h := &herd{
		checker: checker{count: s.Count, numbers: s.First, priceAlone: priceAlone(s.Dialect)},
		setup:   s, typed: typed(s.Dialect),
		clock: newClock(s.Epoch), epoll: fd,
		server: unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()},
		picker: newPicker(s.Load),
		buf:    make([]byte, readBytes), parts: map[int][]byte{}, dialMax: openParallel,
	}
	return h, h.sealAll()
}

// turn waits for sockets, at most for as long as is given, and serves them.
func (h *herd) turn(events []unix.EpollEvent, wait time.Duration) error {
	n, err := unix.EpollWait(h.epoll, events, int(wait.Milliseconds()))
	if err != nil && err != unix.EINTR {
		return fmt.Errorf("wait for sockets: %w", err)
	}
	h.tellTime()
	for i := range max(n, 0) {
		at := int(events[i].Fd)
		if m := &h.members[at]; m.state == memberAway {
			h.connected(at, m)
		} else {
			h.readable(at, m)
		}
	}
	h.shook()
	now := time.Now()
	h.readSlowly(now)
	h.churn(now)
	h.dialMore(now)
	return nil
}

// readable takes what a member's socket has. One read is enough: what it leaves
// makes the socket readable again.
func (h *herd) readable(at int, m *member) {
	h.read(at, m, len(h.buf))
}

func (h *herd) read(at int, m *member, most int) {
	if len(m.rest) > len(h.buf)/2 {
		h.buf = make([]byte, 2*len(h.buf))
	}
	old := copy(h.buf, m.rest)
	s, into := h.seals[m.fd], h.buf[old:min(old+most, len(h.buf))]
	if s != nil {
		into = h.records[:min(most, len(h.records))]
	}
	n, errno := readNow(int(m.fd), into)
	switch {
	case errno == unix.EAGAIN || errno == unix.EINTR:
		return
	case errno != 0:
		h.lost(at, m, fmt.Errorf("read stream: %w", errno))
		return
	case n == 0:
		h.lost(at, m, fmt.Errorf("%w: 1006", errClosed))
		return
	}
	h.tally.Reads++
	m.again = min(m.again+1, readsAgain)
	h.tally.Bytes += uint64(n)
	rest, err := h.buf[:old+n], error(nil)
	if s != nil {
		rest, err = s.open(h.buf[:old], into[:n])
	}
	if err == nil {
		rest, err = h.receive(at, m, rest, h.clock.now())
	}
	if err != nil {
		h.lost(at, m, err)
		return
	}
	m.keep(rest)
}

// receive takes all that is whole of a member's bytes and returns the rest.
func (h *herd) receive(at int, m *member, p []byte, now int64) ([]byte, error) {
	if m.state == memberAsked {
		var err error
		if p, err = h.switched(at, m, p); err != nil || m.state == memberAsked {
			return p, err
		}
	}
	for {
		f, rest, ok, err := nextFrame(p)
		if err != nil || !ok {
			return rest, err
		}
		if err := h.frame(at, m, f, now); err != nil {
			return nil, err
		}
		p = rest
	}
}

// close ends all members.
func (h *herd) close() {
	h.endShakes()
	for i := range h.members {
		if m := &h.members[i]; m.fd >= 0 {
			_ = unix.Close(int(m.fd)) // nothing is lost by it
		}
	}
	_ = unix.Close(h.epoll)
}

// readNow reads without telling Go's scheduler: the socket does not block.
func readNow(fd int, p []byte) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(fd),
		uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)))
	return int(n), errno
}
