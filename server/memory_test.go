package server

import (
	"errors"
	"math"
	"strings"
	"testing"
)

func TestMemory(t *testing.T) {
	for _, c := range []struct {
		ring   int64
		shards int
		memory int64
		says   string // empty = it fits
	}{
		{64 << 20, 1, 1 << 30, ""},
		{32 << 30, 1, 24 << 30, "give 2GiB or less"},
		{2 << 30, 1, 24 << 30, ""},
		{8 << 30, 4, 24 << 30, "give 512MiB or less"},
		{1 << 36, 64, math.MaxInt64, ""},
	} {
		err := checkMemory(c.ring, c.shards, c.memory)
		if (err == nil) != (c.says == "") ||
			err != nil && (!errors.Is(err, errMemory) || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if n := totalOf("MemTotal:       24641024 kB\nMemFree: 1 kB"); n != 24641024<<10 {
		t.Errorf("meminfo: %d", n)
	}
	for _, text := range []string{"", "MemTotal:", "MemTotal: x kB", "MemTotal: -1 kB"} {
		if totalOf(text) != math.MaxInt64 {
			t.Errorf("%q is a limit", text)
		}
	}
	if memoryLimit() < 1<<20 {
		t.Errorf("limit of this machine: %d", memoryLimit())
	}
}

// Rings larger than the machine are refused in one line.
func TestRingsTooLarge(t *testing.T) {
	if memoryLimit() > 1<<40 {
		t.Skip("the machine's memory is not known")
	}
	c := testConfig(t)
	c.RingBytes, c.Logger = 1<<40, testLogger(&syncBuffer{})
	err := Run(t.Context(), c, nil)
	if !errors.Is(err, errMemory) || strings.Contains(err.Error(), "\n") {
		t.Errorf("%v", err)
	}
}
