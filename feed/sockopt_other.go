//go:build !linux

package feed

import (
	"errors"
	"syscall"
)

// widenReceive leaves the system's own sizing alone.
func widenReceive(_, _ string, _ syscall.RawConn) error { return nil }

func isInUse(err error) bool { return errors.Is(err, syscall.EADDRINUSE) }
