package feed

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"
)

// A replay plays a recording, once or over and over. A recording that is cut short is
// played as far as it goes: once, then that is the error; in a loop, it is logged.
type replay struct {
	// Fixed after openReplay.
	file  *os.File
	speed float64
	loop  bool
	log   *slog.Logger

	// Owned by the playing goroutine.
	rd     *recordingReader
	loaded bool          // rd holds a tick that was not played yet
	round  time.Duration // when this round began, since the start
	first  int64         // the first tick's time in the recording, µs
	warned bool
}

func openReplay(path string, speed float64, loop bool, l *slog.Logger) (*replay, error) {
	if !(speed > 0 && speed <= speedMax) {
		return nil, fmt.Errorf("%w: speed %g, expected over 0 to %g", ErrConfig, speed, speedMax)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open recording: %w", err)
	}
	r := &replay{file: file, speed: speed, loop: loop, log: l}
	if err := r.rewind(); err != nil {
		file.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

func (r *replay) close() error { return r.file.Close() }

// rewind goes to the first tick, of which there must be one.
func (r *replay) rewind() error {
	if _, err := r.file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("rewind recording: %w", err)
	}
	rd, err := newRecordingReader(r.file)
	if err != nil {
		return err
	}
	if err := rd.next(); err == io.EOF {
		return fmt.Errorf("%w: it has no ticks", ErrRecording)
	} else if err != nil {
		return err
	}
	r.rd, r.loaded, r.first = rd, true, rd.at
	return nil
}

func (r *replay) next(now time.Duration) (topic, data []byte, due time.Duration, err error) {
	if !r.loaded {
		if err := r.load(); err != nil {
			return nil, nil, now, err
		}
	}
	due = r.round + r.scale(r.rd.at-r.first)
	if due > now {
		return nil, nil, due, nil
	}
	r.loaded = false
	return r.rd.topic, r.rd.data, due, nil
}

// load reads the next tick, or begins the next round.
func (r *replay) load() error {
	last, ticks := r.rd.at, r.rd.ticks
	err := r.rd.next()
	switch {
	case err == nil:
		r.loaded = true
		return nil
	case !r.loop || err != io.EOF && !errors.Is(err, ErrTruncated):
		return err
	case err != io.EOF && !r.warned:
		r.warned = true
		r.log.Warn("recording is cut short, looping over what there is", "error", err)
	}
	// The pause between two rounds is the mean one between ticks.
	span := max(last-r.first, 0)
	r.round += r.scale(span) + max(r.scale(span/int64(ticks)), time.Millisecond)
	return r.rewind()
}

func (r *replay) scale(micros int64) time.Duration {
	return time.Duration(float64(micros) * float64(time.Microsecond) / r.speed)
}

func (r *replay) add(*Publisher, []string) error { return ErrReplayAdd }
