package client

import (
	"encoding/binary"
	"fmt"
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

const (
	recordTick    = 1
	recordSnap    = 2
	recordNoQuote = 0x80
)

// ParseBinary reads one record, to its last byte. Prices whose digits exceed 64
// bits are an error like all else that the protocol does not write.
func ParseBinary(p []byte) (BinaryTick, error) {
	if len(p) == 0 {
		return BinaryTick{}, fmt.Errorf("%w: it is empty", ErrRecord)
	}
	kind := p[0] &^ recordNoQuote
	if kind != recordTick && kind != recordSnap {
		return BinaryTick{}, fmt.Errorf("%w: kind %d", ErrRecord, kind)
	}
	b := BinaryTick{Snap: kind == recordSnap, Quoted: p[0]&recordNoQuote == 0}
	rd := recordReader{p: p[1:]}
	b.Ref, b.Seq, b.Since = rd.unsigned(), rd.unsigned(), rd.unsigned()
	exp := int8(rd.octet())
	ltp := rd.signed()
	b.LTP = Decimal{N: ltp, Exp: exp}
	if b.Quoted {
		b.Bid = Decimal{N: rd.sum(ltp), Exp: exp}
		b.Ask = Decimal{N: rd.sum(ltp), Exp: exp}
	}
	switch {
	case rd.failed:
		return BinaryTick{}, fmt.Errorf("%w: a number is cut off or too big", ErrRecord)
	case len(rd.p) > 0:
		return BinaryTick{}, fmt.Errorf("%w: %d bytes too many", ErrRecord, len(rd.p))
	}
	return b, nil
}

// A recordReader takes numbers off the front of p. After a failure it gives zeros.
type recordReader struct {
	p      []byte
	failed bool
}

func (rd *recordReader) unsigned() uint64 {
	v, n := binary.Uvarint(rd.p)
	if n <= 0 {
		rd.fail()
		return 0
	}
	rd.p = rd.p[n:]
	return v
}

func (rd *recordReader) signed() int64 {
	u := rd.unsigned()
	return int64(u>>1) ^ -int64(u&1)
}

func (rd *recordReader) octet() byte {
	if len(rd.p) == 0 {
		rd.fail()
		return 0
	}
	c := rd.p[0]
	rd.p = rd.p[1:]
	return c
}

// sum adds a signed number to base.
func (rd *recordReader) sum(base int64) int64 {
	d := rd.signed()
	n := base + d
	if (n > base) != (d > 0) && d != 0 {
		rd.fail()
	}
	return n
}

func (rd *recordReader) fail() { rd.failed, rd.p = true, nil }
