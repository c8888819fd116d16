package bench

import (
	"math/rand/v2"
	"slices"
)

// A load says who wants what: which tokens each client holds, and how often each
// token ticks. Every process of a run makes the same lists from it.
type load struct {
	Universe int     `json:"universe"` // tokens there are
	Tokens   int     `json:"tokens"`   // of each client
	Same     float64 `json:"same"`     // share of the clients that hold one and the same list
	Zipf     bool    `json:"zipf"`     // popular tokens are in more lists, and tick more often
}

// zipfExponent makes the first of 1,000 tokens about a tenth of all picks.
const zipfExponent = 1.05

// A picker makes the lists of a load, one after another. It belongs to one goroutine.
type picker struct {
	load
	pcg   *rand.PCG
	rng   *rand.Rand
	zipf  *rand.Zipf
	taken []uint32 // by token: the last list it went into
	lists uint32
}

func newPicker(l load) *picker {
	pk := &picker{load: l, pcg: rand.NewPCG(0, 0), taken: make([]uint32, l.Universe)}
	pk.rng = rand.New(pk.pcg)
	pk.zipf = rand.NewZipf(pk.rng, zipfExponent, 1, uint64(l.Universe-1))
	return pk
}

// list appends the tokens of a client, none twice, in no order.
func (pk *picker) list(dst []uint32, client int) []uint32 {
	const shared = 1 << 40 // no client has this number
	pk.pcg.Seed(3, uint64(client))
	if pk.rng.Float64() < pk.Same {
		pk.pcg.Seed(3, shared)
	}
	pk.lists++
	take := func(i int) bool {
		if pk.taken[i] == pk.lists {
			return false
		}
		pk.taken[i] = pk.lists
		dst = append(dst, uint32(i))
		return true
	}
	left := pk.Tokens
	for tries := 8 * left; left > 0 && tries > 0 && pk.Tokens < pk.Universe; tries-- {
		if take(pk.pick()) {
			left--
		}
	}
	for i := 0; left > 0; i++ { // all of them, or what chance would take too long to find
		if take(i) {
			left--
		}
	}
	return dst
}

func (pk *picker) pick() int {
	if pk.Zipf {
		return int(pk.zipf.Uint64())
	}
	return pk.rng.IntN(pk.Universe)
}

// fanOut is how many clients hold the token of a tick, on average over ticks.
func (l load) fanOut(clients int) float64 {
	if !l.Zipf {
		return float64(clients) * float64(l.Tokens) / float64(l.Universe)
	}
	pk, holders := newPicker(l), l.holders(clients)
	const samples = 1 << 16
	sum := 0
	pk.pcg.Seed(1, 2)
	for range samples {
		sum += holders[pk.pick()]
	}
	return float64(sum) / samples
}

// holders are how many clients hold each token.
func (l load) holders(clients int) []int {
	pk := newPicker(l)
	holders := make([]int, l.Universe)
	var list []uint32
	for i := range clients {
		list = pk.list(list[:0], i)
		for _, t := range list {
			holders[t]++
		}
	}
	return holders
}

// holdersMax is how many hold the token that most do.
func (l load) holdersMax(clients int) int { return slices.Max(l.holders(clients)) }
