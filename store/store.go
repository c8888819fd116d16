// Package store is the one Pebble database of a server and what is promised of it.
//
//	Batch ──Commit────────▶ number n ▶ log ▶ fsync (shared) ▶ side file: n ▶ nil
//	Batch ──CommitNoSync──▶ log                                           ▶ nil
//
//	DIR/db            Pebble's files
//	DIR/acknowledged  the last commit somebody was told is durable
//	DIR/lost-N-M      the files as found when commits N+1 … M were missing
//
// A record is (Table, key) → value; a Table is a prefix of one byte. Commits
// carry a dense number inside their batch. The number that was acknowledged
// last is kept beside the database too, so that Open can say how many
// acknowledged commits a damaged database has lost, which Pebble alone would
// pass over in silence.
package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
)

// Options of a Store. The zero value is good.
type Options struct {
	Logger *slog.Logger // slog.Default() if nil

	fs fileSystem // the real one if nil
}

// An OpenReport says what Open found.
type OpenReport struct {
	Created      bool   // there was no database before
	Commits      uint64 // number of the last commit in the database
	Acknowledged uint64 // number of the last commit known as acknowledged
	Missing      uint64 // acknowledged commits that the database has lost
	Unchecked    bool   // the side file is lost or damaged: Missing says nothing
}

// A Store is an open database. All methods are safe for any goroutine; none
// may be called from an event loop, since each may wait for the disk.
//
// When the disk fails under a write, every call returns ErrUnwritable, and the
// Store tries about once a second to open its database anew; what was
// acknowledged is there again then, or the log says how much is missing.
type Store struct {
	// Fixed after Open.
	dir    string
	fs     fileSystem
	ack    *ackFile
	lock   io.Closer
	log    *logger
	report OpenReport
	stop   chan struct{}
	keeper sync.WaitGroup // the goroutine of keep
	copies sync.Mutex     // held by the one Checkpoint under way

	life     sync.RWMutex // guards what follows
	closed   bool
	now      *opened // nil while the disk fails; changed by keep alone
	reason   string  // why now is nil
	reopened uint64
}

// Open opens the database in dir, which is made if missing. One process at a
// time holds a directory. The error is one line that says what to do: one of
// ErrLocked, ErrNotDirectory, ErrNotWritable, ErrNotCreated, ErrDamaged,
// ErrSchema, or the system's. Lost acknowledged commits are no error: they are
// logged and in Report.
func Open(dir string, o Options) (*Store, error) {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.fs == nil {
		o.fs = realFiles
	}
	if dir == "" {
		return nil, fmt.Errorf("%w: no directory given", ErrNotDirectory)
	}
	op := &opening{dir: dir, fs: o.fs, log: newLogger(o.Logger, dir)}
	s, err := openStore(op)
	if err != nil {
		op.undo()
		return nil, err
	}
	s.keeper.Go(s.keep)
	return s, nil
}

func openStore(op *opening) (*Store, error) {
	if err := op.prepareDir(); err != nil {
		return nil, err
	}
	if err := op.open(); err != nil {
		return nil, err
	}
	s := &Store{
		dir: op.dir, fs: op.fs, ack: op.ack, lock: op.lock, log: op.log, now: op.into,
		stop: make(chan struct{}),
	}
	var err error
	s.report, err = s.start(op, op.ack.load())
	return s, err
}

// start compares the database with the side file and writes what is missing
// in a new or damaged one. known says whether the side file is whole.
func (s *Store) start(op *opening, known bool) (OpenReport, error) {
	seq, err := op.sequence()
	if err != nil {
		return OpenReport{}, err
	}
	schema, err := op.schema()
	if err != nil {
		return OpenReport{}, err
	}
	acknowledged := s.ack.highest()
	r := OpenReport{
		Created:      schema == 0 && seq == 0 && acknowledged == 0,
		Commits:      seq,
		Acknowledged: acknowledged,
		Unchecked:    !known && seq > 0,
	}
	if acknowledged > seq {
		r.Missing = acknowledged - seq
	}
	s.tell(r)
	op.into.seq = max(seq, acknowledged)
	if schema == schemaVersion && r.Missing == 0 {
		return r, s.ack.raise(seq)
	}
	if r.Created { // so that a kill before the first number is no lost file
		if err := s.ack.write(0); err != nil {
			return r, op.explain(err)
		}
	}
	var b Batch
	b.Set(tableMeta, keySchema[1:], binary.BigEndian.AppendUint32(nil, schemaVersion))
	if err := op.into.commit(&b, (*opened).sync); err != nil {
		if op.into.dead() {
			err = op.explain(op.into.why)
		}
		return r, err
	}
	return r, nil
}

func (s *Store) tell(r OpenReport) {
	kept, err := settleFound(s.fs, s.dir, r)
	if err != nil {
		s.log.trouble(err.Error()) // only a help is lost
	}
	switch {
	case r.Missing > 0:
		s.log.log.Error("store: acknowledged commits are missing: the newest changes are lost; "+
			"compare with a copy of the directory", "dir", s.dir, "missing", r.Missing,
			"acknowledged", r.Acknowledged, "found", r.Commits, "files_as_found", kept)
	case r.Unchecked:
		s.log.log.Warn("store: cannot tell whether acknowledged commits are missing: "+
			"the file "+ackName+" is lost or damaged", "dir", s.dir)
	}
}

// Report is what Open found.
func (s *Store) Report() OpenReport { return s.report }

// Close waits for calls under way, makes all commits durable, also those
// without sync, and releases the directory. Later calls return ErrClosed.
func (s *Store) Close() error {
	s.life.Lock()
	if s.closed {
		s.life.Unlock()
		return ErrClosed
	}
	s.closed = true
	s.life.Unlock()
	close(s.stop)
	s.keeper.Wait()
	var err error
	if s.now != nil {
		err = s.now.close()
	}
	if err = errors.Join(err, s.ack.close(), s.lock.Close()); err != nil {
		return fmt.Errorf("store: close: %w", err)
	}
	return nil
}

// enter lets a call in unless s is closed or cannot be written; the caller
// calls calls.Done of what it got.
func (s *Store) enter() (*opened, error) {
	s.life.RLock()
	defer s.life.RUnlock()
	if s.closed {
		return nil, ErrClosed
	}
	if s.now == nil || s.now.dead() {
		return nil, ErrUnwritable
	}
	s.now.calls.Add(1)
	return s.now, nil
}
