package server

import (
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A budget shares the process's descriptors out, so that none is ever missing
// where it hurts: a reserve for the database, listeners and feed; a share
// that only requests use; the rest, which streams may fill.
//
//	limit = RLIMIT_NOFILE ▶ [ reserve | requests | streams …… ]
type budget struct {
	// Fixed.
	connsMax   int // connections, streams among them
	streamsMax int
	streams    func() int // open ones, from the engine
	memory     *pressure
	began      time.Time

	// Shared.
	conns   atomic.Int64 // held by net/http
	opening atomic.Int64 // upgrades under way
	refused [refusedReasons]atomic.Uint64
	short   atomic.Uint64 // times the system had no descriptor
	shortAt atomic.Int64  // the last of them, since began

	secured, unsecured atomic.Uint64 // connections closed with and without a TLS session
}

// Why there is no room for one more.
const (
	noDescriptor   = iota
	noMemory       // streams only
	addressIsFull  // connections only: one address has as many as it may
	refusedReasons // how many there are
)

var refusedNames = [refusedReasons]string{"descriptors", "memory", "address"}

// refusals is how often there was none, for any reason.
func (b *budget) refusals() (all uint64) {
	for i := range b.refused {
		all += b.refused[i].Load()
	}
	return all
}

// newBudget shares out limit descriptors, for an engine of so many loops.
func newBudget(limit, loops int, streams func() int, memory *pressure) *budget {
	conns := max(1, limit-fdReserve-fdPerLoop*loops)
	return &budget{
		connsMax:   conns,
		streamsMax: conns - min(conns/fdHTTPShare, fdHTTPMax),
		streams:    streams,
		memory:     memory,
		began:      time.Now(),
	}
}

// enter counts a connection in, unless all are in use.
func (b *budget) enter() bool {
	if int(b.conns.Add(1))+b.streams() <= b.connsMax {
		return true
	}
	b.conns.Add(-1)
	return false
}

func (b *budget) leave() { b.conns.Add(-1) }

// open counts an upgrade in, unless there are as many streams as may be, or memory is
// short; each success is followed by one opened.
func (b *budget) open() bool {
	if b.memory.tight.Load() {
		b.refused[noMemory].Add(1)
		return false
	}
	if int(b.opening.Add(1))+b.streams() <= b.streamsMax {
		return true
	}
	b.opening.Add(-1)
	b.refused[noDescriptor].Add(1)
	return false
}

// opened ends what open began: by now the engine counts the stream, or it failed.
func (b *budget) opened() { b.opening.Add(-1) }

// missed notes that the system had no descriptor, if that is what err says. The budget
// keeps this process off its own limit; the system's, or a lowered one, it can't know.
func (b *budget) missed(err error) bool {
	if !errors.Is(err, syscall.EMFILE) && !errors.Is(err, syscall.ENFILE) {
		return false
	}
	b.short.Add(1)
	b.shortAt.Store(int64(time.Since(b.began)))
	return true
}

// trouble is why no more streams are taken; empty if they are.
func (b *budget) trouble() string {
	streams := int(b.opening.Load()) + b.streams() // as open counts
	switch {
	case streams >= b.streamsMax, int(b.conns.Load())+streams >= b.connsMax:
		return fmt.Sprintf("no file descriptors left: %d streams of at most %d",
			streams, b.streamsMax)
	case b.short.Load() > 0 && time.Since(b.began)-time.Duration(b.shortAt.Load()) < shortageCalm:
		return "the system has no file descriptors left"
	}
	return ""
}

// raiseLimit raises RLIMIT_NOFILE to the hard limit and returns what holds
// now. Fewer than fdMin is an error that says what to do.
func raiseLimit() (int, error) {
	var lim unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &lim); err != nil {
		return 0, fmt.Errorf("read the limit of file descriptors: %w", err)
	}
	if lim.Cur < lim.Max {
		raised := lim
		raised.Cur = lim.Max
		if unix.Setrlimit(unix.RLIMIT_NOFILE, &raised) == nil {
			lim = raised
		}
	}
	n := int(min(lim.Cur, 1<<30))
	if n < fdMin {
		return 0, fmt.Errorf("%w: %d, at least %d are needed (ulimit -n %d)",
			errFewDescriptors, n, fdMin, fdMin)
	}
	return n, nil
}
