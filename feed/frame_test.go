package feed

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestParseFrame(t *testing.T) {
	long := func(flags byte, size uint64) []byte {
		return binary.BigEndian.AppendUint64([]byte{flags}, size)
	}
	for _, c := range []struct {
		in   []byte
		size uint64
		n    int
		err  error
	}{
		{nil, 0, 2, errFrameShort},
		{[]byte{0}, 0, 2, errFrameShort},
		{[]byte{0, 0}, 0, 2, nil},
		{[]byte{1, 3, 'a', 'b', 'c', 'd'}, 3, 5, nil},
		{[]byte{4, 3, 'a'}, 3, 5, errFrameShort},
		{long(2, 1)[:8], 0, 9, errFrameShort},
		{append(long(3, 1), 'x'), 1, 10, nil},
		{long(2, 100), 100, 109, errFrameShort},
		{long(2, 101), 101, 9, errFrameBig},
		{[]byte{0, 101}, 101, 2, errFrameBig},
		{long(2, frameSkipBytesMax+1), frameSkipBytesMax + 1, 0, errFrameLength},
		{long(2, 1<<63), 1 << 63, 0, errFrameLength},
		{long(2, 1<<64-1), 1<<64 - 1, 0, errFrameLength},
		{[]byte{5, 0}, 0, 0, errFrameFlags},
		{[]byte{8, 0}, 0, 0, errFrameFlags},
		{[]byte{0xff, 0}, 0, 0, errFrameFlags},
	} {
		f, n, err := parseFrame(c.in, 100)
		if !errors.Is(err, c.err) || n != c.n || err == nil && uint64(len(f.body)) != c.size {
			t.Errorf("parseFrame(%x) = %+v, %d, %v", c.in, f, n, err)
		}
	}
}

func TestAppendPong(t *testing.T) {
	for in, want := range map[string]string{
		"\x04PING\x00\x0a":                  "\x04\x05\x04PONG",
		"\x04PING\x00\x0ahello":             "\x04\x0a\x04PONGhello",
		"\x04PING\x00\x0a0123456789abcdef":  "\x04\x15\x04PONG0123456789abcdef",
		"\x04PING\x00\x0a0123456789abcdefg": "",
		"\x04PING\x00":                      "",
		"\x04PONG\x00\x0a":                  "",
		"":                                  "",
	} {
		if got := appendPong(nil, []byte(in)); string(got) != want {
			t.Errorf("appendPong(%q) = %q, want %q", in, got, want)
		}
	}
}

// naiveFrames reads all frames of p the plain way, to hold the frameReader against.
func naiveFrames(p []byte, bodyMax int) (all []frame, err error) {
	rd := bytes.NewReader(p)
	for {
		f := frame{}
		if f.flags, err = rd.ReadByte(); err != nil {
			return all, io.EOF
		}
		if f.flags > 6 || f.flags&^flagLong == flagMore|flagCommand {
			if rd.Len() == 0 {
				return all, io.EOF // flags are judged with the first byte of the length
			}
			return all, errFrameFlags
		}
		var size [8]byte
		at := 7
		if f.flags&flagLong != 0 {
			at = 0
		}
		if _, err = io.ReadFull(rd, size[at:]); err != nil {
			return all, io.EOF
		}
		f.size = binary.BigEndian.Uint64(size[:])
		switch {
		case f.size > frameSkipBytesMax:
			return all, errFrameLength
		case f.size > uint64(bodyMax):
			rd.Seek(int64(f.size), io.SeekCurrent)
			all = append(all, f)
			continue
		}
		f.body = make([]byte, f.size)
		if _, err = io.ReadFull(rd, f.body); err != nil {
			return all, io.EOF
		}
		all = append(all, f)
	}
}

func readFrames(src io.Reader, bodyMax int) (all []frame, err error) {
	rd := newFrameReader(src, 16, bodyMax)
	for {
		f, err := rd.next()
		switch err {
		case nil, errFrameBig:
			f.body = bytes.Clone(f.body)
			all = append(all, f)
		case errFrameShort:
			if err := rd.fill(); err != nil {
				return all, err
			}
		default:
			return all, err
		}
		if len(rd.buf) > bodyMax+headerBytesMax {
			return all, errors.New("the buffer grew over the longest frame")
		}
	}
}

func FuzzFrameReader(f *testing.F) {
	f.Add(many("topic", strings.Repeat("x", 300)))
	f.Add(appendFrame(one(strings.Repeat("x", 2000)), flagCommand, []byte("\x04PING\x00\x01")))
	f.Add([]byte{2, 0x80, 0, 0, 0, 0, 0, 0, 1, 2})
	f.Add([]byte{7, 1, 2})
	f.Fuzz(func(t *testing.T, p []byte) {
		const bodyMax = 1000
		want, wantErr := naiveFrames(p, bodyMax)
		whole, bytewise := bytes.NewReader(p), iotest.OneByteReader(bytes.NewReader(p))
		for _, src := range []io.Reader{whole, bytewise} {
			got, err := readFrames(src, bodyMax)
			if !errors.Is(err, wantErr) || len(got) != len(want) {
				t.Fatalf("%x: %d frames, %v; want %d, %v", p, len(got), err, len(want), wantErr)
			}
			for i := range got {
				g, w := got[i], want[i]
				if g.flags != w.flags || g.size != w.size || !bytes.Equal(g.body, w.body) {
					t.Fatalf("%x: frame %d is %+v, want %+v", p, i, g, w)
				}
			}
		}
	})
}
