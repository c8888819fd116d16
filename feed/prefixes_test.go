package feed

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestPrefixesMatchLikeAScan(t *testing.T) {
	word := rapid.StringMatching(`[ab\xff]{0,5}`)
	rapid.Check(t, func(t *rapid.T) {
		set := map[string]struct{}{}
		for _, s := range rapid.SliceOf(word).Draw(t, "prefixes") {
			set[s] = struct{}{}
		}
		p := newPrefixes(set)
		msg := word.Draw(t, "message")
		want := false
		for s := range set {
			want = want || strings.HasPrefix(msg, s)
		}
		if got := p.match([]byte(msg)); got != want {
			t.Fatalf("%q in %q: %v, want %v", msg, p, got, want)
		}
		if _, all := set[""]; all != p.all() {
			t.Fatalf("all of %q is %v", p, p.all())
		}
	})
}
