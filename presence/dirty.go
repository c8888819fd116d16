package presence

import (
	"hash/maphash"
	"sync"
)

// A mark says why an account is to be looked at.
type mark uint8

const (
	changed mark = 1 << iota // its streams are more or fewer
	removed                  // it was deleted
)

// A dirtySet holds the names to look at, each once. add may be called from any
// goroutine, and takes a lock for as long as a map's insert; take belongs to one.
type dirtySet struct {
	seed   maphash.Seed
	shards [dirtyShards]dirtyShard
}

type dirtyShard struct {
	mu    sync.Mutex
	names map[string]mark
	spare map[string]mark // empty; owned by take
	_     [24]byte        // a cache line each
}

func newDirtySet() *dirtySet {
	d := &dirtySet{seed: maphash.MakeSeed()}
	for i := range d.shards {
		d.shards[i].names, d.shards[i].spare = map[string]mark{}, map[string]mark{}
	}
	return d
}

func (d *dirtySet) add(name string, m mark) {
	s := &d.shards[maphash.String(d.seed, name)&(dirtyShards-1)]
	s.mu.Lock()
	s.names[name] |= m
	s.mu.Unlock()
}

// take calls f with each name and forgets it. A name added meanwhile is there the next
// time.
func (d *dirtySet) take(f func(name string, m mark)) {
	for i := range d.shards {
		s := &d.shards[i]
		s.mu.Lock()
		if len(s.names) == 0 {
			s.mu.Unlock()
			continue
		}
		names := s.names
		s.names = s.spare
		s.mu.Unlock()
		for name, m := range names {
			f(name, m)
		}
		if len(names) > dirtyKept {
			names = map[string]mark{}
		}
		clear(names)
		s.spare = names
	}
}
