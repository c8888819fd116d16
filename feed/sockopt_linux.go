package feed

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"syscall"
)

// widenReceive asks for a receive buffer of n bytes before the connection is made.
//
// SO_RCVBUF is capped by rmem_max and ends the kernel's own growing (to 6 MiB as
// a rule): where the cap is below n it would shrink what it should widen, so it is
// then left alone, unless we may force it.
func widenReceive(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) {
		s := int(fd)
		if syscall.SetsockoptInt(s, syscall.SOL_SOCKET, syscall.SO_RCVBUFFORCE, receiveBytes) == nil {
			return
		}
		limit, err := os.ReadFile("/proc/sys/net/core/rmem_max")
		if err != nil {
			return // no limit known: the kernel's growing is the better bet
		}
		if n, err := strconv.Atoi(string(bytes.TrimSpace(limit))); err == nil && n >= receiveBytes {
			// A refusal leaves the kernel's default, which works too.
			_ = syscall.SetsockoptInt(s, syscall.SOL_SOCKET, syscall.SO_RCVBUF, receiveBytes)
		}
	})
}

func isInUse(err error) bool { return errors.Is(err, syscall.EADDRINUSE) }
