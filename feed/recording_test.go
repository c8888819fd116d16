package feed

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var recorded = []string{`A={"n":1}`, "B={\"n\":\n2}", `A={"x":"a & b\nend 3"}`}

// recording makes the bytes of a recording of those ticks, 10 ms apart.
func recording(t *testing.T, ticks []string) []byte {
	t.Helper()
	var out bytes.Buffer
	r := newRecorder(&out, 1000)
	for i, tick := range ticks {
		topic, data, _ := strings.Cut(tick, "=")
		r.Tick([]byte(topic), []byte(data), int64(1000+10_000*i))
	}
	if err := r.finish(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// readAll reads a recording to its end, which the error tells.
func readAll(p []byte) (ticks []string, err error) {
	r, err := newRecordingReader(bytes.NewReader(p))
	if err != nil {
		return nil, err
	}
	for {
		if err := r.next(); err != nil {
			return ticks, err
		}
		ticks = append(ticks, string(r.topic)+"="+string(r.data))
	}
}

func TestRecordingRoundTrip(t *testing.T) {
	p := recording(t, recorded)
	want := "azira-recording 1 1000\n0 11 A & {\"n\":1}\n10000 12 B & {\"n\":\n2}\n" +
		"20000 24 A & {\"x\":\"a & b\\nend 3\"}\nend 3\n"
	if string(p) != want {
		t.Errorf("recording %q, want %q", p, want)
	}
	if got, err := readAll(p); err != io.EOF || !slices.Equal(got, recorded) {
		t.Errorf("read %q, %v", got, err)
	}
}

func TestRecordingCutAnywhere(t *testing.T) {
	p := recording(t, recorded)
	for n := len("azira-recording 1 1000\n"); n < len(p); n++ {
		got, err := readAll(p[:n])
		if !errors.Is(err, ErrTruncated) || !slices.Equal(got, recorded[:len(got)]) {
			t.Errorf("cut at %d: %q, %v", n, got, err)
		}
		if n >= len(p)-len("end 3\n") && len(got) != 3 {
			t.Errorf("cut at %d: only %d ticks", n, len(got))
		}
	}
}

func TestRecordingBad(t *testing.T) {
	const head = "azira-recording 1 0\n"
	for _, in := range []string{
		"", "\n", "azira-recording 2 0\n", strings.Repeat("x", 1<<20),
		head + "x 11 A & {}\n", head + "-1 6 A & {}\n", head + "1 x A & {}\n",
		head + "1 99999999 A & {}\n", head + "1 5 A & {}\n", head + "1 7 A & {}\nend 1\n",
		head + "1 6 A | {}\n", head + "1 6 A & []\n", head + "end 1\n", head + "end x\n",
		head + strings.Repeat("1", 1<<20),
	} {
		if got, err := readAll([]byte(in)); !errors.Is(err, ErrRecording) {
			t.Errorf("%.60q: %q, %v", in, got, err)
		}
	}
}

func FuzzRecording(f *testing.F) {
	f.Add([]byte("azira-recording 1 0\n1 6 A & {}\nend 1\n"))
	f.Add([]byte("azira-recording 1 0\n1 6 A & {}\n2 "))
	f.Fuzz(func(t *testing.T, p []byte) {
		ticks, err := readAll(p)
		if err != io.EOF {
			if !errors.Is(err, ErrTruncated) && !errors.Is(err, ErrRecording) {
				t.Fatalf("%q: %v", p, err)
			}
			return
		}
		again, err := readAll(recording(t, ticks))
		if err != io.EOF || !slices.Equal(again, ticks) {
			t.Fatalf("%q, then %q, %v", ticks, again, err)
		}
	})
}

func writeFile(t *testing.T, p []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "recording")
	if err := os.WriteFile(path, p, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReplayPace(t *testing.T) {
	path := writeFile(t, recording(t, recorded))
	r, err := openReplay(path, 2, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	// At double speed: a tick each 5 ms; between rounds the mean pause, 20/3/2 ms.
	const ms = float64(time.Millisecond)
	want := []float64{0, 5, 10, 13.333, 18.333, 23.333, 26.666}
	for i, at := range want {
		now := time.Duration(at * ms)
		early, _, due, _ := r.next(now - time.Millisecond/2)
		if early != nil || (due-now).Abs() > time.Millisecond/10 {
			t.Fatalf("tick %d: due at %v, %q; want %v", i, due, early, now)
		}
		topic, data, _, err := r.next(now + time.Millisecond/2)
		if got := string(topic) + "=" + string(data); err != nil || got != recorded[i%3] {
			t.Fatalf("tick %d: %s, %v", i, got, err)
		}
	}
}

func TestReplayOfCutRecording(t *testing.T) {
	p := recording(t, recorded)
	path := writeFile(t, p[:len(p)-10])
	var log bytes.Buffer
	for _, loop := range []bool{false, true} {
		r, err := openReplay(path, 1, loop, slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		defer r.close()
		n := 0
		for err == nil && n < 10 {
			if _, _, _, err = r.next(math.MaxInt64 / 2); err == nil {
				n++
			}
		}
		if loop && (n != 10 || err != nil || strings.Count(log.String(), "looping over") != 1) {
			t.Errorf("in a loop: %d ticks, %v, log %s", n, err, &log)
		}
		if !loop && (n != 2 || !errors.Is(err, ErrTruncated)) {
			t.Errorf("once: %d ticks, %v", n, err)
		}
	}
}

func TestReplayRefuses(t *testing.T) {
	good, empty := writeFile(t, recording(t, recorded)), writeFile(t, recording(t, nil))
	for _, c := range []struct {
		path  string
		speed float64
		want  error
	}{
		{good, 0, ErrConfig}, {good, -1, ErrConfig}, {good, math.NaN(), ErrConfig},
		{good, math.Inf(1), ErrConfig}, {good + "x", 1, os.ErrNotExist}, {empty, 1, ErrRecording},
		{writeFile(t, []byte("hello")), 1, ErrRecording},
	} {
		if _, err := openReplay(c.path, c.speed, true, nil); !errors.Is(err, c.want) {
			t.Errorf("speed %v: %v, want %v", c.speed, err, c.want)
		}
	}
}

func TestRecord(t *testing.T) {
	p := newRawPub(t, "127.0.0.1:0")
	path := filepath.Join(t.TempDir(), "recording")
	type result struct {
		ticks uint64
		err   error
	}
	done := make(chan result, 1)
	go func() {
		n, err := Record(t.Context(), RecordConfig{From: p.endpoint(), Out: path, Count: 3})
		done <- result{n, err}
	}()
	conn, _ := p.serve(1)
	var sent [][]byte // at once: the recorder leaves after the third
	for i := range 5 {
		sent = append(sent, one(fmt.Sprintf(`A & {"n":%d}`, i)), one("bad"))
	}
	send(t, conn, sent...)
	if r := <-done; r.ticks != 3 || r.err != nil {
		t.Fatalf("Record = %d, %v", r.ticks, r.err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got, err := readAll(file)
	want := []string{`A={"n":0}`, `A={"n":1}`, `A={"n":2}`}
	if err != io.EOF || !slices.Equal(got, want) {
		t.Errorf("recorded %q, %v", got, err)
	}
	_, err = Record(t.Context(), RecordConfig{From: p.endpoint(), Out: path})
	if !errors.Is(err, ErrConfig) {
		t.Errorf("over an existing file: %v", err)
	}
	var progress bytes.Buffer
	n, err := Record(t.Context(), RecordConfig{From: p.endpoint(), Out: path + "2",
		Duration: 1200 * time.Millisecond, Progress: &progress})
	if n != 0 || err != nil || !strings.Contains(progress.String(), "recorded 0 ticks") {
		t.Errorf("Record = %d, %v, progress %q", n, err, &progress)
	}
}

// A fullDisk takes some bytes and then no more.
type fullDisk int

var errFull = errors.New("disk full")

func (d *fullDisk) Write(p []byte) (int, error) {
	if *d -= fullDisk(len(p)); *d < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestRecorderTellsOfAFullDisk(t *testing.T) {
	disk := fullDisk(1 << 20)
	r := newRecorder(&disk, 0)
	stopped := false
	s := &limitSink{recorder: r, cancel: func() { stopped = true }}
	for range 20_000 {
		s.Tick([]byte("A"), []byte(`{"x":"`+strings.Repeat("y", 100)+`"}`), 0)
		s.Flush()
	}
	if s.written.Load() != r.ticks || r.ticks == 0 {
		t.Errorf("%d ticks are told of, %d were written", s.written.Load(), r.ticks)
	}
	if err := r.finish(); !errors.Is(err, errFull) || !stopped {
		t.Errorf("finish = %v, stopped %v", err, stopped)
	}
}
