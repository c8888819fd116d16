package bench

import "syscall"

// processAttr keeps a terminal's Ctrl-C from the server, which is stopped in
// order instead, and ends it with us if we are killed.
func processAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
