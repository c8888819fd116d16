package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
)

// Names inside the directory of a Store.
const (
	dbName  = "db"           // Pebble's own directory
	ackName = "acknowledged" // the side file

	probeName = "space-probe" // written and removed while the disk is full
)

// opening is what Open gathers on its way; undo releases it.
type opening struct {
	// Fixed.
	dir string
	fs  fileSystem
	log *logger

	lock io.Closer
	ack  *ackFile
	into *opened
}

// open opens the database anew and reads it through. A panic inside Pebble,
// which damaged files can cause, is an error like any other.
func (o *opening) open() error {
	sub := o.fs.PathJoin(o.dir, dbName)
	o.into = newOpened(o.fs, sub, o.ack, o.log)
	var d *db
	own := *o // it may go on when this opening was given up
	err := o.into.try(func() (err error) {
		defer func() {
			if r := recover(); r != nil {
				err = own.damaged(fmt.Sprint(r))
			}
		}()
		if d, err = own.openDatabase(sub); err != nil {
			return err
		}
		return own.verify(d)
	})
	if o.into.dead() {
		err = o.explain(o.into.why)
	} else {
		o.into.db = d
	}
	if err != nil {
		o.letGo()
		return err
	}
	o.into.fence.serving.Store(true)
	return nil
}

// letGo closes the database, if it is open and can be closed.
func (o *opening) letGo() {
	if o.into == nil {
		return
	}
	if o.into.db != nil && !o.into.dead() {
		_ = o.into.try(o.into.db.close) // the first error is the one to tell
	}
	o.into.abandon()
	o.into = nil
}

func (o *opening) undo() {
	o.letGo()
	if o.ack != nil {
		_ = o.ack.f.Close()
	}
	if o.lock != nil {
		_ = o.lock.Close()
	}
}

// prepareDir makes the directory, locks it and opens the side file.
func (o *opening) prepareDir() error {
	if i, err := o.fs.Stat(o.dir); err == nil && !i.IsDir() {
		return fmt.Errorf("%w: %s is a file; give a directory", ErrNotDirectory, o.dir)
	}
	sub := o.fs.PathJoin(o.dir, dbName)
	err := makeDir(o.fs, sub)
	if err != nil {
		return o.explainDir(err)
	}
	lock, err := pebble.LockDirectory(sub, o.fs)
	if err != nil {
		return o.explainLock(err)
	}
	o.lock = lock
	if o.ack, err = openAck(o.fs, o.dir); err != nil {
		return o.explain(err)
	}
	return nil
}

// openDatabase refuses a directory whose database has lost its own entry
// point: Pebble would start an empty one and delete the rest.
func (o *opening) openDatabase(sub string) (*db, error) {
	desc, err := pebble.Peek(sub, o.fs)
	if err != nil {
		return nil, o.explain(err)
	}
	if !desc.Exists {
		names, err := o.fs.List(sub)
		if err != nil {
			return nil, o.explain(err)
		}
		for _, n := range names {
			if strings.HasSuffix(n, ".sst") || strings.HasSuffix(n, ".log") {
				return nil, o.damaged("the name of its manifest is missing")
			}
		}
	}
	if desc.Exists {
		if err := keepFound(o.fs, o.dir); err != nil {
			o.log.Infof("keep the files as found: %v", err)
		}
	}
	if err := o.dropOptions(sub); err != nil {
		return nil, o.explain(err)
	}
	d, err := openDB(o.into.fence, sub, o.into.log)
	if err != nil {
		return nil, o.explain(err)
	}
	return d, nil
}

// dropOptions removes what Pebble noted of its options where it is damaged:
// Pebble refuses to start with it and does well without.
func (o *opening) dropOptions(sub string) error {
	names, err := o.fs.List(sub)
	if err != nil {
		return err
	}
	for _, n := range names {
		if !strings.HasPrefix(n, "OPTIONS-") {
			continue
		}
		at := o.fs.PathJoin(sub, n)
		text, err := readFile(o.fs, at)
		if err != nil {
			return err
		}
		if err := checkOptions(sub, text); err != nil {
			o.log.log.Warn("store: dropped a damaged file that is not needed", "file", at)
			if err := o.fs.Remove(at); err != nil {
				return err
			}
		}
	}
	return nil
}

func readFile(fs fileSystem, name string) (string, error) {
	f, err := fs.Open(name)
	if err != nil {
		return "", err
	}
	p, err := io.ReadAll(f)
	return string(p), errors.Join(err, f.Close())
}

var errVerified = errors.New("store: verified enough")

// verify reads the records through, so that damage shows at start.
func (o *opening) verify(d *db) error {
	n := 0
	err := d.scan(nil, nil, false, func(k, v []byte) error {
		if n += len(k) + len(v); n > verifyBytesMax {
			return errVerified
		}
		return nil
	})
	if err != nil && !errors.Is(err, errVerified) {
		return o.explain(err)
	}
	return nil
}

// sequence is the number of the last commit inside the database.
func (o *opening) sequence() (uint64, error) {
	p, err := o.into.db.get(keySequence)
	if isNotFound(err) {
		return 0, nil
	}
	if err != nil {
		return 0, o.explain(err)
	}
	if len(p) != 8 {
		return 0, o.damaged("commit sequence has a wrong form")
	}
	return binary.BigEndian.Uint64(p), nil
}

// schema is the version that wrote the database, 0 for an empty one.
func (o *opening) schema() (uint32, error) {
	p, err := o.into.db.get(keySchema)
	if isNotFound(err) {
		return 0, nil
	}
	if err != nil {
		return 0, o.explain(err)
	}
	if len(p) != 4 {
		return 0, o.damaged("schema version has a wrong form")
	}
	v := binary.BigEndian.Uint32(p)
	if v > schemaVersion {
		return v, fmt.Errorf("%w: %s has schema %d, this program knows up to %d: "+
			"use the newer program", ErrSchema, o.dir, v, schemaVersion)
	}
	return v, nil
}

func (o *opening) damaged(why string) error {
	return fmt.Errorf("%w: %s: %s: restore a copy of the data directory, or move it away "+
		"to start empty", ErrDamaged, o.dir, oneLine(why))
}

// explainLock tells a directory held by another process from one that cannot
// be written.
func (o *opening) explainLock(err error) error {
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES) && !isPath(err) ||
		strings.Contains(err.Error(), "lock held") {
		return fmt.Errorf("%w: %s is held by another process: stop that one, "+
			"or give this one a directory of its own", ErrLocked, o.dir)
	}
	return o.explain(err)
}

// isPath: an EACCES of open(2) names a path; that of fcntl(2) is a held lock.
func isPath(err error) bool {
	var p *fs.PathError
	return errors.As(err, &p)
}

// explain turns what went wrong with the files into one line that says what to do. Pebble
// may tell in words alone why a change failed: the fence has the system's error.
func (o *opening) explain(err error) error {
	known := o.known(err)
	if known == nil && o.into != nil {
		if met := o.into.fence.met.Load(); met != nil {
			known = o.known(*met)
		}
	}
	if known != nil {
		return known
	}
	return o.damaged(err.Error())
}

// explainDir does so for a directory that could not be made. Nothing in it was
// looked at, so nothing is damaged.
func (o *opening) explainDir(err error) error {
	if known := o.known(err); known != nil {
		return known
	}
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return fmt.Errorf("%w: %s: %s: make it yourself, or give another directory",
		ErrNotCreated, o.dir, oneLine(err.Error()))
}

// known tells causes by the system's error; nil if it is another.
func (o *opening) known(err error) error {
	switch {
	case errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("%w: %s: a part of the path is a file; give another directory",
			ErrNotDirectory, o.dir)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		at := o.dir
		if p := (*fs.PathError)(nil); errors.As(err, &p) {
			at = p.Path
		}
		return fmt.Errorf("%w: %s: give this user write access, or give another directory",
			ErrNotWritable, at)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("store: no space left for %s: free some: %w", o.dir, err)
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return fmt.Errorf("store: too few file descriptors for %s: raise ulimit -n: %w",
			o.dir, err)
	case errors.Is(err, syscall.EIO):
		return fmt.Errorf("store: the disk under %s fails: %w", o.dir, err)
	}
	return nil
}

// openAck opens the side file in dir; it is there after a power cut, too.
func openAck(fs fileSystem, dir string) (*ackFile, error) {
	name := fs.PathJoin(dir, ackName)
	f, err := fs.OpenReadWrite(name, anyCategory)
	if err != nil {
		return nil, err
	}
	if err := syncDir(fs, dir); err != nil {
		_ = f.Close() // the first error is the one to tell
		return nil, err
	}
	return &ackFile{f: f}, nil
}

// makeDir makes dir and its missing parents so that a power cut leaves them.
func makeDir(fs fileSystem, dir string) error {
	var parents []string
	for d := dir; ; d = fs.PathDir(d) {
		if _, err := fs.Stat(d); err == nil || d == fs.PathDir(d) {
			break
		}
		parents = append(parents, fs.PathDir(d))
	}
	if err := fs.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, d := range parents {
		if err := syncDir(fs, d); err != nil {
			return err
		}
	}
	return nil
}

func syncDir(fs fileSystem, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if e := d.Close(); err == nil {
		err = e
	}
	return err
}
