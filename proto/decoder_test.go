package proto

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
)

// clientFrame builds a masked frame by the letter of RFC 6455.
func clientFrame(fin bool, op Op, payload string) []byte {
	b := []byte{byte(op)}
	if fin {
		b[0] |= finBit
	}
	switch n := len(payload); {
	case n < len16:
		b = append(b, maskBit|byte(n))
	case n <= 0xffff:
		b = binary.BigEndian.AppendUint16(append(b, maskBit|len16), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, maskBit|len64), uint64(n))
	}
	mask := []byte{1, 2, 3, 4}
	b = append(b, mask...)
	for i := range len(payload) {
		b = append(b, payload[i]^mask[i%4])
	}
	return b
}

// decodeAll feeds p in pieces of at most size bytes and returns what came out.
func decodeAll(p []byte, size, limit int) (out []string, err error) {
	var d Decoder
	for p = bytes.Clone(p); len(p) > 0; {
		chunk := p[:min(size, len(p))]
		p = p[len(chunk):]
		for more := true; more; {
			m, n, ok, err := d.Next(chunk, limit)
			if err != nil {
				return out, err
			}
			chunk = chunk[n:]
			if ok {
				out = append(out, string([]byte{'0' + byte(m.Op), ':'})+string(m.Payload))
			}
			more = ok || len(chunk) > 0
		}
	}
	if !d.Idle() {
		out = append(out, "…")
	}
	return out, nil
}

func TestDecoder(t *testing.T) {
	join := func(frames ...[]byte) []byte { return bytes.Join(frames, nil) }
	long := strings.Repeat("é", 200)
	longer := strings.Repeat("x", 70_000)
	for _, c := range []struct {
		name string
		in   []byte
		want []string
		err  error
	}{
		{"text", clientFrame(true, OpText, "hello"), []string{"1:hello"}, nil},
		{"empty", clientFrame(true, OpText, ""), []string{"1:"}, nil},
		{"two", join(clientFrame(true, OpText, "a"), clientFrame(true, OpBinary, "\xff")), []string{"1:a", "2:\xff"}, nil},
		{"len16", clientFrame(true, OpText, long), []string{"1:" + long}, nil},
		{"len64", clientFrame(true, OpBinary, longer), []string{"2:" + longer}, nil},
		{"fragments with a ping between", join(clientFrame(false, OpText, "Hel"), clientFrame(true, OpPing, "p"),
			clientFrame(false, OpContinuation, ""), clientFrame(true, OpContinuation, "lo")), []string{"9:p", "1:Hello"}, nil},
		{"a rune over fragments", join(clientFrame(false, OpText, "a\xe2"), clientFrame(true, OpContinuation, "\x82\xac")), []string{"1:a€"}, nil},
		{"incomplete", clientFrame(true, OpText, "hello")[:8], []string{"…"}, nil},
		{"close", clientFrame(true, OpClose, "\x03\xe8bye"), []string{"8:\x03\xe8bye"}, nil},
		{"bad text", clientFrame(true, OpText, "\xc0\x80"), nil, errUTF8},
		{"bad text at once", join(clientFrame(false, OpText, "ok\xff"), clientFrame(false, OpContinuation, "…")), nil, errUTF8},
		{"text ends in a rune", join(clientFrame(false, OpText, "a\xe2"), clientFrame(true, OpContinuation, "")), nil, errUTF8},
		{"rsv", []byte{0xc1, 0x80, 0, 0, 0, 0}, nil, errReserved},
		{"opcode 3", []byte{0x83, 0x80, 0, 0, 0, 0}, nil, errReserved},
		{"opcode 11", []byte{0x8b, 0x80, 0, 0, 0, 0}, nil, errReserved},
		{"unmasked", []byte("\x81\x05hello"), nil, errUnmasked},
		{"fragmented ping", clientFrame(false, OpPing, ""), nil, errControl},
		{"long ping", clientFrame(true, OpPing, strings.Repeat("x", 126)), nil, errControl},
		{"ping in 16 bits", []byte{0x89, 0xfe, 0, 2, 1, 2, 3, 4, 0, 0}, nil, errControl},
		{"not minimal 16", []byte{0x81, 0xfe, 0, 2, 1, 2, 3, 4, 0, 0}, nil, errLength},
		{"not minimal 64", []byte{0x81, 0xff, 0, 0, 0, 0, 0, 0, 0, 2, 1, 2, 3, 4, 0, 0}, nil, errLength},
		{"top bit", []byte{0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 2, 1, 2, 3, 4, 0, 0}, nil, errLength},
		{"2^62", []byte{0x82, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 2, 1, 2, 3, 4, 0, 0}, nil, errTooBig},
		{"too big in fragments", join(clientFrame(false, OpBinary, longer), clientFrame(true, OpContinuation, longer)), nil, errTooBig},
		{"continuation of nothing", clientFrame(true, OpContinuation, "x"), nil, errFragment},
		{"message in a message", join(clientFrame(false, OpText, "x"), clientFrame(true, OpText, "y")), nil, errFragment},
	} {
		for _, size := range []int{1 << 20, 1, 2, 7} {
			got, err := decodeAll(c.in, size, 100_000)
			if !errors.Is(err, c.err) {
				t.Errorf("%s in pieces of %d: error %v, want %v", c.name, size, err, c.err)
			}
			if err == nil && strings.Join(got, "|") != strings.Join(c.want, "|") {
				t.Errorf("%s in pieces of %d: got %.80q, want %.80q", c.name, size, got, c.want)
			}
		}
	}
}

func TestTooManyFragments(t *testing.T) {
	p := clientFrame(false, OpBinary, "")
	for range fragmentsMax {
		p = append(p, clientFrame(false, OpContinuation, "")...)
	}
	if _, err := decodeAll(p, 4096, 100); err != errFragments {
		t.Errorf("error %v, want %v", err, errFragments)
	}
}

func TestClose(t *testing.T) {
	for _, c := range []struct {
		p    string
		code int
		err  error
	}{
		{"", CloseNoStatus, nil},
		{"\x03\xe8", 1000, nil},
		{"\x03\xe8gone", 1000, nil},
		{"\x0b\xb8", 3000, nil},
		{"\x13\x87", 4999, nil},
		{"a", 0, errCloseFrame},
		{"\x00\x00", 0, errCloseFrame},
		{"\x03\xe7", 0, errCloseFrame}, // 999
		{"\x03\xec", 0, errCloseFrame}, // 1004
		{"\x03\xed", 0, errCloseFrame}, // 1005
		{"\x03\xee", 0, errCloseFrame}, // 1006
		{"\x03\xf7", 0, errCloseFrame}, // 1015
		{"\x0b\xb7", 0, errCloseFrame}, // 2999
		{"\x13\x88", 0, errCloseFrame}, // 5000
		{"\x03\xe8\xff", 0, errUTF8},
	} {
		code, _, err := ParseClose([]byte(c.p))
		if code != c.code || err != c.err {
			t.Errorf("ParseClose(%q) = %d, %v, want %d, %v", c.p, code, err, c.code, c.err)
		}
	}
	frame := AppendClose(nil, CloseStalled, strings.Repeat("é", 100))
	if len(frame) > 2+controlPayloadBytesMax {
		t.Errorf("close frame of %d bytes", len(frame))
	}
	if code, reason, err := ParseClose(Payload(frame)); code != CloseStalled || err != nil || len(reason) != 122 {
		t.Errorf("cut close: %d %d bytes %v", code, len(reason), err)
	}
}

// FuzzDecoder holds that the size of the pieces in which bytes arrive changes
// nothing of what they mean, and that nothing is out of bounds.
func FuzzDecoder(f *testing.F) {
	f.Add(clientFrame(true, OpText, "subscribe|NSE:1"), uint64(1))
	f.Add(append(clientFrame(false, OpText, "a\xe2"), clientFrame(true, OpContinuation, "\x82\xac")...), uint64(2))
	f.Add(append(clientFrame(false, OpBinary, "a"), clientFrame(true, OpPing, "b")...), uint64(3))
	f.Add([]byte{0x82, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 2, 1, 2, 3, 4, 0, 0}, uint64(4))
	f.Fuzz(func(t *testing.T, p []byte, seed uint64) {
		whole, errWhole := decodeAll(p, len(p)+1, 1000)
		size := 1 + int(rand.New(rand.NewPCG(seed, 0)).Uint64N(8))
		parts, errParts := decodeAll(p, size, 1000)
		if (errWhole == nil) != (errParts == nil) {
			t.Fatalf("whole: %v, in pieces of %d: %v", errWhole, size, errParts)
		}
		if errWhole == nil && strings.Join(whole, "|") != strings.Join(parts, "|") {
			t.Fatalf("whole: %q, in pieces of %d: %q", whole, size, parts)
		}
	})
}

// FuzzFrame holds that a server frame gives back its payload and its own size.
func FuzzFrame(f *testing.F) {
	f.Add([]byte("x"), 1)
	f.Add([]byte("ab"), 40_000)
	f.Fuzz(func(t *testing.T, p []byte, times int) {
		p = bytes.Repeat(p, max(0, min(times, 1<<17/(len(p)+1))))
		frame := AppendFrame(nil, OpText, p)
		if len(frame) != FrameSize(len(p)) || !bytes.Equal(Payload(frame), p) {
			t.Fatalf("frame of %d bytes: %d bytes", len(p), len(frame))
		}
	})
}

func TestDecoderDoesNotAllocate(t *testing.T) {
	frame := clientFrame(true, OpText, "subscribe|NSE:26009,NSE:1")
	buf := make([]byte, len(frame))
	var d Decoder
	if n := testing.AllocsPerRun(100, func() {
		copy(buf, frame)
		if _, _, ok, err := d.Next(buf, 4096); !ok || err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
