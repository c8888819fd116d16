package server

import (
	"hash/maphash"
	"slices"
	"sync"
	"time"
)

// tallies remember what callers asked for of late, in memory of fixed size: sets of
// eight, one lock for several sets. When a set is full, the tally makes room that
// could be forgotten first: of somebody new, or of one long quiet. So a crowd of
// fresh addresses drives out each other, and not who has used up what it may.
//
// Keys are 64-bit hashes under a seed of this process: nobody can choose to share one.
type tallies struct {
	// Fixed.
	seed  maphash.Seed
	start time.Time

	// Guarded by locks, by set.
	locks [tallyLocks]sync.Mutex
	sets  [][tallyWays]tally
}

// A tally is what is remembered of one caller. Times are since tallies.start.
type tally struct {
	key   uint64
	until time.Duration // when it means nothing any more; 0 = empty
	next  time.Duration // no guess before this
	wrong int32         // guesses that were, or are being looked at
}

// newTallies has room for n, a power of two.
func newTallies(n int) *tallies {
	return &tallies{
		seed: maphash.MakeSeed(), start: time.Now(), sets: make([][tallyWays]tally, n/tallyWays),
	}
}

func (t *tallies) now() time.Duration { return time.Since(t.start) }

// set finds where the tally of a key is, or would be; the caller unlocks.
func (t *tallies) set(key uint64) (*[tallyWays]tally, *sync.Mutex) {
	i := key & uint64(len(t.sets)-1)
	mu := &t.locks[i&(tallyLocks-1)]
	mu.Lock()
	return &t.sets[i], mu
}

// at finds the tally of a key, or makes an empty one; the caller unlocks.
func (t *tallies) at(key uint64) (*tally, *sync.Mutex) {
	set, mu := t.set(key)
	first := &set[0]
	for j := range set {
		if set[j].key == key {
			return &set[j], mu
		}
		if set[j].until < first.until {
			first = &set[j]
		}
	}
	*first = tally{key: key}
	return first, mu
}

// lasts says whether there is a tally of a key that means something.
func (t *tallies) lasts(key uint64) bool {
	set, mu := t.set(key)
	defer mu.Unlock()
	return slices.ContainsFunc(set[:], func(x tally) bool {
		return x.key == key && x.until > t.now()
	})
}

// last has the tally of a key mean something for so long.
func (t *tallies) last(key uint64, d time.Duration) {
	x, mu := t.at(key)
	defer mu.Unlock()
	x.until = t.now() + d
}

// A rate is so many in a time, and a burst of what rateBurst brings. The zero rate is
// none at all.
type rate struct {
	count int
	per   time.Duration
}

// share is an nth of r.
func (r rate) share(n int) rate { return rate{r.count, r.per * time.Duration(n)} }

func (r rate) every() time.Duration { return r.per / time.Duration(r.count) }

func (r rate) burst() int { return max(burstMin, int(rateBurst/r.every())) }

// take takes one from the bucket of a key and returns 0, or for how long there is none.
// A bucket is told by the time when it will be full again.
func (t *tallies) take(key uint64, r rate) time.Duration {
	now := t.now()
	b, mu := t.at(key)
	defer mu.Unlock()
	every := r.every()
	full := max(b.until, now) + every
	if wait := full - now - every*time.Duration(r.burst()); wait > 0 {
		return wait
	}
	b.until = full
	return 0
}
