package server

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"azira/auth"

	"github.com/coder/websocket"
)

const (
	evictDead    = 3 * time.Second // in place of 10 s
	evictTokens  = 64
	evictPadding = 15 << 10 // of a tick: to read the newest of all takes 12 s
	evictRead    = 8 << 10  // taken each 100 ms by who is slow
)

// A slowReader is a stream that reads a little at a time, until it is stopped.
type slowReader struct {
	conn    *net.TCPConn
	stopped chan struct{}
	ended   atomic.Bool // by the server
}

func (s *running) slowReader(bearer string, requests ...string) *slowReader {
	r := &slowReader{conn: s.rawStream(bearer, requests...), stopped: make(chan struct{})}
	_ = r.conn.SetDeadline(time.Now().Add(time.Minute))
	go func() {
		buf := make([]byte, evictRead)
		for {
			select {
			case <-r.stopped:
				return
			case <-time.After(100 * time.Millisecond):
			}
			if _, err := r.conn.Read(buf); err != nil {
				r.ended.Store(true)
				return
			}
		}
	}()
	return r
}

// gone says whether the server has ended the stream, reading all it has sent.
func (r *slowReader) gone() bool {
	_ = r.conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	_, err := io.Copy(io.Discard, r.conn)
	return !errors.Is(err, os.ErrDeadlineExceeded)
}

// A flooded is a server, made of parts so that a test sees into it, whose
// tokens tick faster than a slow reader takes them.
type flooded struct {
	*running
	parts *server
}

func startFlooded(t *testing.T) *flooded {
	c := testConfig(t)
	c.Loops, c.deadAfter = 1, evictDead
	f := &flooded{parts: &server{config: c, log: testLogger(&syncBuffer{})}}
	t.Cleanup(func() { _ = f.parts.stop() })
	addrs, err := f.parts.start()
	if err != nil {
		t.Fatal(err)
	}
	f.running = &running{t: t, addrs: addrs}
	pub, end := f.parts.engine.Publisher(), make(chan struct{})
	pad := strings.Repeat("x", evictPadding)
	round := func(n int) {
		for i := range evictTokens {
			pub.Tick([]byte(evictToken(i)), fmt.Appendf(nil, `{"n":%d,"pad":%q}`, n, pad), 1)
		}
		pub.Flush()
	}
	round(0)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := 1; ; n++ {
			select {
			case <-end:
				return
			case <-time.After(250 * time.Millisecond):
				round(n)
			}
		}
	}()
	t.Cleanup(func() { close(end); <-done })
	return f
}

func evictToken(i int) string { return fmt.Sprintf("T%d", i) }

// of is the account's stream that a reader is the other end of.
func (f *flooded) of(r *slowReader) *auth.Stream {
	at := r.conn.LocalAddr().String()
	for _, st := range f.parts.auth.Streams("ann") {
		if st.Addr().String() == at {
			return st
		}
	}
	return nil
}

// fourth opens one stream more and says whether it was refused.
func (f *flooded) fourth(bearer string) bool {
	c := f.open("/api/v1/stream", bearer)
	if err := c.Write(f.t.Context(), websocket.MessageText, []byte("foo|A")); err != nil {
		f.t.Fatal(err)
	}
	_, p, err := c.Read(f.t.Context())
	if err == nil {
		if string(p) != "Unknown action: foo" {
			f.t.Errorf("%q", p)
		}
		return false
	}
	if !strings.Contains(err.Error(), "connection limit 3 reached") {
		f.t.Errorf("fourth: %v", err)
	}
	return true
}

// Who reads slowly and never catches up keeps its stream; who takes no byte any
// more gives way to the next of its account.
func TestOnlyAStalledStreamGivesWay(t *testing.T) {
	f := startFlooded(t)
	g, err := f.parts.auth.Register(t.Context(), "ann", goodPassword)
	if err != nil {
		t.Fatal(err)
	}
	bearer, ask := g.AccessToken, []string{}
	for first := 0; first < evictTokens; first += 16 { // a frame of this test is short
		var names []string
		for i := first; i < first+16; i++ {
			names = append(names, evictToken(i))
		}
		ask = append(ask, "subscribe|"+strings.Join(names, ","))
	}
	var all []*slowReader
	for range 3 {
		all = append(all, f.slowReader(bearer, ask...))
	}
	parked := func(r *slowReader) bool { st := f.of(r); return st != nil && st.ParkedSince() != 0 }
	eventually(t, "all are parked", func() bool {
		return !slices.ContainsFunc(all, func(r *slowReader) bool { return !parked(r) })
	})
	end := time.Now().Add(evictDead + 1500*time.Millisecond)
	for ; time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		for i, r := range all {
			if !parked(r) {
				t.Fatalf("reader %d caught up: the test proves nothing", i)
			}
		}
	}
	if !f.fourth(bearer) {
		t.Fatal("a living stream gave way")
	}
	stalled := all[1]
	close(stalled.stopped)
	if !f.fourth(bearer) {
		t.Fatal("a stream gave way at once")
	}
	eventually(t, "a fourth is taken", func() bool { return !f.fourth(bearer) })
	if age := time.Now().Unix() - f.of(all[0]).ParkedSince(); age >= int64(evictDead/time.Second) {
		t.Errorf("one that reads is reported to have taken nothing for %d s", age)
	}
	if f.of(stalled) != nil || f.of(all[0]) == nil || f.of(all[2]) == nil {
		t.Error("another than the stalled one gave way")
	}
	eventually(t, "the stalled one has ended", stalled.gone)
	if all[0].ended.Load() || all[2].ended.Load() {
		t.Error("one that reads was ended")
	}
}
