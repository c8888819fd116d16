package auth

import (
	"encoding/binary"
	"sync"
)

// A cache remembers bearers that were verified, by the hash of the whole
// token, in a fixed number of entries: sets of four, one lock for several
// sets. The older of a set's entries make room. Nothing in it is believed
// without a look at expiry and revocation.
type cache struct {
	locks [cacheLocks]sync.Mutex
	sets  [][cacheWays]cached // a power of two
}

type cached struct {
	key     [32]byte
	account uint64
	session uint64
	expires int64 // Unix seconds
	name    string
	epoch   uint32 // of the session when it was looked up; 0 = empty
	foreign bool
	used    bool // since it last could have been thrown out
}

// newCache has room for at least n entries.
func newCache(n int) *cache {
	sets := cacheLocks
	for sets*cacheWays < n {
		sets *= 2
	}
	return &cache{sets: make([][cacheWays]cached, sets)}
}

func (c *cache) find(key *[32]byte) (*sync.Mutex, *[cacheWays]cached) {
	i := binary.LittleEndian.Uint64(key[:]) & uint64(len(c.sets)-1)
	return &c.locks[i&(cacheLocks-1)], &c.sets[i]
}

// get copies the entry of key; its epoch is 0 if there is none.
func (c *cache) get(key *[32]byte) cached {
	mu, set := c.find(key)
	mu.Lock()
	defer mu.Unlock()
	for i := range set {
		if e := &set[i]; e.epoch != 0 && e.key == *key {
			e.used = true
			return *e
		}
	}
	return cached{}
}

// put stores e in the place of its older self, of an empty entry, or of one
// that was not used of late.
func (c *cache) put(e cached) {
	mu, set := c.find(&e.key)
	mu.Lock()
	defer mu.Unlock()
	at := -1
	for i := range set {
		if set[i].epoch != 0 && set[i].key == e.key {
			set[i] = e
			return
		}
		if at < 0 && (set[i].epoch == 0 || !set[i].used) {
			at = i
		}
	}
	if at < 0 { // all were used: each must show it again
		at = int(e.key[31]) % cacheWays
		for i := range set {
			set[i].used = false
		}
	}
	set[at] = e
}
