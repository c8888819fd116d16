package engine

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

func readinessOf(ev uint32, _ uint16) readiness {
	return readiness{
		read:   ev&(unix.EPOLLIN|unix.EPOLLPRI|unix.EPOLLRDHUP) != 0,
		write:  ev&unix.EPOLLOUT != 0,
		ended:  ev&unix.EPOLLRDHUP != 0,
		broken: ev&(unix.EPOLLERR|unix.EPOLLHUP) != 0,
	}
}

// A bell wakes a poller from any goroutine, by an eventfd. Watched for edges,
// it need never be read.
type bell struct{ efd int }

var one = [8]byte{1}

func newBell() (*bell, error) {
	fd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	return &bell{fd}, os.NewSyscallError("eventfd", err)
}

func (b *bell) fd() int { return b.efd }

func (b *bell) ring() {
	_, _ = unix.Write(b.efd, one[:]) // full after 2^64 rings
}

func (b *bell) heard() {}

func (b *bell) close() { _ = unix.Close(b.efd) }

// silentFor returns for how long the peer's kernel has confirmed nothing, though
// sent bytes wait for it; 0 if none do.
func silentFor(fd int) time.Duration {
	info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil || info.Unacked == 0 {
		return 0
	}
	return time.Duration(info.Last_ack_recv) * time.Millisecond
}
