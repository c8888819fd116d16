package auth

import (
	"encoding/binary"
	"fmt"
	"sync"

	"azira/store"
)

// A rule is what an operator has set for one account beyond the general settings. It
// is kept under the account's name:
//
//	rule  ver 1 │ disabled 1 │ streams 4
//
// Only the rule of an issuer's user says whether it is disabled: an own account has that
// in its record.
type rule struct {
	disabled bool
	streams  int // 0 = as the settings say; Unlimited
}

const ruleBytes = 1 + 1 + 4

func appendRule(dst []byte, r rule) []byte {
	dst = append(dst, recordVersion, 0)
	if r.disabled {
		dst[len(dst)-1] = 1
	}
	return binary.BigEndian.AppendUint32(dst, uint32(int32(r.streams)))
}

func parseRule(p []byte) (rule, error) {
	if len(p) != ruleBytes || p[0] != recordVersion || p[1] > 1 {
		return rule{}, fmt.Errorf("%w: rule", ErrRecord)
	}
	r := rule{p[1] == 1, int(int32(binary.BigEndian.Uint32(p[2:])))}
	if r.streams < Unlimited || r.streams > streamsMax {
		return rule{}, fmt.Errorf("%w: rule", ErrRecord)
	}
	return r, nil
}

// rules are all there are, in memory: only accounts that an operator has touched have one.
type rules struct {
	mu     sync.RWMutex
	byName map[string]rule
}

func (rs *rules) load(st *store.Store) error {
	rs.byName = make(map[string]rule)
	return st.Scan(store.TableRules, nil, func(k, v []byte) error {
		r, err := parseRule(v)
		rs.byName[string(k)] = r
		return err
	})
}

// of is the rule of an account, zero where there is none.
func (rs *rules) of(name string) rule {
	rs.mu.RLock()
	defer rs.mu.RUnlock()
	return rs.byName[name]
}

// set follows what was committed. The name's lock is held.
func (rs *rules) set(name string, r rule) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if r == (rule{}) {
		delete(rs.byName, name)
	} else {
		rs.byName[name] = r
	}
}

// issuers are the names of the issuer's users that have a rule.
func (rs *rules) issuers() (names []string) {
	rs.mu.RLock()
	defer rs.mu.RUnlock()
	for name := range rs.byName {
		if isIssuers(name) {
			names = append(names, name)
		}
	}
	return names
}

// putRule adds a rule to b, or takes one that says nothing away.
func putRule(b *store.Batch, name string, r rule) {
	if r == (rule{}) {
		b.Delete(store.TableRules, []byte(name))
	} else {
		b.Set(store.TableRules, []byte(name), appendRule(nil, r))
	}
}

// StreamLimit is how many streams the account may have open; 0 = any number.
func (s *Service) StreamLimit(username string) int {
	return max(s.streamLimit(username), 0)
}

// streamLimit has Unlimited for no limit.
func (s *Service) streamLimit(username string) int {
	if n := s.rules.of(username).streams; n != 0 {
		return n
	}
	return s.o.StreamsPerAccount
}
