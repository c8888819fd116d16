package store

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"sync"
)

// The side file: two slots, written in turn, so that one torn by a crash
// leaves the other.
//
//	0     8          16         20
//	magic sequence   crc32c     |  slot 0
//	...                            slot 1 at 512
const (
	ackSlotBytes  = 20
	ackSlotOffset = 512
	ackMagic      = "aziraAK1"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// An ackFile remembers the last acknowledged commit beside the database, in a
// file of its own, so that a loss inside the database cannot take the memory
// of it along. It is written without fsync: after a killed process it is
// exact, after a power cut it may be behind, never ahead.
type ackFile struct {
	f interface {
		io.ReaderAt
		io.WriterAt
		io.Closer
		Sync() error
	}

	mu   sync.Mutex
	last uint64
	slot int64
}

// load reads both slots. It reports whether one of them was whole.
func (a *ackFile) load() bool {
	var p [ackSlotBytes]byte
	found := false
	for i := range int64(2) {
		if n, _ := a.f.ReadAt(p[:], i*ackSlotOffset); n < len(p) {
			continue
		}
		if n, ok := parseAck(p[:]); ok && (!found || n >= a.last) {
			a.last, a.slot, found = n, 1-i, true
		}
	}
	return found
}

// highest is the last acknowledged commit.
func (a *ackFile) highest() uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.last
}

// raise records that all commits up to n are acknowledged.
func (a *ackFile) raise(n uint64) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if n <= a.last {
		return nil
	}
	return a.write(n)
}

func (a *ackFile) write(n uint64) error {
	if _, err := a.f.WriteAt(appendAck(nil, n), a.slot*ackSlotOffset); err != nil {
		return fmt.Errorf("store: write acknowledged sequence: %w", err)
	}
	a.last, a.slot = n, 1-a.slot
	return nil
}

// close makes the last number durable. An error of it loses nothing: the
// database is complete without.
func (a *ackFile) close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	err := a.f.Sync()
	if e := a.f.Close(); err == nil {
		err = e
	}
	return err
}

func appendAck(dst []byte, n uint64) []byte {
	start := len(dst)
	dst = append(dst, ackMagic...)
	dst = binary.LittleEndian.AppendUint64(dst, n)
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli))
}

func parseAck(p []byte) (uint64, bool) {
	if len(p) < ackSlotBytes || string(p[:8]) != ackMagic {
		return 0, false
	}
	if crc32.Checksum(p[:16], castagnoli) != binary.LittleEndian.Uint32(p[16:]) {
		return 0, false
	}
	return binary.LittleEndian.Uint64(p[8:]), true
}
