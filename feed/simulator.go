package feed

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"strconv"
	"time"

	"azira/proto"
)

// DefaultTokens are the four that `azira feed` simulates unless told otherwise. The original's
// are not known; these are two indices and two shares of its exchange (Nifty
// Bank, Nifty 50, Reliance, Infosys), by the numbers that its vendors use.
var DefaultTokens = []string{"NSE:26009", "NSE:26000", "NSE:2885", "NSE:1594"}

// Prices are whole numbers of 1/100; they move in steps of tickSize.
const (
	tickSize   = 5
	priceMin   = 100 * tickSize
	priceRange = 5_000_00
	stepsMax   = 3 // up or down in one tick
)

// A simulator makes a random walk for each of its tokens, which tick in turn, at an
// even rate. A token's walk depends on the seed and its name alone.
type simulator struct {
	seed   uint64
	rate   int
	walks  []walk
	known  map[string]struct{}
	turn   int           // index of the walk that ticks next
	second time.Duration // whole seconds that have passed
	nth    int           // ticks made in this second
	data   []byte        // the last tick's JSON
}

// A walk is one token's price.
type walk struct {
	topic []byte
	head  []byte // {"token":"…","ltp":
	state uint64 // of the generator
	price int64
}

func newSimulator(tokens []string, rate int, seed uint64) (*simulator, error) {
	if rate < 1 || rate > rateMax {
		return nil, fmt.Errorf("%w: rate %d, expected 1 to %d ticks/s", ErrConfig, rate, rateMax)
	}
	s := &simulator{
		seed: seed, rate: rate,
		known: make(map[string]struct{}, len(tokens)),
		data:  make([]byte, 0, 512),
	}
	for _, name := range tokens {
		if err := proto.CheckToken([]byte(name)); err != nil {
			return nil, badToken(name, err)
		}
	}
	if err := s.admit(tokens); err != nil {
		return nil, err
	}
	if len(s.walks) == 0 {
		return nil, fmt.Errorf("%w: no tokens", ErrConfig)
	}
	return s, nil
}

// admit takes in those tokens that are new, all or none.
func (s *simulator) admit(tokens []string) error {
	fresh := 0
	for _, name := range tokens {
		if _, held := s.known[name]; !held {
			fresh++
		}
	}
	if len(s.walks)+fresh > tokensMax {
		return fmt.Errorf("%w: %d known, %d more, at most %d", ErrTooMany, len(s.walks), fresh,
			tokensMax)
	}
	for _, name := range tokens {
		if _, held := s.known[name]; held {
			continue
		}
		s.known[name] = struct{}{}
		s.walks = append(s.walks, newWalk(name, s.seed))
	}
	return nil
}

func (s *simulator) add(p *Publisher, tokens []string) error {
	first := len(s.walks)
	if err := s.admit(tokens); err != nil {
		return err
	}
	for i := first; i < len(s.walks); i++ {
		p.Publish(s.tick(&s.walks[i]))
	}
	return nil
}

func (s *simulator) next(now time.Duration) (topic, data []byte, due time.Duration, err error) {
	due = s.second + time.Duration(s.nth)*time.Second/time.Duration(s.rate)
	if due > now {
		return nil, nil, due, nil
	}
	if s.nth++; s.nth == s.rate {
		s.nth = 0
		s.second += time.Second
	}
	w := &s.walks[s.turn]
	if s.turn++; s.turn == len(s.walks) {
		s.turn = 0
	}
	topic, data = s.tick(w)
	return topic, data, due, nil
}

// tick moves a walk on and writes its new prices.
func (s *simulator) tick(w *walk) (topic, data []byte) {
	r := w.random()
	w.price += tickSize * (int64(r%(2*stepsMax+1)) - stepsMax)
	w.price = max(w.price, priceMin)
	r >>= 32
	bid := w.price - tickSize*int64(1+r&1)
	ask := w.price + tickSize*int64(1+r>>1&1)
	s.data = append(s.data[:0], w.head...)
	s.data = appendPrice(s.data, w.price)
	s.data = append(s.data, `,"bestbidprice":`...)
	s.data = appendPrice(s.data, bid)
	s.data = append(s.data, `,"bestaskprice":`...)
	s.data = appendPrice(s.data, ask)
	s.data = append(s.data, '}')
	return w.topic, s.data
}

func newWalk(name string, seed uint64) walk {
	var head bytes.Buffer
	enc := json.NewEncoder(&head)
	enc.SetEscapeHTML(false)
	head.WriteString(`{"token":`)
	if err := enc.Encode(name); err != nil {
		panic("feed: a name that is no JSON: " + err.Error())
	}
	head.Truncate(head.Len() - len("\n"))
	head.WriteString(`,"ltp":`)
	h := fnv.New64a()
	h.Write([]byte(name)) // never fails
	w := walk{topic: []byte(name), head: head.Bytes(), state: h.Sum64() ^ seed}
	w.price = priceMin + tickSize*int64(w.random()%(priceRange/tickSize))
	return w
}

// random is splitmix64: one word of state, so that each walk has its own.
func (w *walk) random() uint64 {
	w.state += 0x9e3779b97f4a7c15
	z := w.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// appendPrice writes a price that is above 0, with two decimals.
func appendPrice(dst []byte, price int64) []byte {
	dst = strconv.AppendInt(dst, price/100, 10)
	cents := price % 100
	return append(dst, '.', byte('0'+cents/10), byte('0'+cents%10))
}
