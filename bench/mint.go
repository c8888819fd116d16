package bench

import "math/rand/v2"

// A mint makes the ticks of a load. It belongs to one goroutine.
type mint struct {
	tokens    [][]byte
	rng       *rand.Rand
	picker    *picker
	data      []byte
	published []uint32 // ticks made, by token
}

func newMint(l load) *mint {
	m := &mint{
		rng: rand.New(rand.NewPCG(1, 2)), picker: newPicker(l),
		data: make([]byte, 0, tickBytes), published: make([]uint32, l.Universe),
	}
	for i := range l.Universe {
		m.tokens = append(m.tokens, tokenName(i))
	}
	return m
}

// tick makes the next tick of a token, due at a time of the run. The data is valid
// until the next.
func (m *mint) tick(token int, at int64) (topic, data []byte) {
	m.published[token]++
	tk := tick{token: uint32(token), n: m.published[token], at: at}
	price := 10_000 + m.rng.Int64N(80_000) // hundredths
	return m.tokens[token], appendTick(m.data[:0], tk, price)
}
