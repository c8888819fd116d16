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
	taken map[string]mark // by take, until settled; changed only by the one who takes
	_     [40]byte        // a cache line each
}

func newDirtySet() *dirtySet {
	d := &dirtySet{seed: maphash.MakeSeed()}
	for i := range d.shards {
		d.shards[i].names, d.shards[i].taken = map[string]mark{}, map[string]mark{}
	}
	return d
}

func (d *dirtySet) add(name string, m mark) {
	s := d.shard(name)
	s.mu.Lock()
	s.names[name] |= m
	s.mu.Unlock()
}

// marks are those of a name, until settled.
func (d *dirtySet) marks(name string) mark {
	s := d.shard(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.names[name] | s.taken[name]
}

func (d *dirtySet) shard(name string) *dirtyShard {
	return &d.shards[maphash.String(d.seed, name)&(dirtyShards-1)]
}

// take calls f with each name. One added meanwhile is there the next time, after
// settled.
func (d *dirtySet) take(f func(name string, m mark)) {
	for i := range d.shards {
		s := &d.shards[i]
		s.mu.Lock()
		if len(s.names) > 0 {
			s.names, s.taken = s.taken, s.names
		}
		s.mu.Unlock()
		for name, m := range s.taken {
			f(name, m)
		}
	}
}

// settled forgets what was taken.
func (d *dirtySet) settled() {
	for i := range d.shards {
		s := &d.shards[i]
		if len(s.taken) == 0 {
			continue
		}
		s.mu.Lock()
		if len(s.taken) > dirtyKept {
			s.taken = map[string]mark{}
		}
		clear(s.taken)
		s.mu.Unlock()
	}
}
