package feed

import (
	"slices"
	"strings"
)

// prefixes is a set of message prefixes, sorted and without any that another one
// covers. It does not change once made.
//
// Of such a set only the greatest prefix not greater than a message can match it: what
// lies between a prefix and a message beginning with it begins with it too, and
// is covered.
type prefixes []string

func newPrefixes(wanted map[string]struct{}) prefixes {
	var kept prefixes
	all := make([]string, 0, len(wanted))
	for s := range wanted {
		all = append(all, s)
	}
	slices.Sort(all)
	for _, s := range all {
		if len(kept) == 0 || !strings.HasPrefix(s, kept[len(kept)-1]) {
			kept = append(kept, s)
		}
	}
	return kept
}

// all says that every message matches.
func (p prefixes) all() bool { return len(p) == 1 && p[0] == "" }

func (p prefixes) match(msg []byte) bool {
	lo, hi := 0, len(p) // p[:lo] <= msg < p[hi:]
	for lo < hi {
		if mid := (lo + hi) / 2; p[mid] <= string(msg) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == 0 {
		return false
	}
	s := p[lo-1]
	return len(s) <= len(msg) && s == string(msg[:len(s)])
}
