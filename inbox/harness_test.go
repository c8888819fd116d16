package inbox

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"testing"
	"time"

	"azira/proto"
	"azira/store"
)

// open is a Service over a real directory.
func open(t testing.TB, o Options) *Service {
	t.Helper()
	st, err := store.Open(t.TempDir(), store.Options{Logger: quiet(t)})
	if err != nil {
		t.Fatal(err)
	}
	o.Logger = quiet(t)
	s, err := Open(st, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func quiet(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
}

func (s *Service) mustSend(t testing.TB, to, content string) uint64 {
	t.Helper()
	r, err := s.Send(context.Background(), to, Draft{From: "x", Content: []byte(content)})
	if err != nil {
		t.Fatal(err)
	}
	return r.ID
}

// got is what a stream was given.
type got struct {
	Type        string
	ID          uint64
	Content     string
	Dropped     uint64
	Redelivered bool
}

// A fakeStream takes frames as a real one does: later, or not.
type fakeStream struct {
	t    testing.TB
	seat *Seat

	mu      sync.Mutex
	list    []got
	waiting []byte
	shut    bool // takes nothing
	refused bool
	ended   bool
}

func sit(t testing.TB, s *Service, username string) *fakeStream {
	f := &fakeStream{t: t}
	f.seat = s.Sit(username, f)
	f.seat.Opened()
	return f
}

func (f *fakeStream) Post(frames []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.ended:
		return
	case f.shut:
		f.refused = true
		return
	case f.waiting != nil:
		f.t.Error("posted while a page is on its way")
	}
	f.waiting = frames
	go f.take()
}

// take is the socket that has taken all.
func (f *fakeStream) take() {
	f.mu.Lock()
	var d proto.Decoder
	for p := f.waiting; len(p) > 0; {
		m, n, ok, err := d.Next(unmasked(p), 1<<20)
		if err != nil || !ok {
			f.t.Errorf("frames: %v %v", ok, err)
			break
		}
		var g got
		if err := json.Unmarshal(m.Payload, &g); err != nil {
			f.t.Errorf("%q: %v", m.Payload, err)
		}
		f.list = append(f.list, g)
		p = p[n-4:]
	}
	f.waiting = nil
	ended := f.ended
	f.mu.Unlock()
	if !ended {
		f.seat.Took(true)
	}
}

// unmasked makes a server's frame one that a client might have sent, with a key of zeros.
func unmasked(p []byte) []byte {
	head := 2
	switch p[1] {
	case 126:
		head = 4
	case 127:
		head = 10
	}
	out := append([]byte{p[0], p[1] | 0x80}, p[2:head]...)
	return append(append(out, 0, 0, 0, 0), p[head:]...)
}

func (f *fakeStream) all() []got {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]got(nil), f.list...)
}

// shutUp has the stream take nothing, or something again.
func (f *fakeStream) shutUp(on bool) {
	f.mu.Lock()
	f.shut = on
	again := !on && f.refused
	f.refused = f.refused && on
	f.mu.Unlock()
	if again {
		f.seat.Took(false)
	}
}

func (f *fakeStream) end() {
	f.mu.Lock()
	f.ended = true
	f.mu.Unlock()
	f.seat.Ended()
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not in time: " + what)
		}
	}
}
