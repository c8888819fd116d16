package bench

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Cores are the processors that a process may run on; nil is any.
type cores []int

// splitCores gives the first processor to servers and the others to all else.
// With a single one nothing can be kept apart.
func splitCores() (servers, others cores) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil || set.Count() < 2 {
		return nil, nil
	}
	for i := range len(set) * 64 {
		switch {
		case !set.IsSet(i):
		case servers == nil:
			servers = cores{i}
		default:
			others = append(others, i)
		}
	}
	return servers, others
}

func (c cores) set() (set unix.CPUSet) {
	for _, i := range c {
		set.Set(i)
	}
	return set
}

// pinThread keeps the calling thread, and what it starts, on the cores.
func (c cores) pinThread() error {
	if c == nil {
		return nil
	}
	set := c.set()
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("pin to processors %v: %w", []int(c), err)
	}
	return nil
}

// pinSelf keeps all threads of this process on the cores; new ones follow.
func (c cores) pinSelf() error {
	if c == nil {
		return nil
	}
	set := c.set()
	tasks, err := os.ReadDir("/proc/self/task")
	for _, t := range tasks {
		if id, bad := strconv.Atoi(t.Name()); bad == nil {
			_ = unix.SchedSetaffinity(id, &set) // the thread may be gone by now
		}
	}
	if err != nil {
		return fmt.Errorf("list threads: %w", err)
	}
	return nil
}

// processAttr keeps a terminal's Ctrl-C from the child, which is stopped in
// order instead, and ends it with us if we are killed.
func processAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// endGently has the child asked to end if we are killed.
func endGently(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGTERM }

// tickSeconds is the unit of times in /proc: USER_HZ, which is 100 on all machines.
const tickSeconds = 0.01

// usage is what the child and all that it started in its group have used so far.
func (p *process) usage() (u usage, err error) {
	group := strconv.Itoa(p.cmd.Process.Pid)
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return u, fmt.Errorf("list processes: %w", err)
	}
	for _, e := range entries {
		id, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		text, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue // gone since
		}
		// The name, in brackets, may contain anything: fields are counted behind it.
		_, rest, _ := strings.Cut(string(text[strings.LastIndexByte(string(text), ')')+1:]), " ")
		f := strings.Fields(rest)
		if len(f) < 22 || f[2] != group {
			continue
		}
		user, _ := strconv.ParseFloat(f[11], 64)
		system, _ := strconv.ParseFloat(f[12], 64)
		pages, _ := strconv.ParseFloat(f[21], 64)
		u.User += user * tickSeconds
		u.System += system * tickSeconds
		u.RSS += pages * float64(os.Getpagesize())
		u.Total += exactTime(id, (user+system)*tickSeconds)
	}
	return u, nil
}

// times are how the cores have spent their time so far.
func (c cores) times() coreTimes {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return coreTimes{}
	}
	return c.parseTimes(string(text))
}

// parseTimes adds up the lines of the cores:
//
//	cpu0 USER NICE SYSTEM IDLE IOWAIT IRQ SOFTIRQ STEAL GUEST GUEST_NICE
func (c cores) parseTimes(stat string) (all coreTimes) {
	const idle, disk, steal, fields = 4, 5, 8, 9 // what guests used is in USER too
	for line := range strings.Lines(stat) {
		f := strings.Fields(line)
		for _, i := range c {
			if len(f) < fields || f[0] != "cpu"+strconv.Itoa(i) {
				continue
			}
			for at := 1; at < fields; at++ {
				v, err := strconv.ParseFloat(f[at], 64)
				switch {
				case err != nil, at == idle, at == disk:
				case at == steal:
					all.stolen += v * tickSeconds
				default:
					all.busy += v * tickSeconds
				}
			}
		}
	}
	return all
}

// exactTime is a process's time by its own clock, which counts nanoseconds.
func exactTime(pid int, rough float64) float64 {
	const sched = 2 // CPUCLOCK_SCHED of the kernel's clock ids
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|sched), &ts); err != nil {
		return rough
	}
	return time.Duration(ts.Nano()).Seconds()
}

// kernelMemory is what the kernel holds for itself: slabs and the buffers of sockets.
func kernelMemory() float64 {
	slab := meminfo("Slab:")
	text, err := os.ReadFile("/proc/net/sockstat")
	if err != nil {
		return slab
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) > 2 && f[0] == "TCP:" && f[len(f)-2] == "mem" {
			pages, _ := strconv.ParseFloat(f[len(f)-1], 64)
			return slab + pages*float64(os.Getpagesize())
		}
	}
	return slab
}

func meminfo(key string) float64 {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == key {
			kib, _ := strconv.ParseFloat(f[1], 64)
			return kib * 1024
		}
	}
	return 0
}
