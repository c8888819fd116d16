package main

import (
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

// collectOnSignal has this process collect and give free memory back to the system
// whenever it gets SIGUSR1: what is resident then is what it needs. Twice, for the
// first collection only sets aside what pools keep.
func collectOnSignal() {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGUSR1)
	go func() {
		for range asked {
			debug.FreeOSMemory()
			debug.FreeOSMemory()
		}
	}()
}
