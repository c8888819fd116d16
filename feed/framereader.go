package feed

import "io"

// A frameReader takes frames from a stream by way of one buffer.
//
// next never blocks: it hands out what is buffered, and errFrameShort when no
// complete frame is left; fill then blocks for more. A body is valid until the next
// fill. Frames over bodyMax are reported by errFrameBig and then passed over
// without being buffered. The buffer grows only for a frame that needs it.
type frameReader struct {
	// Fixed.
	src     io.Reader
	bodyMax int

	// Owned by the reading goroutine.
	buf  []byte
	r, w int    // buf[r:w] is unread
	skip uint64 // bytes of an over-long frame still to pass over
	read uint64 // bytes since the start
}

func newFrameReader(src io.Reader, bufBytes, bodyMax int) *frameReader {
	return &frameReader{src: src, bodyMax: bodyMax, buf: make([]byte, bufBytes)}
}

func (rd *frameReader) next() (frame, error) {
	if rd.skip > 0 && !rd.skipped() {
		return frame{}, errFrameShort
	}
	f, n, err := parseFrame(rd.buf[rd.r:rd.w], rd.bodyMax)
	switch err {
	case nil:
		rd.r += n
	case errFrameBig:
		rd.r += n
		rd.skip = f.size
	}
	return f, err
}

// skipped passes over what is buffered of an over-long frame and says whether it is behind us.
func (rd *frameReader) skipped() bool {
	n := min(rd.skip, uint64(rd.w-rd.r))
	rd.r += int(n)
	rd.skip -= n
	return rd.skip == 0
}

// fill blocks until more bytes are buffered.
func (rd *frameReader) fill() error {
	rd.w = copy(rd.buf, rd.buf[rd.r:rd.w])
	rd.r = 0
	if rd.w == len(rd.buf) {
		rd.grow()
	}
	n, err := rd.src.Read(rd.buf[rd.w:])
	rd.w += n
	rd.read += uint64(n)
	if n > 0 {
		return nil // an error comes again with the next read
	}
	if err == nil {
		return io.ErrNoProgress
	}
	return err
}

// grow doubles the buffer, up to the longest frame: what a peer announces
// is not believed before it has sent half of it.
func (rd *frameReader) grow() {
	bigger := make([]byte, min(2*len(rd.buf), rd.bodyMax+headerBytesMax))
	copy(bigger, rd.buf[:rd.w])
	rd.buf = bigger
}

// idle says that the stream stands between two frames.
func (rd *frameReader) idle() bool { return rd.r == rd.w && rd.skip == 0 }
