package bench

import (
	"math"
	"slices"
	"testing"
)

func TestLists(t *testing.T) {
	for _, l := range []load{
		{Universe: 1, Tokens: 1}, {Universe: 1000, Tokens: 20}, {Universe: 500, Tokens: 499},
		{Universe: 1000, Tokens: 1000}, {Universe: 1000, Tokens: 50, Zipf: true},
		{Universe: 100, Tokens: 99, Zipf: true}, {Universe: 1000, Tokens: 20, Same: 0.5},
	} {
		pk, twin := newPicker(l), newPicker(l)
		kinds := map[string]int{}
		for client := range 200 {
			list := pk.list(nil, client)
			sorted := slices.Sorted(slices.Values(list))
			if len(list) != l.Tokens || len(slices.Compact(sorted)) != l.Tokens ||
				int(slices.Max(list)) >= l.Universe {
				t.Fatalf("%+v: client %d holds %v", l, client, list)
			}
			key := ""
			for _, tk := range sorted {
				key += string(tokenName(int(tk)))
			}
			kinds[key]++
		}
		most := 0
		for _, n := range kinds {
			most = max(most, n)
		}
		if l.Same > 0 && (most < 70 || most > 130) {
			t.Errorf("%+v: %d of 200 hold the same", l, most)
		}
		if !slices.Equal(twin.list(nil, 150), pk.list(nil, 150)) {
			t.Errorf("%+v: another picker makes another list", l)
		}
	}
}

func TestFanOut(t *testing.T) {
	if n := (load{Universe: 1000, Tokens: 50}).fanOut(1000); n != 50 {
		t.Error(n)
	}
	zipf := load{Universe: 1000, Tokens: 50, Zipf: true}.fanOut(1000)
	if zipf < 200 || zipf > 1000 || math.IsNaN(zipf) {
		t.Error(zipf)
	}
}
