package auth

import (
	"cmp"
	"slices"
)

// A Parked is a stream that takes no bytes, and since when, in Unix seconds.
type Parked struct {
	*Stream
	Since int64
}

// ParkedLongest returns the streams that take no bytes, at most n of them: those for
// which that lasts longest, the longest first. It looks at every open stream, a shard
// at a time. Any goroutine.
func (s *Service) ParkedLongest(n int) []Parked {
	var list []Parked
	for i := range s.slots {
		list = s.slots[i].appendParked(list)
		slices.SortFunc(list, func(a, b Parked) int {
			return cmp.Or(cmp.Compare(a.Since, b.Since), cmp.Compare(a.ID, b.ID))
		})
		list = list[:min(len(list), n)]
	}
	return list
}

func (l *slots) appendParked(list []Parked) []Parked {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range l.accounts {
		for st := a.first; st != nil; st = st.next {
			if since := st.ParkedSince(); since != 0 {
				list = append(list, Parked{st, since})
			}
		}
	}
	return list
}
