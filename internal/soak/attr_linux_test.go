package soak

import "syscall"

// processAttr has a child die with the thread that started it.
func processAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
