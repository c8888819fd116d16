package engine

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// pollEnded is what poll(2) says of a socket whose peer sends no more.
const pollEnded = unix.POLLHUP

func readinessOf(filter int16, flags uint16) readiness {
	eof := flags&unix.EV_EOF != 0
	return readiness{
		read:   filter == unix.EVFILT_READ,
		write:  filter == unix.EVFILT_WRITE,
		ended:  eof,
		broken: flags&unix.EV_ERROR != 0 || eof && filter == unix.EVFILT_WRITE,
	}
}

// A bell wakes a poller from any goroutine, by a pipe.
type bell struct{ r, w int }

var one = [1]byte{1}

func newBell() (*bell, error) {
	var p [2]int
	if err := unix.Pipe(p[:]); err != nil {
		return nil, os.NewSyscallError("pipe", err)
	}
	for _, fd := range p {
		unix.CloseOnExec(fd)
		if err := unix.SetNonblock(fd, true); err != nil {
			return nil, os.NewSyscallError("fcntl", err)
		}
	}
	return &bell{p[0], p[1]}, nil
}

func (b *bell) fd() int { return b.r }

func (b *bell) ring() {
	_, _ = unix.Write(b.w, one[:]) // a full pipe wakes as well
}

func (b *bell) heard() {
	var buf [64]byte
	for {
		if n, err := unix.Read(b.r, buf[:]); n < len(buf) || err != nil {
			return
		}
	}
}

func (b *bell) close() {
	_ = unix.Close(b.r)
	_ = unix.Close(b.w)
}

// An alarm rings a bell of its own after a time.
type alarm struct {
	*bell
	timer *time.Timer
}

func newAlarm() (*alarm, error) {
	b, err := newBell()
	if err != nil {
		return nil, err
	}
	t := time.AfterFunc(time.Hour, b.ring)
	t.Stop()
	return &alarm{b, t}, nil
}

func (a *alarm) set(d time.Duration) error {
	a.heard()
	a.timer.Reset(d)
	return nil
}

func (a *alarm) close() {
	a.timer.Stop()
	a.bell.close()
}

func send(fd int, p []byte) (int, error) { return unix.Write(fd, p) }

// acked can't be asked here: only bytes taken count.
func acked(int) uint64 { return 0 }

// silentFor can't be asked here: a peer that is gone is left to TCP's own timers.
func silentFor(int) time.Duration { return 0 }
