package client

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"testing"
)

// appendBinary is the server's side of a record, written from the protocol's page
// and not from ParseBinary.
func appendBinary(dst []byte, b BinaryTick) []byte {
	kind := byte(1)
	if b.Snap {
		kind = 2
	}
	if !b.Quoted {
		kind |= 0x80
	}
	dst = append(dst, kind)
	for _, n := range []uint64{b.Ref, b.Seq, b.Since} {
		dst = appendLEB(dst, n)
	}
	dst = appendZigzag(append(dst, byte(b.LTP.Exp)), b.LTP.N)
	if b.Quoted {
		dst = appendZigzag(dst, b.Bid.N-b.LTP.N)
		dst = appendZigzag(dst, b.Ask.N-b.LTP.N)
	}
	return dst
}

func appendLEB(dst []byte, n uint64) []byte {
	for n > 127 {
		dst = append(dst, byte(n%128)+128)
		n /= 128
	}
	return append(dst, byte(n))
}

func appendZigzag(dst []byte, n int64) []byte {
	if n < 0 {
		return appendLEB(dst, 2*uint64(-(n+1))+1)
	}
	return appendLEB(dst, 2*uint64(n))
}

// A vector is one record as all clients and the server must read it.
type vector struct {
	Name  string
	Hex   string
	Error bool
	Epoch uint64
	Kind  string
	Ref   uint64
	Seq   uint64
	TS    uint64
	LTP   string
	Bid   *string
	Ask   *string
}

func TestBinaryVectors(t *testing.T) {
	p, err := os.ReadFile("../proto/testdata/binary.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []vector
	if err := json.Unmarshal(p, &vectors); err != nil || len(vectors) == 0 {
		t.Fatalf("%d vectors, %v", len(vectors), err)
	}
	for _, v := range vectors {
		p, err := hex.DecodeString(v.Hex)
		if err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
		b, err := ParseBinary(p)
		if v.Error {
			if !errors.Is(err, ErrRecord) {
				t.Errorf("%s: %+v %v", v.Name, b, err)
			}
			continue
		}
		if err != nil || b.Snap != (v.Kind == "snap") || b.Ref != v.Ref || b.Seq != v.Seq ||
			v.Epoch+b.Since != v.TS || b.Quoted != (v.Bid != nil) {
			t.Errorf("%s: %+v %v", v.Name, b, err)
		}
		equal(t, v.Name, b.LTP, v.LTP)
		if v.Bid != nil {
			equal(t, v.Name, b.Bid, *v.Bid)
			equal(t, v.Name, b.Ask, *v.Ask)
		}
		if again := appendBinary(nil, b); !bytes.Equal(again, p) {
			t.Errorf("%s: written again %x, was %x", v.Name, again, p)
		}
	}
}

func equal(t *testing.T, name string, got Decimal, want string) {
	t.Helper()
	d, err := ParseDecimal(want)
	if err != nil || !got.Equal(d) {
		t.Errorf("%s: %v, want %s (%v)", name, got, want, err)
	}
}

// What is accepted, written again and read again is the same.
func FuzzBinary(f *testing.F) {
	f.Add([]byte("\x01\x07\x2a\xc0\xc4\x07\xfe\xf2\xc0\x01\x09\x0a"))
	f.Add([]byte("\x82\x00\x00\x00\xff\x0a"))
	f.Add(append([]byte("\x81"), bytes.Repeat([]byte("\x80"), 11)...))
	f.Fuzz(func(t *testing.T, p []byte) {
		b, err := ParseBinary(p)
		if err != nil {
			if !errors.Is(err, ErrRecord) || b != (BinaryTick{}) {
				t.Fatalf("%+v %v", b, err)
			}
			return
		}
		again := appendBinary(nil, b)
		if c, err := ParseBinary(again); err != nil || c != b || len(again) > len(p) {
			t.Fatalf("%x is %+v, written again %x is %+v, %v", p, b, again, c, err)
		}
		for _, d := range []Decimal{b.LTP, b.Bid, b.Ask} {
			if e, err := ParseDecimal(d.String()); err != nil || !e.Equal(d) {
				t.Fatalf("%+v is %s, which is %+v, %v", d, d, e, err)
			}
		}
	})
}

func BenchmarkParseBinary(b *testing.B) {
	p := appendBinary(nil, BinaryTick{Quoted: true, Ref: 700, Seq: 1e6, Since: 1e12,
		LTP: Decimal{2512345, -2}, Bid: Decimal{2512340, -2}, Ask: Decimal{2512350, -2}})
	b.ReportAllocs()
	for range b.N {
		if _, err := ParseBinary(p); err != nil {
			b.Fatal(err)
		}
	}
}
