package main

import "syscall"

// childAttr ends a child with its parent, should that be killed.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
}
