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
		set := func(option int) error {
			return syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, option, receiveBytes)
		}
		if set(syscall.SO_RCVBUFFORCE) == nil {
			return
		}
		limit, err := os.ReadFile("/proc/sys/net/core/rmem_max")
		if err != nil {
			return // no limit known: the kernel's growing is the better bet
		}
		if n, err := strconv.Atoi(string(bytes.TrimSpace(limit))); err == nil && n >= receiveBytes {
			// A refusal leaves the kernel's default, which works too.
			_ = set(syscall.SO_RCVBUF)
		}
	})
}

func isInUse(err error) bool { return errors.Is(err, syscall.EADDRINUSE) }
