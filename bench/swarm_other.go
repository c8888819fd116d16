//go:build !linux

package bench

import (
	"context"
	"io"
)

// RunSwarm needs epoll.
func RunSwarm(context.Context, io.Reader, io.Writer) error { return errLinux }
