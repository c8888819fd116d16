//go:build !linux

package bench

import "syscall"

// Cores are the processors that a process may run on; here it is always any.
type cores []int

func splitCores() (servers, others cores) { return nil, nil }

func (c cores) pinThread() error { return nil }

func (c cores) pinSelf() error { return nil }

func (c cores) times() coreTimes { return coreTimes{} }

func (p *process) usage() (usage, error) { return usage{}, errLinux }

func kernelMemory() float64 { return 0 }

// processAttr keeps a terminal's Ctrl-C from the child, which is stopped in
// order instead.
func processAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func endGently(*syscall.SysProcAttr) {}
