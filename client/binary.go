package client

import (
	"fmt"

	"azira/proto"
)

// A BinaryTick is one record of the Binary dialect:
//
//	kind u8        1 tick, 2 snap; bit 7: bid and ask are absent
//	ref, seq, ts   unsigned LEB128; ts in µs since the epoch's start
//	exp i8
//	ltp, bid−ltp, ask−ltp   zigzag LEB128; price = n · 10^exp
type BinaryTick struct {
	Snap   bool
	Quoted bool   // Bid and Ask are there
	Ref    uint64 // of the token, as the ack of its subscribe has it
	Seq    uint64
	Since  uint64 // µs since the epoch's start
	LTP    Decimal
	Bid    Decimal
	Ask    Decimal
}

// ParseBinary reads one record, to its last byte. Prices whose digits exceed 64
// bits are an error like all else that the protocol does not write.
func ParseBinary(p []byte) (BinaryTick, error) {
	t, err := proto.ParseBinary(p, 0)
	if err != nil {
		return BinaryTick{}, fmt.Errorf("%w: %x", ErrRecord, p[:min(len(p), recordShownMax)])
	}
	return BinaryTick{
		Snap: t.Snap, Quoted: t.Quoted, Ref: uint64(t.Ref), Seq: t.Seq, Since: uint64(t.TS),
		LTP: decimalOf(t.LTP), Bid: decimalOf(t.Bid), Ask: decimalOf(t.Ask),
	}, nil
}

func decimalOf(d proto.Decimal) Decimal { return Decimal{N: d.N, Exp: int8(d.Exp)} }

// recordShownMax is how many bytes of a bad record an error shows.
const recordShownMax = 32
