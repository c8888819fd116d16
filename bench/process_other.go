//go:build !linux

package bench

import "syscall"

// processAttr keeps a terminal's Ctrl-C from the server, which is stopped in
// order instead.
func processAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
