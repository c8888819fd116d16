package server

import (
	"net/netip"
	"sync"
)

// A crowd counts the connections that are no streams by address, so that one address
// that opens them and says nothing leaves room for others. Proxies that are trusted, and
// who is exempt from rates, may have all.
type crowd struct {
	// Fixed.
	most   int // of one address
	exempt []prefixes

	mu sync.Mutex
	of map[netip.Addr]int // by network
}

func newCrowd(connsMax int, exempt ...prefixes) *crowd {
	most := min(max(connsMax/addressPart, addressMin), addressMax)
	return &crowd{most: most, exempt: exempt, of: map[netip.Addr]int{}}
}

// enter counts a connection in, unless its address has as many as it may.
func (c *crowd) enter(from netip.Addr) bool {
	if c.free(from) {
		return true
	}
	from = network(from)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of[from] >= c.most {
		return false
	}
	c.of[from]++
	return true
}

// leave counts out what enter counted in.
func (c *crowd) leave(from netip.Addr) {
	if c.free(from) {
		return
	}
	from = network(from)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of[from]--; c.of[from] == 0 {
		delete(c.of, from)
	}
}

func (c *crowd) free(from netip.Addr) bool {
	for _, ps := range c.exempt {
		if ps.contain(from) {
			return true
		}
	}
	return false
}
