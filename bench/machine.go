package bench

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// A Machine is what figures depend on besides the program.
type Machine struct {
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	Kernel string `json:"kernel"`
	Go     string `json:"go"`
}

func (m Machine) String() string { return fmt.Sprintf("%s, %d cores", m.CPU, m.Cores) }

func thisMachine() Machine {
	m := Machine{CPU: cpuModel(), Cores: runtime.NumCPU(), Kernel: runtime.GOOS,
		Go: runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		m.Kernel = unix.ByteSliceToString(u.Sysname[:]) + " " + unix.ByteSliceToString(u.Release[:])
	}
	return m
}

// cpuModel is the processor's name, where the system tells it in the way of Linux.
func cpuModel() string {
	p, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(p)) {
		if key, name, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(name)
		}
	}
	return runtime.GOARCH
}

// checkDescriptors is an error if this process may not hold n of them, which a flag asks
// for. Go has raised the limit to the hard one at the start.
func checkDescriptors(n int, flag string) error {
	var lim unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &lim); err != nil {
		return fmt.Errorf("read limit of file descriptors: %w", err)
	}
	if lim.Cur < uint64(n) {
		return fmt.Errorf("%w: %d are allowed, %d are needed here and some more by the server: "+
			"raise the limit (ulimit -n) or lower --%s", errDescriptors, lim.Cur, n, flag)
	}
	return nil
}
