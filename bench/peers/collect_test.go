package main

import (
	"runtime"
	"syscall"
	"testing"
	"time"
)

// What is free goes back to the system on SIGUSR1.
func TestCollectOnSignal(t *testing.T) {
	const bytes = 64 << 20
	garbage := make([]byte, bytes)
	for i := 0; i < len(garbage); i += 4096 {
		garbage[i] = 1
	}
	runtime.KeepAlive(garbage)
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	collectOnSignal()
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(testTimeout); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if runtime.ReadMemStats(&now); now.HeapReleased >= before.HeapReleased+bytes/2 {
			return
		}
	}
	t.Errorf("released %d bytes before, %d after", before.HeapReleased, now.HeapReleased)
}
