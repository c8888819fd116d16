package server

import (
	"bytes"
	"os"
	"runtime/metrics"
	"strconv"

	"golang.org/x/sys/unix"
)

// A ProcessStatus is about this process. What the system does not tell is 0.
type ProcessStatus struct {
	Resident   uint64  `json:"resident_bytes"` // memory, as the system counts it
	Heap       uint64  `json:"heap_bytes"`     // objects, those not collected yet counted in
	FDs        int     `json:"fds"`
	FDsMax     int     `json:"fds_max"`
	Goroutines int     `json:"goroutines"`
	CPUS       float64 `json:"cpu_s"` // seconds of processors so far
}

func processStatus() (p ProcessStatus) {
	s := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/sched/goroutines:goroutines"},
	}
	metrics.Read(s)
	p.Heap, p.Goroutines = s[0].Value.Uint64(), int(s[1].Value.Uint64())
	p.Resident, p.FDs = resident(), openFDs()
	var lim unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &lim) == nil {
		p.FDsMax = int(min(lim.Cur, 1<<30))
	}
	var use unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &use) == nil {
		p.CPUS = float64(use.Utime.Nano()+use.Stime.Nano()) / 1e9
	}
	return p
}

// resident is the second number of /proc/self/statm, in pages (proc(5)).
func resident() uint64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := bytes.Fields(text)
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseUint(string(fields[1]), 10, 64)
	return pages * uint64(os.Getpagesize())
}

// openFDs counts the descriptors in use; the one it looks with is not among them.
func openFDs() int {
	d, err := os.Open("/proc/self/fd")
	if err != nil {
		return 0
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	if err != nil {
		return 0
	}
	return len(names) - 1
}
