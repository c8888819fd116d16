package main

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// setLowWater sets TCP_NOTSENT_LOWAT to what Azira's streams have: the kernel holds
// that much unsent for a client, not megabytes.
func setLowWater(fd int) error {
	err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, notSentLowBytes)
	if err != nil {
		return fmt.Errorf("set TCP_NOTSENT_LOWAT: %w", err)
	}
	return nil
}
