package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"

	"azira/proto"
)

// pollEvents is how many events are taken at a time.
const pollEvents = 256

// A floorConn is what is known of a socket besides its place among the due.
type floorConn struct {
	head     []byte // of a handshake that is incomplete
	upgraded bool
	decoder  proto.Decoder
	rest     []byte // of a block that the kernel took in part
}

func newFloor(o options) (*floor, string, error) {
	f := &floor{
		perSend: uint32(o.PerSend), clients: o.Clients,
		conns: map[int32]*floorConn{}, wants: newInterest[int32](),
	}
	at, err := netip.ParseAddrPort(o.Listen)
	if err != nil {
		return nil, "", fmt.Errorf("%w: %w", errListen, err)
	}
	// Go's listener sets the options; accepting is done on a descriptor of our own.
	ln, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(at))
	if err != nil {
		return nil, "", fmt.Errorf("listen: %w", err)
	}
	file, err := ln.File()
	if err != nil {
		return nil, "", fmt.Errorf("take listener: %w", err)
	}
	f.ln = int(file.Fd())
	if err := setLowWater(f.ln); err != nil { // what it accepts inherits it
		return nil, "", err
	}
	if err := unix.SetNonblock(f.ln, true); err != nil {
		return nil, "", fmt.Errorf("set non-blocking: %w", err)
	}
	if f.poll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, "", fmt.Errorf("create epoll: %w", err)
	}
	f.keep = file
	return f, ln.Addr().String(), f.watch(f.ln)
}

func (f *floor) watch(fd int) error {
	ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP, Fd: int32(fd)}
	if err := unix.EpollCtl(f.poll, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
		return fmt.Errorf("watch socket: %w", err)
	}
	return nil
}

// serve accepts, shakes hands and takes requests, for ever. While nobody comes, it
// sleeps in the kernel and costs nothing.
func (f *floor) serve() error {
	events := make([]unix.EpollEvent, pollEvents)
	scratch := make([]byte, requestBytesMax)
	for {
		n, err := unix.EpollWait(f.poll, events, -1)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("wait for events: %w", err)
		}
		for _, ev := range events[:max(n, 0)] {
			if int(ev.Fd) == f.ln {
				err = f.accept()
			} else {
				f.event(ev.Fd, scratch)
			}
			if err != nil && !errors.Is(err, unix.EINTR) {
				return err
			}
		}
	}
}

func (f *floor) accept() error {
	fd, _, err := unix.Accept4(f.ln, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
	switch {
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.ECONNABORTED):
		return nil
	case err != nil:
		return fmt.Errorf("accept: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.conns) >= f.clients {
		return unix.Close(fd)
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		return fmt.Errorf("set TCP_NODELAY: %w", err)
	}
	for len(f.sockets) <= fd {
		f.sockets = append(f.sockets, floorSocket{})
	}
	f.sockets[fd] = floorSocket{}
	f.conns[int32(fd)] = &floorConn{}
	return f.watch(fd)
}

// event reads what a client sent. Whatever is wrong ends the connection.
func (f *floor) event(fd int32, scratch []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.conns[fd]
	if c == nil {
		return // gone by an event before this one
	}
	n, err := unix.Read(int(fd), scratch)
	switch {
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		return
	case err == nil && n > 0:
		err = f.take(fd, c, scratch[:n])
	default:
		err = errGone
	}
	if err != nil {
		f.wants.forget(fd)
		delete(f.conns, fd)
		unix.Close(int(fd)) // leaves epoll with it; nothing else can be done about an error
	}
}

// take handles bytes of a client: the handshake, then requests.
func (f *floor) take(fd int32, c *floorConn, p []byte) error {
	if !c.upgraded {
		c.head = append(c.head, p...)
		answer, rest, err := answerHandshake(c.head)
		if err != nil || answer == nil {
			return err
		}
		c.upgraded, c.head, p = true, nil, rest
		if send(fd, answer) != len(answer) {
			return errGone
		}
	}
	for len(p) > 0 {
		m, n, ok, err := c.decoder.Next(p, requestBytesMax)
		if err != nil {
			return err
		}
		p = p[n:]
		if ok && m.Op == proto.OpClose {
			return errGone
		}
		if ok && m.Op == proto.OpText {
			if err := f.request(fd, m.Payload); err != nil {
				return err
			}
		}
	}
	return nil
}

// request answers before the first tick can come: the feed waits for mu.
func (f *floor) request(fd int32, p []byte) error {
	req, err := proto.ParseText(p)
	var answer []byte
	if fault, ok := errors.AsType[proto.TextFault](err); ok {
		answer = fault.Answer
	} else {
		answer = f.wants.apply(fd, req)
	}
	if f.sockets[fd].late {
		return errGone // an answer would cut a frame in two
	}
	frame := proto.AppendFrame(nil, proto.OpText, answer)
	if send(fd, frame) != len(frame) {
		return errGone
	}
	return nil
}
