package client

import (
	"fmt"
	"strings"

	"azira/proto"
)

// checkTokens trims names, drops repetitions and refuses what is no token name
// before the server has to.
func checkTokens(tokens []string) ([]string, error) {
	out := make([]string, 0, len(tokens))
	seen := make(map[string]bool, len(tokens))
	for _, t := range tokens {
		t = strings.TrimSpace(t)
		if err := proto.CheckToken([]byte(t)); err != nil {
			return nil, fmt.Errorf("%w: %q", ErrToken, clean(t))
		}
		if !seen[t] {
			seen[t] = true
			out = append(out, t)
		}
	}
	if len(out) == 0 {
		return nil, ErrNoTokens
	}
	return out, nil
}
