package engine

import (
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"azira/internal/invariant"
)

// pollEnded is what poll(2) says of a socket whose peer sends no more.
const pollEnded = unix.POLLRDHUP

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

// An alarm is a timer of the kernel. Watched for edges, it need never be read.
type alarm struct{ tfd int }

func newAlarm() (*alarm, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	return &alarm{fd}, os.NewSyscallError("timerfd_create", err)
}

func (a *alarm) fd() int { return a.tfd }

func (a *alarm) set(d time.Duration) error {
	t := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(d))}
	return os.NewSyscallError("timerfd_settime", unix.TimerfdSettime(a.tfd, 0, &t, nil))
}

func (a *alarm) close() { _ = unix.Close(a.tfd) }

// send is write(2) on a socket that never blocks, without the runtime's
// bookkeeping for calls that may: 10 % less per small frame. Under the race
// detector the runtime's own is used, which tells it what is read.
func send(fd int, p []byte) (int, error) {
	if invariant.Enabled || len(p) == 0 {
		return unix.Write(fd, p)
	}
	n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), unix.MSG_NOSIGNAL, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// acked returns how many bytes the peer's kernel has confirmed in all.
func acked(fd int) uint64 {
	info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return 0
	}
	return info.Bytes_acked
}

// silentFor returns for how long the peer's kernel has confirmed nothing, though
// sent bytes wait for it; 0 if none do.
func silentFor(fd int) time.Duration {
	info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil || info.Unacked == 0 {
		return 0
	}
	return time.Duration(info.Last_ack_recv) * time.Millisecond
}
