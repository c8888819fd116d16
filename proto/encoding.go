package proto

import (
	"encoding/binary"
	"errors"
	"strconv"
)

// A typed tick on the wire. In azira.v1.json it is a text frame with
//
//	{"type":"tick","token":"NSE:26009","seq":42,"ts":1764289349123456,"data":{…}}
//	{"type":"tick","token":"NSE:26009","seq":42,"ts":1764289349123456,"ltp":123.45}
//
// and in azira.v1.bin a binary frame with one record:
//
//	0      1
//	┌──────┬───────┬───────┬──────┬──────┬───────┬─────────┬─────────┐
//	│ kind │ ref   │ seq   │ ts   │ exp  │ ltp   │ bid-ltp │ ask-ltp │
//	│ u8   │ ULEB  │ ULEB  │ ULEB │ i8   │ zLEB  │ zLEB    │ zLEB    │
//	└──────┴───────┴───────┴──────┴──────┴───────┴─────────┴─────────┘
//
// ULEB is unsigned LEB128, zLEB zigzag LEB128; ts counts µs from the epoch; a price
// is n·10^exp. Bit 7 of kind says that bid and ask are absent. A tick that has no
// such form comes as JSON in this dialect too.

// An Encoding is a form in which ticks are on the wire.
type Encoding uint8

// The encodings. JSON and Binary carry the whole tick, the others its last price.
const (
	EncodingText Encoding = iota // the publisher's JSON alone
	EncodingJSON
	EncodingJSONPrice
	EncodingBinary
	EncodingBinaryPrice

	Encodings = 5
)

// String names an encoding as metrics and reports do.
func (e Encoding) String() string {
	return [Encodings]string{"text", "json", "json_ltp", "bin", "bin_ltp"}[e]
}

// A Record is a tick with all that the typed dialects say of it.
type Record struct {
	Token string
	Ref   uint32
	Seq   uint64
	TS    int64 // ingress, Unix µs
	Epoch int64 // Unix µs
	Snap  bool
	Data  []byte // the publisher's JSON

	quote quote
	found bool // quote is set
}

// Append appends the payload of the frame that carries r, whose opcode is op. It
// allocates nothing beyond dst.
func (e Encoding) Append(dst []byte, r *Record) (payload []byte, op Op) {
	switch e {
	case EncodingText:
		return append(dst, r.Data...), OpText
	case EncodingJSON:
		return r.appendFull(dst), OpText
	case EncodingJSONPrice:
		return r.appendPrice(dst), OpText
	}
	priceAlone := e == EncodingBinaryPrice
	if payload, ok := r.appendBinary(dst, priceAlone); ok {
		return payload, OpBinary
	}
	if priceAlone {
		return r.appendPrice(dst), OpText
	}
	return r.appendFull(dst), OpText
}

func (r *Record) appendFull(dst []byte) []byte {
	dst = append(r.appendHead(dst), `,"data":`...)
	dst = append(dst, r.Data...)
	return append(dst, '}')
}

func (r *Record) appendPrice(dst []byte) []byte {
	dst = append(r.appendHead(dst), `,"ltp":`...)
	if ltp := r.prices().ltp; ltp != nil {
		dst = append(dst, ltp...)
	} else {
		dst = append(dst, "null"...)
	}
	return append(dst, '}')
}

func (r *Record) appendHead(dst []byte) []byte {
	if r.Snap {
		dst = append(dst, `{"type":"snap","token":`...)
	} else {
		dst = append(dst, `{"type":"tick","token":`...)
	}
	dst = AppendString(dst, r.Token)
	dst = append(dst, `,"seq":`...)
	dst = strconv.AppendUint(dst, r.Seq, 10)
	dst = append(dst, `,"ts":`...)
	return strconv.AppendInt(dst, r.TS, 10)
}

func (r *Record) prices() *quote {
	if !r.found {
		r.quote, r.found = findQuote(r.Data), true
	}
	return &r.quote
}

// Kinds of binary records.
const (
	kindTick     = 1
	kindSnap     = 2
	kindPriceBit = 0x80 // bid and ask are absent
)

// appendBinary appends the binary record, or returns false if r has none.
func (r *Record) appendBinary(dst []byte, priceAlone bool) ([]byte, bool) {
	p, ok := r.prices().parse(priceAlone)
	if !ok || r.TS < r.Epoch {
		return dst, false
	}
	kind := byte(kindTick)
	if r.Snap {
		kind = kindSnap
	}
	if p.ltpAlone {
		kind |= kindPriceBit
	}
	dst = append(dst, kind)
	dst = binary.AppendUvarint(dst, uint64(r.Ref))
	dst = binary.AppendUvarint(dst, r.Seq)
	dst = binary.AppendUvarint(dst, uint64(r.TS-r.Epoch))
	dst = append(dst, byte(int8(p.exp)))
	dst = binary.AppendVarint(dst, p.ltp)
	if !p.ltpAlone {
		dst = binary.AppendVarint(dst, p.bid-p.ltp)
		dst = binary.AppendVarint(dst, p.ask-p.ltp)
	}
	return dst, true
}

// A BinaryTick is a binary record read.
type BinaryTick struct {
	Ref           uint32
	Seq           uint64
	TS            int64 // Unix µs
	Snap          bool
	Quoted        bool // has bid and ask
	LTP, Bid, Ask Decimal
}

var errBinary = errors.New("proto: not a binary tick")

// ParseBinary reads one binary record, of the epoch that welcome told.
func ParseBinary(p []byte, epoch int64) (t BinaryTick, err error) {
	if len(p) == 0 {
		return t, errBinary
	}
	kind := p[0] &^ kindPriceBit
	if kind != kindTick && kind != kindSnap {
		return t, errBinary
	}
	t.Snap, t.Quoted = kind == kindSnap, p[0]&kindPriceBit == 0
	rd := binaryReader{p: p[1:]}
	ref, seq, ts := rd.unsigned(), rd.unsigned(), rd.unsigned()
	exp := int(int8(rd.byte()))
	ltp := rd.signed()
	t.LTP = Decimal{ltp, exp}
	if t.Quoted {
		t.Bid = Decimal{ltp + rd.difference(ltp), exp}
		t.Ask = Decimal{ltp + rd.difference(ltp), exp}
	}
	// Numbers but prices stay below 2^53, so that JavaScript can count them.
	if rd.bad || len(rd.p) > 0 || ref>>32 != 0 || seq>>53 != 0 || ts > 1<<53-1-uint64(epoch) {
		return BinaryTick{}, errBinary
	}
	t.Ref, t.Seq, t.TS = uint32(ref), seq, epoch+int64(ts)
	return t, nil
}

// A binaryReader takes numbers off p; bad says that one of them was none.
type binaryReader struct {
	p   []byte
	bad bool
}

func (b *binaryReader) took(n int) {
	if n <= 0 || n > len(b.p) {
		b.bad, b.p = true, nil
		return
	}
	b.p = b.p[n:]
}

func (b *binaryReader) byte() (v byte) {
	if len(b.p) > 0 {
		v = b.p[0]
	}
	b.took(1)
	return v
}

func (b *binaryReader) unsigned() uint64 {
	v, n := binary.Uvarint(b.p)
	b.took(n)
	return v
}

func (b *binaryReader) signed() int64 {
	v, n := binary.Varint(b.p)
	b.took(n)
	return v
}

// difference is signed for what is added to a number.
func (b *binaryReader) difference(to int64) int64 {
	v := b.signed()
	b.bad = b.bad || (to+v < to) != (v < 0)
	return v
}
