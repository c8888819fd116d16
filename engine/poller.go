package engine

import (
	"errors"
	"fmt"

	errorx "github.com/panjf2000/gnet/v2/pkg/errors"
	"github.com/panjf2000/gnet/v2/pkg/netpoll"
	"github.com/panjf2000/gnet/v2/pkg/queue"
)

// A poller tells a loop what its sockets are ready for. It is the seam to gnet:
// epoll on Linux, kqueue elsewhere, edges only.
//
// An edge is told once, so a socket must be read and written until it refuses.
type poller struct {
	// Fixed after openPoller.
	p    *netpoll.Poller
	bell *bell
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
	if err := p.AddRead(&netpoll.PollAttachment{FD: b.fd()}, true); err != nil {
		return nil, fmt.Errorf("watch wake-up: %w", err)
	}
	return &poller{p: p, bell: b}, nil
}

// run calls woken after wake and ready for each socket with news, until stop.
func (p *poller) run(woken func(), ready func(fd int, r readiness)) error {
	bell := p.bell.fd()
	err := p.p.Polling(func(fd int, ev netpoll.IOEvent, flags netpoll.IOFlags) error {
		if fd == bell {
			p.bell.heard()
			woken()
			return nil
		}
		ready(fd, readinessOf(ev, flags))
		return nil
	})
	if errors.Is(err, errorx.ErrEngineShutdown) {
		return nil
	}
	return err
}

// add watches a socket until it is closed.
func (p *poller) add(fd int) error {
	return p.p.AddReadWrite(&netpoll.PollAttachment{FD: fd}, true)
}

// wake makes run call woken. Any goroutine; it allocates nothing.
func (p *poller) wake() { p.bell.ring() }

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
	_ = p.p.Close() // nothing is left to lose
}
