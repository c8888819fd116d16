package main

import (
	"context"
	"os"
	"runtime"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"

	"azira/proto"
)

// A floor is the kernel's price: for each tick it calls send(2), without going
// through Go's scheduler or poller, for each socket that is due, and nothing else.
//
// With perSend of K it calls once for every K ticks that are due to a socket, with
// K frames in one block. The block is K times the tick at hand, so that nothing is
// copied for each client: their number and bytes are those of real deliveries, but
// a client that looks will see one tick K times and miss the others. At the end of
// the flow up to K-1 ticks per client remain unsent.
//
// A socket that takes no more loses ticks, counted, but never half a frame.
type floor struct {
	// Fixed after newFloor.
	perSend uint32
	clients int
	poll    int // epoll
	ln      int
	keep    *os.File // holds ln open

	// Shared by feed and poll loop, under mu. The feed holds it for a tick.
	mu      sync.Mutex
	sockets []floorSocket // by descriptor
	conns   map[int32]*floorConn
	wants   interest[int32]
	block   []byte // of the tick at hand
	tally   tally
}

// A floorSocket is all that a tick looks at.
type floorSocket struct {
	due  uint32 // ticks since the last send
	late bool   // the rest of a block is to go first
}

func missingFloor() error { return nil }

func runFloor(ctx context.Context, o options, ready func(string)) error {
	// One thread at work: sends and handshakes take turns.
	runtime.GOMAXPROCS(1)
	f, addr, err := newFloor(o)
	if err != nil {
		return err
	}
	ready(addr)
	failed := make(chan error, 1)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		failed <- f.serve()
		cancel()
	}()
	err = subscribe(ctx, o, f)
	f.mu.Lock()
	f.tally.tell(o.Stderr, "floor")
	f.mu.Unlock()
	select {
	case err := <-failed:
		return err
	default:
		return err // the poll loop ends with the process
	}
}

// Tick implements feed.Sink.
func (f *floor) Tick(topic, data []byte, _ int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tally.ticks++
	f.block = f.block[:0]
	for _, fd := range f.wants.of(topic) {
		s := &f.sockets[fd]
		if s.due++; s.due < f.perSend {
			continue
		}
		s.due = 0
		if len(f.block) == 0 {
			f.build(data)
		}
		n := 0
		if !s.late {
			n = send(fd, f.block)
		}
		if n != len(f.block) {
			f.short(fd, s, n)
			continue
		}
		f.tally.delivered += uint64(f.perSend)
	}
}

// Flush implements feed.Sink.
func (f *floor) Flush() {}

// build makes the block of a tick, once for all who are due.
func (f *floor) build(data []byte) {
	f.block = proto.AppendFrame(f.block, proto.OpText, data)
	one := len(f.block)
	for range f.perSend - 1 {
		f.block = append(f.block, f.block[:one]...)
	}
}

// short is the slow path: the socket took n bytes of the block, or it still has to
// take the rest of another. A broken socket is left to the poll loop, which hears
// of it too.
func (f *floor) short(fd int32, s *floorSocket, n int) {
	c := f.conns[fd]
	if s.late {
		if c.rest = c.rest[max(0, send(fd, c.rest)):]; len(c.rest) > 0 {
			f.tally.dropped += uint64(f.perSend)
			return
		}
		n = send(fd, f.block)
	}
	if n <= 0 {
		s.late = false
		f.tally.dropped += uint64(f.perSend)
		return
	}
	f.tally.delivered += uint64(f.perSend)
	c.rest = append(c.rest[:0], f.block[n:]...)
	s.late = len(c.rest) > 0
}

// send returns the bytes that the kernel took, less than none if it took none.
func send(fd int32, p []byte) int {
	n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&p[0])),
		uintptr(len(p)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
	if errno != 0 {
		return -int(errno)
	}
	return int(n)
}
