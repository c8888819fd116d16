package feed

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"

	"azira/proto"
)

// A recording is a file of text, one header line, one line per tick, one line at the end:
//
//	azira-recording 1 START
//	MICROS BYTES TOPIC & JSON
//	end TICKS
//
// START is the time of its beginning in Unix µs, MICROS a tick's arrival since
// then, BYTES the length of `TOPIC & JSON`, which may contain line ends. A file
// without the last line was cut short, and is good up to its last whole tick.
const recordingMagic = "azira-recording 1 "

// A recorder is a Sink that writes a recording.
type recorder struct {
	w      *bufio.Writer
	start  int64 // Unix µs
	ticks  uint64
	bytes  uint64
	failed error // the first failure; nothing is written after it
	line   []byte
}

func newRecorder(w io.Writer, start int64) *recorder {
	r := &recorder{w: bufio.NewWriterSize(w, 256<<10), start: start}
	r.put(fmt.Appendf(nil, "%s%d\n", recordingMagic, start))
	return r
}

func (r *recorder) Tick(topic, data []byte, ts int64) {
	r.line = strconv.AppendInt(r.line[:0], max(ts-r.start, 0), 10)
	r.line = append(r.line, ' ')
	r.line = strconv.AppendInt(r.line, int64(len(topic)+len(" & ")+len(data)), 10)
	r.line = append(r.line, ' ')
	r.line = proto.AppendTick(r.line, topic, data)
	r.line = append(r.line, '\n')
	if r.put(r.line); r.failed == nil {
		r.ticks++
	}
}

func (r *recorder) Flush() {}

func (r *recorder) put(p []byte) {
	if r.failed != nil {
		return
	}
	if _, err := r.w.Write(p); err != nil {
		r.failed = fmt.Errorf("write recording: %w", err)
	}
	r.bytes += uint64(len(p))
}

// finish writes the last line and everything still buffered.
func (r *recorder) finish() error {
	r.put(fmt.Appendf(nil, "end %d\n", r.ticks))
	if err := r.w.Flush(); err != nil && r.failed == nil {
		r.failed = fmt.Errorf("write recording: %w", err)
	}
	return r.failed
}

// A recordingReader reads the ticks of a recording in order.
type recordingReader struct {
	rd     *bufio.Reader
	ticks  uint64 // read
	offset int64  // of the next line
	topic  []byte
	data   []byte
	at     int64 // µs since the recording's start
	held   int   // bytes of the current tick, still in rd
}

func newRecordingReader(src io.Reader) (*recordingReader, error) {
	r := &recordingReader{rd: bufio.NewReaderSize(src, 256<<10)}
	line, err := r.rd.ReadSlice('\n')
	r.offset = int64(len(line))
	if err != nil && err != io.EOF && !errors.Is(err, bufio.ErrBufferFull) {
		return nil, fmt.Errorf("read recording: %w", err)
	}
	n := len(recordingMagic)
	if len(line) <= n || string(line[:n]) != recordingMagic {
		return nil, fmt.Errorf("%w: expected a first line `%sSTART`", ErrRecording, recordingMagic)
	}
	return r, nil
}

// next reads the next tick into topic, data and at; the slices are valid until the
// next call. io.EOF: the recording ends, whole. ErrTruncated: there is no more, but no end.
func (r *recordingReader) next() error {
	if _, err := r.rd.Discard(r.held); err != nil {
		panic("feed: a tick left its buffer: " + err.Error())
	}
	r.offset += int64(r.held)
	r.held = 0
	word, err := r.rd.ReadSlice(' ')
	if err != nil {
		return r.cut(err)
	}
	r.offset += int64(len(word))
	if string(word) == "end " {
		return r.end()
	}
	at, err := strconv.ParseInt(string(word[:len(word)-1]), 10, 64)
	if err != nil || at < 0 {
		return r.bad("a time in µs")
	}
	if word, err = r.rd.ReadSlice(' '); err != nil {
		return r.cut(err)
	}
	r.offset += int64(len(word))
	size, err := strconv.ParseUint(string(word[:len(word)-1]), 10, 31)
	if err != nil || size > tickBytesMax {
		return r.bad("a length in bytes")
	}
	msg, err := r.rd.Peek(int(size) + 1)
	if err != nil {
		return r.cut(err)
	}
	if msg[size] != '\n' {
		return r.bad("a tick of the length given")
	}
	if r.topic, r.data, err = proto.SplitTick(msg[:size]); err == nil {
		err = proto.CheckTick(r.topic, r.data)
	}
	if err != nil {
		return fmt.Errorf("%w: tick %d, byte %d: %w", ErrRecording, r.ticks+1, r.offset, err)
	}
	r.at, r.held = at, int(size)+1
	r.ticks++
	return nil
}

// end checks the last line, whose first word was read.
func (r *recordingReader) end() error {
	line, err := r.rd.ReadSlice('\n')
	if err != nil {
		return r.cut(err)
	}
	if n, err := strconv.ParseUint(string(line[:len(line)-1]), 10, 64); err != nil || n != r.ticks {
		return fmt.Errorf("%w: it ends with %.40q after %d ticks", ErrRecording, line, r.ticks)
	}
	return io.EOF
}

func (r *recordingReader) bad(expected string) error {
	return fmt.Errorf("%w: tick %d, byte %d: expected %s", ErrRecording, r.ticks+1, r.offset,
		expected)
}

func (r *recordingReader) cut(err error) error {
	if err == io.EOF {
		return fmt.Errorf("%w: after tick %d, at byte %d; it was not ended in order", ErrTruncated,
			r.ticks, r.offset)
	}
	if errors.Is(err, bufio.ErrBufferFull) {
		return r.bad("a line")
	}
	return fmt.Errorf("read recording: %w", err)
}
