package engine

import (
	"errors"
	"hash/maphash"
	"sync"
	"sync/atomic"
)

var errTokensFull = errors.New("engine: as many tokens as configured are known")

// tokens gives each token's name a dense id, from 0 up. It only grows. Lookups
// take no lock and allocate nothing; names are added by whoever meets them.
//
//	name ─hash▶ slots: [ · id+1 · · id+1 ]   open addressing, half full at most
//	                          │
//	names: [ "NSE:1" "NSE:2" … ]             by id
type tokens struct {
	// Fixed after newTokens.
	seed  maphash.Seed
	slots []atomic.Uint32
	names []string // an entry is written once, before its slot

	// Shared.
	count atomic.Uint32
	mu    sync.Mutex // held to add
}

func newTokens(max int) *tokens {
	size := 1
	for size < 2*max {
		size <<= 1
	}
	return &tokens{
		seed:  maphash.MakeSeed(),
		slots: make([]atomic.Uint32, size),
		names: make([]string, max),
	}
}

// find returns the id of a known token. Any goroutine.
func (t *tokens) find(name []byte) (id uint32, ok bool) {
	id, _, ok = t.probe(name)
	return id, ok
}

// probe returns the id of name, or the free slot where it belongs.
func (t *tokens) probe(name []byte) (id uint32, slot uint64, ok bool) {
	mask := uint64(len(t.slots) - 1)
	for slot = maphash.Bytes(t.seed, name) & mask; ; slot = (slot + 1) & mask {
		v := t.slots[slot].Load()
		if v == 0 {
			return 0, slot, false
		}
		if t.names[v-1] == string(name) {
			return v - 1, slot, true
		}
	}
}

// add returns the id of name, known or not. Any goroutine.
func (t *tokens) add(name []byte) (uint32, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	id, slot, ok := t.probe(name)
	if ok {
		return id, nil
	}
	id = t.count.Load()
	if int(id) == len(t.names) {
		return 0, errTokensFull
	}
	t.names[id] = string(name)
	t.slots[slot].Store(id + 1) // Hand the name to lookups.
	t.count.Store(id + 1)       // Hand the id to those who walk all.
	return id, nil
}

// name returns the name of an id. Any goroutine that got the id.
func (t *tokens) name(id uint32) string { return t.names[id] }
