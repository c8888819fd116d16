package server

import (
	"net/http"
	"net/http/pprof"
	"runtime"
	"sync"
)

// A sampling is one kind of profile whose samples cost time, so that they are taken
// only while somebody asks for them. Several may at once: the last to leave turns it
// off.
//
// Its methods may be called from any goroutine.
type sampling struct {
	// Fixed.
	name    string // of the profile
	on, off func()

	// Shared.
	mu    sync.Mutex
	users int // under mu
}

// mutexSampling is of who held a lock that others waited for.
func mutexSampling() *sampling {
	return &sampling{name: "mutex",
		on:  func() { runtime.SetMutexProfileFraction(mutexFraction) },
		off: func() { runtime.SetMutexProfileFraction(0) }}
}

// blockSampling is of who waited: for locks, channels, conditions.
func blockSampling() *sampling {
	return &sampling{name: "block",
		on:  func() { runtime.SetBlockProfileRate(int(blockSample.Nanoseconds())) },
		off: func() { runtime.SetBlockProfileRate(0) }}
}

// ServeHTTP answers what is sampled in the next ?seconds=N or, without, what was so far.
func (s *sampling) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.FormValue("seconds") != "" {
		s.enter()
		defer s.leave()
	}
	pprof.Handler(s.name).ServeHTTP(w, r)
}

func (s *sampling) enter() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users++; s.users == 1 {
		s.on()
	}
}

func (s *sampling) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users--; s.users == 0 {
		s.off()
	}
}
