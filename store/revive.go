package store

import (
	"errors"
	"fmt"
	"syscall"
	"time"
)

// State is whether a Store takes changes now.
type State struct {
	Writable bool
	Reason   string // why not, in plain words
	Reopened uint64 // times the database was opened anew after a failure
}

// State may be called from any goroutine and waits for nothing.
func (s *Store) State() State {
	s.life.RLock()
	defer s.life.RUnlock()
	st := State{Reopened: s.reopened}
	switch {
	case s.closed:
		st.Reason = "closed"
	case s.now == nil:
		st.Reason = s.reason
	case s.now.dead():
		st.Reason = reasonOf(s.now.why)
	default:
		st.Writable = true
	}
	return st
}

// keep has commits without sync reach the disk, and opens the database anew after each
// failure of its disk, until Close.
func (s *Store) keep() {
	pause, again := reviveEvery, false
	for {
		o := s.now // only this goroutine changes it
		since := time.Now()
		if !s.settle(o) {
			return
		}
		if again && time.Since(since) < reviveCalm {
			pause = min(2*pause, revivePauseMax)
		} else {
			pause = reviveEvery
		}
		again = true
		s.lose(o)
		if !s.revive(pause) {
			return
		}
	}
}

// settle syncs what was committed without, now and then, until o fails; false after Close.
// Pebble alone keeps the last of it in memory until the next sync, however long that is.
func (s *Store) settle(o *opened) bool {
	t := time.NewTicker(settleEvery)
	defer t.Stop()
	for {
		select {
		case <-s.stop:
			return false
		case <-o.failed:
			return true
		case <-t.C:
			if !o.loose.Swap(false) {
				continue
			}
			if err := o.try(o.db.syncLog); err != nil && !errors.Is(err, ErrUnwritable) {
				o.fail(err)
			}
		}
	}
}

// lose turns callers away and lets go of o.
func (s *Store) lose(o *opened) {
	s.life.Lock()
	s.now, s.reason = nil, reasonOf(o.why)
	s.life.Unlock()
	s.log.log.Error("store: the database cannot be written: calls that need it are refused "+
		"until it can be; acknowledged changes are kept", "dir", s.dir, "reason", s.reason)
	o.abandon()
}

// revive tries until the database is open again; false after Close.
func (s *Store) revive(pause time.Duration) bool {
	for {
		select {
		case <-s.stop:
			return false
		case <-time.After(pause):
		}
		err := s.probe()
		if err == nil {
			err = s.reopen()
		}
		if err == nil {
			return true
		}
		if reason := reasonOf(err); reason != s.reason {
			s.log.log.Error("store: the database still cannot be written",
				"dir", s.dir, "reason", reason)
			s.life.Lock()
			s.reason = reason
			s.life.Unlock()
		}
	}
}

// probe finds out whether the disk takes as much as opening needs, without a
// risk for the database.
func (s *Store) probe() error {
	name := s.fs.PathJoin(s.dir, probeName)
	f, err := s.fs.Create(name, anyCategory)
	if err != nil {
		return err
	}
	page := make([]byte, 64<<10)
	for n := 0; n < probeBytes && err == nil; n += len(page) {
		_, err = f.Write(page)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close(), s.fs.Remove(name))
}

// reopen opens the database and checks, as Open does, that what was
// acknowledged is there.
func (s *Store) reopen() error {
	op := &opening{dir: s.dir, fs: s.fs, log: s.log, lock: s.lock, ack: s.ack}
	if err := op.open(); err != nil {
		return err
	}
	r, err := s.start(op, true)
	if err != nil {
		op.letGo()
		return err
	}
	s.life.Lock()
	s.now, s.reason = op.into, ""
	s.reopened++
	s.life.Unlock()
	s.log.log.Info("store: the database can be written again", "dir", s.dir,
		"acknowledged", r.Acknowledged, "missing", r.Missing)
	return nil
}

// reasonOf is the cause alone, in the system's words where there are some.
func reasonOf(err error) string {
	var no syscall.Errno
	if errors.As(err, &no) {
		return no.Error()
	}
	return oneLine(fmt.Sprint(err))
}
