package server

import (
	"fmt"
	"math"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
)

// shardsOf is how many rings so many loops read: one writer for every four.
func shardsOf(loops int) int {
	n := 1
	for n*loopsPerShard < loops {
		n *= 2
	}
	return n
}

// checkMemory refuses rings that cannot fit: Go would end the process with a
// trace of goroutines. Where the memory is not known nothing is refused.
func checkMemory(ringBytes int64, shards int, memory int64) error {
	if ringBytes <= ringsFit(shards, memory) {
		return nil
	}
	fits := int64(ringBytesMin)
	for fits*2 <= ringsFit(shards, memory) {
		fits *= 2
	}
	there := fmt.Sprintf("there are %d MiB of memory, by the machine, its control group or "+
		"GOMEMLIMIT", memory>>20)
	if fits > ringsFit(shards, memory) {
		return fmt.Errorf("%w: %s: too little for %d rings of the least size, %s", errMemory,
			there, shards, sizeText(fits))
	}
	return fmt.Errorf("%w: --ring-bytes %s asks for %d of them, %s: give %s or less",
		errMemory, sizeText(ringBytes), shards, there, sizeText(fits))
}

// ringsFit is how large each ring may be, with the frames of all dialects, the records
// that describe them, and a quarter of the memory for all else.
func ringsFit(shards int, memory int64) int64 {
	return memory / 4 * 3 / int64(shards) / allDialects
}

// allDialects is how many times the bytes for text all of a ring takes: 6 for frames
// (2 for whole ticks in JSON, 1 for each other form) and 7/8 for slots and spans.
const allDialects = 7

// memoryLimit is what this process may have: the machine's memory, or less
// where its control group or GOMEMLIMIT says so.
func memoryLimit() int64 {
	limit := debug.SetMemoryLimit(-1) // MaxInt64 without GOMEMLIMIT
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		limit = min(limit, totalOf(string(text)))
	}
	group, _ := os.ReadFile("/proc/self/cgroup") // empty where there are none
	for _, line := range strings.Split(string(group), "\n") {
		at, ok := strings.CutPrefix(line, "0::")
		for ; ok; at = path.Dir(at) {
			text, err := os.ReadFile(path.Join("/sys/fs/cgroup", at, "memory.max"))
			if n, bad := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil &&
				bad == nil && n > 0 {
				limit = min(limit, n)
			}
			if at == "/" || at == "." {
				break
			}
		}
	}
	return limit
}

// totalOf is MemTotal of /proc/meminfo.
func totalOf(text string) int64 {
	_, rest, ok := strings.Cut(text, "MemTotal:")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 2 {
		return math.MaxInt64
	}
	kib, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil || kib <= 0 || kib > math.MaxInt64>>10 {
		return math.MaxInt64
	}
	return kib << 10
}
