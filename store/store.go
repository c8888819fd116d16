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
	"log/slog"
	"os"
	"sync"
)

// Options of a Store. The zero value is good.
type Options struct {
	Logger *slog.Logger // slog.Default() if nil

	fs   fileSystem     // the real one if nil
	exit func(code int) // os.Exit if nil
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
// When the disk fails under a write, the process ends with one line: going on
// would mean to answer for what may not be there.
type Store struct {
	// Fixed after Open.
	dir    string
	fs     fileSystem
	db     *db
	ack    *ackFile
	lock   interface{ Close() error }
	log    *logger
	report OpenReport

	commits sync.Mutex // commit numbers follow the order of the log
	seq     uint64     // last number given; guarded by commits

	life   sync.RWMutex
	closed bool           // guarded by life
	users  sync.WaitGroup // calls under way
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
	if o.exit == nil {
		o.exit = os.Exit
	}
	if dir == "" {
		return nil, fmt.Errorf("%w: no directory given", ErrNotDirectory)
	}
	op := &opening{dir: dir, fs: o.fs, log: newLogger(o.Logger, dir, o.exit)}
	if err := op.run(); err != nil {
		return nil, err
	}
	s := &Store{dir: dir, fs: o.fs, db: op.db, ack: op.ack, lock: op.lock, log: op.log}
	if err := s.start(op); err != nil {
		op.undo()
		return nil, err
	}
	return s, nil
}

// start compares the database with the side file and writes what is missing
// in a new or damaged one.
func (s *Store) start(op *opening) error {
	seq, err := op.sequence()
	if err != nil {
		return err
	}
	schema, err := op.schema()
	if err != nil {
		return err
	}
	known := s.ack.load()
	s.report = OpenReport{
		Created:      schema == 0 && seq == 0 && !known,
		Commits:      seq,
		Acknowledged: s.ack.last,
		Unchecked:    !known && seq > 0,
	}
	if s.ack.last > seq {
		s.report.Missing = s.ack.last - seq
	}
	s.tell()
	s.seq = max(seq, s.ack.last)
	if schema == schemaVersion && s.report.Missing == 0 {
		return s.ack.raise(seq)
	}
	var b Batch
	b.Set(tableMeta, keySchema[1:], binary.BigEndian.AppendUint32(nil, schemaVersion))
	return s.Commit(&b)
}

func (s *Store) tell() {
	kept, err := settleFound(s.fs, s.dir, s.report)
	if err != nil {
		s.log.trouble(err.Error()) // only a help is lost
	}
	switch r := s.report; {
	case r.Missing > 0:
		s.log.log.Error("store: acknowledged commits are missing: the newest changes are lost; "+
			"compare with a checkpoint", "dir", s.dir, "missing", r.Missing,
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
	s.users.Wait()
	err := errors.Join(s.db.close(), s.ack.close(), s.lock.Close())
	if err != nil {
		return fmt.Errorf("store: close: %w", err)
	}
	return nil
}

// enter lets a call in unless s is closed; the caller calls s.users.Done.
func (s *Store) enter() error {
	s.life.RLock()
	defer s.life.RUnlock()
	if s.closed {
		return ErrClosed
	}
	s.users.Add(1)
	return nil
}
