package feed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync/atomic"
	"time"
)

// A RecordConfig says what `azira feed record` records.
type RecordConfig struct {
	From     string        // endpoint of the publisher
	Out      string        // file to make; it must not be there yet
	Duration time.Duration // 0 = until stopped
	Count    uint64        // ticks; 0 = until stopped
	Progress io.Writer     // gets one line per second; nil = none
	Logger   *slog.Logger
}

// Record records a feed until ctx ends, or the duration or count is reached, and
// returns how many ticks the file has. The file is whole then.
func Record(ctx context.Context, c RecordConfig) (ticks uint64, err error) {
	if _, _, err := ParseEndpoint(c.From); err != nil {
		return 0, err
	}
	file, err := os.OpenFile(c.Out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, os.ErrExist) {
		return 0, fmt.Errorf("%w: %s is there already; name a new file", ErrConfig, c.Out)
	}
	if err != nil {
		return 0, fmt.Errorf("create recording: %w", err)
	}
	if c.Progress == nil {
		c.Progress = io.Discard
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if c.Duration > 0 {
		ctx, cancel = context.WithTimeout(ctx, c.Duration)
		defer cancel()
	}
	rec := newRecorder(file, time.Now().UnixMicro())
	sink := &limitSink{recorder: rec, count: c.Count, cancel: cancel}
	sub := NewSubscriber(c.From, sink, SubscriberOptions{Logger: c.Logger})
	ended := make(chan error, 1)
	go func() { ended <- sub.Run(ctx) }()
	runErr := report(sub, sink, c.Progress, ended)
	if err := errors.Join(runErr, rec.finish(), file.Sync(), file.Close()); err != nil {
		return rec.ticks, err
	}
	return rec.ticks, nil
}

// report writes a line of progress per second until Run has ended.
func report(sub *Subscriber, sink *limitSink, w io.Writer, ended <-chan error) error {
	every := time.NewTicker(time.Second)
	defer every.Stop()
	for {
		select {
		case err := <-ended:
			return err
		case <-every.C:
		}
		st := sub.Status()
		state := "connected"
		if !st.Connected {
			state = "not connected to " + st.Endpoint
		}
		dropped := uint64(0)
		for _, n := range st.Bad {
			dropped += n
		}
		// Progress that nobody can read is no reason to stop.
		fmt.Fprintf(w, "recorded %d ticks, %d bad, %.1f MB read, %s\n",
			sink.written.Load(), dropped, float64(st.Bytes)/1e6, state)
	}
}

// A limitSink records until there is enough, or the file takes no more.
type limitSink struct {
	*recorder
	count   uint64
	cancel  context.CancelFunc
	written atomic.Uint64 // ticks, for whoever reports them
}

func (s *limitSink) Tick(topic, data []byte, ts int64) {
	if s.count > 0 && s.ticks == s.count {
		return
	}
	s.recorder.Tick(topic, data, ts)
	s.written.Store(s.ticks)
	if s.failed != nil || s.ticks == s.count {
		s.cancel()
	}
}

// Flush writes through, so that a recorder that is killed loses little.
func (s *limitSink) Flush() {
	if s.w.Buffered() > s.w.Size()/2 {
		_ = s.w.Flush() // bufio keeps the error and gives it to finish
	}
}
