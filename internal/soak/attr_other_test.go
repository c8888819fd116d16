//go:build !linux

package soak

import "syscall"

func processAttr() *syscall.SysProcAttr { return nil }
