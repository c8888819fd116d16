package engine

import (
	"slices"

	"azira/proto"
)

// A list is what a connection holds: tokens, in order of their ids, each with its
// options, in one dialect. Connections with the same list are a cohort.
type list struct {
	kind    Kind
	sealed  bool     // its connections have Sealers
	beat    uint16   // ticks of the beat wheel between heartbeats; 0 = none
	tokens  []uint32 // sorted, unique
	options []option // by index in tokens; nil = all zero
}

// An option says in which form, and at most how often, a token's ticks are sent.
//
//	bit 0    the last price alone
//	bits 1…  window in ms: one tick in each; 0 = every tick
type option uint32

func newOption(m proto.Mode, windowMs int) option { return option(m) | option(windowMs)<<1 }

func (o option) mode() proto.Mode { return proto.Mode(o & 1) }

func (o option) windowMs() int64 { return int64(o >> 1) }

// option returns the options of a token of the list, by its index.
func (s *list) option(i int) option {
	if s.options == nil {
		return 0
	}
	return s.options[i]
}

// encoding is the form in which a token of the list is sent, by its index.
func (s *list) encoding(i int) proto.Encoding { return encodingOf(s.kind, s.option(i).mode()) }

// even says that all tokens are sent in one form, and every tick of them.
func (s *list) even() bool {
	for _, o := range s.options {
		if o != s.options[0] || o.windowMs() != 0 {
			return false
		}
	}
	return true
}

// rated says that some token has a window.
func (s *list) rated() bool {
	return slices.ContainsFunc(s.options, func(o option) bool { return o.windowMs() != 0 })
}

// encodings are the forms in which tokens of the list are sent, as bits.
func (s *list) encodings() (bits uint32) {
	if s.options == nil && len(s.tokens) > 0 {
		return 1 << s.encoding(0)
	}
	for i := range s.options {
		bits |= 1 << s.encoding(i)
	}
	return bits
}

func (s *list) equal(o *list) bool {
	return s.kind == o.kind && s.sealed == o.sealed && s.beat == o.beat &&
		slices.Equal(s.tokens, o.tokens) && slices.Equal(s.options, o.options)
}

// hash is FNV-1a over all of a list.
func (s *list) hash() uint64 {
	h := uint64(14695981039346656037)
	mix := func(v uint32) {
		for range 4 {
			h = (h ^ uint64(v&0xff)) * 1099511628211
			v >>= 8
		}
	}
	for _, id := range s.tokens {
		mix(id)
	}
	if s.kind != Text {
		mix(uint32(s.kind)<<16 | uint32(s.beat))
	}
	for _, o := range s.options {
		mix(uint32(o))
	}
	if s.sealed {
		mix(^uint32(0))
	}
	return h
}

// index returns where a token of the list is; it is in it.
func (s *list) index(id uint32) int {
	i, _ := slices.BinarySearch(s.tokens, id)
	return i
}

// plain makes options nil where all of them are zero, so that equal lists are.
func (s *list) plain() {
	if !slices.ContainsFunc(s.options, func(o option) bool { return o != 0 }) {
		s.options = nil
	}
}
