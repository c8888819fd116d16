package engine

import (
	"errors"
	"fmt"
	"time"

	errorx "github.com/panjf2000/gnet/v2/pkg/errors"
	"github.com/panjf2000/gnet/v2/pkg/netpoll"
	"github.com/panjf2000/gnet/v2/pkg/queue"
	"golang.org/x/sys/unix"
)

// A poller tells a loop what its sockets are ready for. It is the seam to gnet:
// epoll on Linux, kqueue elsewhere, edges only.
//
// An edge is told once, so a socket must be read and written until it refuses.
type poller struct {
	// Fixed after openPoller.
	p     *netpoll.Poller
	bell  *bell
	alarm *alarm
}

// A readiness is what a socket is ready for. ended: its peer sends no more, read
// what is left; broken: it is of no use any more.
type readiness struct{ read, write, ended, broken bool }

func openPoller() (*poller, error) {
	p, err := netpoll.OpenPoller()
	if err != nil {
		return nil, fmt.Errorf("open poller: %w", err)
	}
	b, err := newBell()
	if err != nil {
		return nil, fmt.Errorf("open wake-up: %w", err)
	}
	a, err := newAlarm()
	if err != nil {
		return nil, fmt.Errorf("open timer: %w", err)
	}
	for _, fd := range []int{b.fd(), a.fd()} {
		if err := p.AddRead(&netpoll.PollAttachment{FD: fd}, true); err != nil {
			return nil, fmt.Errorf("watch wake-up: %w", err)
		}
	}
	return &poller{p: p, bell: b, alarm: a}, nil
}

// run calls woken after wake, due when the time of after has come, and ready for
// each socket with news, until stop.
func (p *poller) run(woken, due func(), ready func(fd int, r readiness)) error {
	bell, alarm := p.bell.fd(), p.alarm.fd()
	err := p.p.Polling(func(fd int, ev netpoll.IOEvent, flags netpoll.IOFlags) error {
		switch fd {
		case bell:
			p.bell.heard()
			woken()
		case alarm:
			due()
		default:
			ready(fd, readinessOf(ev, flags))
		}
		return nil
	})
	if errors.Is(err, errorx.ErrEngineShutdown) {
		return nil
	}
	return err
}

// confirm looks once more whether a socket has ended or is broken. What a poller tells
// may be of one closed since, whose descriptor is another's by now: the second turn of
// a pass may give it to a new connection.
func confirm(fd int, r readiness) readiness {
	now := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN | pollEnded}}
	if _, err := unix.Poll(now, 0); err != nil {
		return r
	}
	got := now[0].Revents
	r.ended = r.ended && got&(pollEnded|unix.POLLHUP) != 0
	r.broken = r.broken && got&(unix.POLLERR|unix.POLLHUP) != 0
	return r
}

// add watches a socket until it is closed.
func (p *poller) add(fd int) error {
	return p.p.AddReadWrite(&netpoll.PollAttachment{FD: fd}, true)
}

// wake makes run call woken. Any goroutine; it allocates nothing.
func (p *poller) wake() { p.bell.ring() }

// after makes run call due once d is over. Only the loop.
func (p *poller) after(d time.Duration) error { return p.alarm.set(d) }

// do runs f on the loop's goroutine. Any goroutine.
func (p *poller) do(f func()) error {
	return p.p.Trigger(queue.HighPriority, func(any) error { f(); return nil }, nil)
}

// stop ends run. Any goroutine.
func (p *poller) stop() error {
	return p.p.Trigger(queue.HighPriority, func(any) error { return errorx.ErrEngineShutdown }, nil)
}

// close gives the poller's descriptors back. Nobody may wake it any more.
func (p *poller) close() {
	p.bell.close()
	p.alarm.close()
	_ = p.p.Close() // nothing is left to lose
}
