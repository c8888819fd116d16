package server

import (
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"sync"
	"testing"
	"time"
)

// contendForTest holds a lock that others wait for, until done.
//
//go:noinline
func contendForTest(mu *sync.Mutex, done <-chan struct{}) {
	for {
		mu.Lock()
		time.Sleep(time.Millisecond)
		mu.Unlock()
		select {
		case <-done:
			return
		default:
		}
	}
}

// contend has two goroutines want one lock until the test ends. Two, so that the
// queue for it is empty at times: the runtime does not time a queue that began before.
func contend(t *testing.T) {
	var mu sync.Mutex
	var running sync.WaitGroup
	done := make(chan struct{})
	for range 2 {
		running.Go(func() { contendForTest(&mu, done) })
	}
	t.Cleanup(func() { close(done); running.Wait() })
}

// unpacked is a profile's protocol buffer, in which names stand as they are.
func unpacked(t *testing.T, p []byte) string {
	t.Helper()
	zr, err := gzip.NewReader(bytes.NewReader(p))
	if err != nil {
		t.Fatalf("%v: %.80q", err, p)
	}
	text, err := io.ReadAll(zr)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A lock that is waited for shows in both profiles, once they are asked for, and
// nothing is sampled before or after.
func TestSamplingWhileAskedFor(t *testing.T) {
	t.Parallel()
	s := start(t)
	contend(t)
	const name = "contendForTest"
	for _, path := range []string{"/debug/pprof/mutex", "/debug/pprof/block"} {
		still(t, s, path)
		r := s.adminCall(path + "?seconds=1")
		if r.StatusCode != 200 || !strings.Contains(unpacked(t, r.body), name) {
			t.Errorf("%s?seconds=1: %d, %d bytes without the lock", path, r.StatusCode, len(r.body))
		}
		if r := s.adminCall(path); !strings.Contains(unpacked(t, r.body), name) {
			t.Errorf("%s after: what was sampled is gone", path)
		}
		still(t, s, path)
		if r := s.adminCall(path + "?seconds=x"); r.StatusCode != 400 {
			t.Errorf("%s?seconds=x: %d", path, r.StatusCode)
		}
	}
}

// still holds that nothing is sampled now.
func still(t *testing.T, s *running, path string) {
	t.Helper()
	before := s.adminCall(path + "?debug=1")
	time.Sleep(20 * time.Millisecond)
	after := s.adminCall(path + "?debug=1")
	if after.StatusCode != 200 || !bytes.Equal(before.body, after.body) {
		t.Errorf("%s: %d, sampled while nobody asked\n%s", path, after.StatusCode, after.body)
	}
}

// Who leaves first does not turn it off for who is still there.
func TestSamplingShared(t *testing.T) {
	var log []string
	s := &sampling{on: func() { log = append(log, "on") }, off: func() { log = append(log, "off") }}
	s.enter()
	s.enter()
	s.leave()
	log = append(log, "one left")
	s.leave()
	s.enter()
	s.leave()
	if got := strings.Join(log, ", "); got != "on, one left, off, on, off" {
		t.Error(got)
	}
}
